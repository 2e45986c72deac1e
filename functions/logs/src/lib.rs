//! Execution logs, of one function and of a whole workspace, newest first.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::HeaderMap;
use serde::Serialize;
use shared::domain::{
    ExecutionLog, FunctionId, Level, Limits, List, Listing, LogFilter, Outcome, Owner, Timestamp,
    WorkspaceId,
};
use shared::error::Error;
use shared::http::{Always, ListQuery, OfPath, OfQuery, Path, described_link, parameters_of_list};
use shared::store::Store;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::response::Response as Described;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};
use utoipa::{IntoParams, IntoResponses, OpenApi, ToSchema};

/// The routes of this Lambda.
pub fn router(store: Store) -> Router {
    Router::new()
        .route("/api/workspaces/{workspaceId}/logs", get(of_workspace))
        .route("/api/workspaces/{workspaceId}/functions/{functionId}/logs", get(of_function))
        .with_state(store)
}

/// What these routes say of themselves.
#[derive(Debug, OpenApi)]
#[openapi(
    paths(of_workspace, of_function),
    components(schemas(Logs, WorkspaceId, Outcome, Level, Timestamp))
)]
pub struct Description;

/// A page of logs.
#[derive(Debug, Serialize, ToSchema)]
struct Logs {
    #[serde(skip)]
    link: HeaderMap,
    /// The logs, the newest first.
    logs: Vec<ExecutionLog>,
    /// How many of them are in this answer.
    total: usize,
}

impl IntoResponse for Logs {
    fn into_response(mut self) -> Response {
        (std::mem::take(&mut self.link), Json(self)).into_response()
    }
}

impl IntoResponses for Logs {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        let body = ContentBuilder::new().schema(Some(Ref::from_schema_name(Self::name())));
        let answer = ResponseBuilder::new()
            .description("The newest first.")
            .header("Link", described_link())
            .content("application/json", body.build());
        BTreeMap::from([("200".to_owned(), answer.build().into())])
    }
}

/// How many logs of a function are asked for.
struct OfFunction;

impl IntoParams for OfFunction {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        parameters_of_list(Limits::FUNCTION_LOGS)
    }
}

/// How many logs of a workspace are asked for.
struct OfWorkspace;

impl IntoParams for OfWorkspace {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        parameters_of_list(Limits::WORKSPACE_LOGS)
    }
}

/// Which logs are asked for: what [`LogFilter::parse`] reads.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes the parameters and holds none")]
struct Filter {
    /// Only those that ended so.
    #[param(nullable = false)]
    status: Option<Outcome>,
    /// Only those of this level.
    #[param(nullable = false)]
    level: Option<Level>,
    /// Only those that began then or later.
    #[param(nullable = false)]
    since: Option<Timestamp>,
    /// Only those that began before.
    #[param(nullable = false)]
    until: Option<Timestamp>,
    /// Only those with this text in a printed line; upper and lower case are the same.
    #[param(nullable = false)]
    q: Option<String>,
}

/// List the logs of a function
///
/// Newest first. A page of filtered logs may be short and still have a next one.
#[utoipa::path(
    get, path = "/api/workspaces/{workspaceId}/functions/{functionId}/logs",
    operation_id = "listFunctionLogs", tag = "Logs",
    params(("workspaceId" = WorkspaceId, Path), ("functionId" = FunctionId, Path), OfFunction, Filter),
    responses(Logs, OfPath, OfQuery, Always),
)]
async fn of_function(
    State(store): State<Store>,
    owner: Owner,
    Path((workspace, function)): Path<(String, String)>,
    query: ListQuery,
) -> Result<Logs, Error> {
    let limit = query.limit(Limits::FUNCTION_LOGS)?;
    let filter = LogFilter::parse(|name| query.parameter(name))?;
    let (workspace, id) = (WorkspaceId::parse(&workspace)?, FunctionId::parse(&function)?);
    let page = query.page(List::FunctionLogs(id.clone(), filter.clone()), limit)?;
    let found = store.logs_of_function(&owner, &workspace, &id, &filter, &page).await?;
    Ok(answer(&query, found))
}

/// List the logs of all functions of a workspace
///
/// Newest first. A page of filtered logs may be short and still have a next one.
#[utoipa::path(
    get, path = "/api/workspaces/{workspaceId}/logs", operation_id = "listWorkspaceLogs",
    tag = "Logs",
    params(("workspaceId" = WorkspaceId, Path), OfWorkspace, Filter),
    responses(Logs, OfPath, OfQuery, Always),
)]
async fn of_workspace(
    State(store): State<Store>,
    owner: Owner,
    Path(workspace): Path<String>,
    query: ListQuery,
) -> Result<Logs, Error> {
    let limit = query.limit(Limits::WORKSPACE_LOGS)?;
    let filter = LogFilter::parse(|name| query.parameter(name))?;
    let id = WorkspaceId::parse(&workspace)?;
    let page = query.page(List::WorkspaceLogs(id.clone(), filter.clone()), limit)?;
    let found = store.logs_of_workspace(&owner, &id, &filter, &page).await?;
    Ok(answer(&query, found))
}

fn answer(query: &ListQuery, found: Listing<ExecutionLog>) -> Logs {
    let link = query.link(found.next.as_deref());
    Logs { link, total: found.items.len(), logs: found.items }
}
