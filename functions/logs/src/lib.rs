//! Routes of execution logs.

mod figures;
mod parameters;
mod response;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use shared::domain::{
    ExecutionStatus, FunctionId, Level, Limits, List, Owner, Timestamp, WorkspaceId,
};
use shared::error::Error;
use shared::http::{
    CommonErrors, IfNoneMatch, ListQuery, NotModified, OwnerErrors, Path, PathErrors, QueryErrors,
};
use shared::rate_limit;
use shared::store::Store;
use utoipa::OpenApi;

use figures::{LogLines, Metrics};
use parameters::{FilterParameters, FunctionLogsParameters, WorkspaceLogsParameters};
use response::Logs;

/// The routes of this Lambda.
pub fn router(store: Store) -> Router {
    let router = Router::new()
        .route("/api/workspaces/{workspaceId}/logs", get(list_of_workspace))
        .route("/api/workspaces/{workspaceId}/functions/{functionId}/logs", get(list_of_function))
        .route("/api/functions/{functionId}/loki-logs", get(figures::lines))
        .route("/api/functions/{functionId}/metrics", get(figures::processor_time))
        .with_state(store.clone());
    rate_limit::per_owner(router, &store)
}

/// The OpenAPI description of these routes.
#[derive(Debug, OpenApi)]
#[openapi(
    paths(list_of_workspace, list_of_function, figures::lines, figures::processor_time),
    components(schemas(Logs, LogLines, Metrics, WorkspaceId, ExecutionStatus, Level, Timestamp))
)]
pub struct Description;

/// List the logs of a function
///
/// Newest first. A page of filtered logs may be short and still have a next one.
#[utoipa::path(
    get, path = "/api/workspaces/{workspaceId}/functions/{functionId}/logs",
    operation_id = "listFunctionLogs", tag = "Logs",
    params(("workspaceId" = WorkspaceId, Path), ("functionId" = FunctionId, Path), FunctionLogsParameters, FilterParameters, IfNoneMatch),
    responses(Logs, NotModified, PathErrors, QueryErrors, OwnerErrors, CommonErrors),
)]
async fn list_of_function(
    State(store): State<Store>,
    owner: Owner,
    Path((workspace, function)): Path<(String, String)>,
    query: ListQuery,
) -> Result<Logs, Error> {
    let limit = query.limit(Limits::FUNCTION_LOGS)?;
    let filter = query.log_filter()?;
    let (workspace, id) = (workspace.parse::<WorkspaceId>()?, function.parse::<FunctionId>()?);
    let page = query.page(List::FunctionLogs(id.clone(), filter.clone()), limit)?;
    let found = store.logs_of_function(&owner, &workspace, &id, &filter, &page).await?;
    Ok(Logs::new(&query, found))
}

/// List the logs of all functions of a workspace
///
/// Newest first. A page of filtered logs may be short and still have a next one.
#[utoipa::path(
    get, path = "/api/workspaces/{workspaceId}/logs", operation_id = "listWorkspaceLogs",
    tag = "Logs",
    params(("workspaceId" = WorkspaceId, Path), WorkspaceLogsParameters, FilterParameters, IfNoneMatch),
    responses(Logs, NotModified, PathErrors, QueryErrors, OwnerErrors, CommonErrors),
)]
async fn list_of_workspace(
    State(store): State<Store>,
    owner: Owner,
    Path(workspace): Path<String>,
    query: ListQuery,
) -> Result<Logs, Error> {
    let limit = query.limit(Limits::WORKSPACE_LOGS)?;
    let filter = query.log_filter()?;
    let id = workspace.parse::<WorkspaceId>()?;
    let page = query.page(List::WorkspaceLogs(id.clone(), filter.clone()), limit)?;
    let found = store.logs_of_workspace(&owner, &id, &filter, &page).await?;
    Ok(Logs::new(&query, found))
}
