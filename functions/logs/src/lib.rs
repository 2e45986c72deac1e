//! Execution logs, of one function and of a whole workspace, newest first.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use shared::domain::{
    ExecutionLog, FunctionId, Limits, List, Listing, LogFilter, Owner, WorkspaceId,
};
use shared::error::Error;
use shared::http::{ListQuery, Path};
use shared::store::Store;

/// The routes of this Lambda.
pub fn router(store: Store) -> Router {
    Router::new()
        .route("/api/workspaces/{workspace}/logs", get(of_workspace))
        .route("/api/workspaces/{workspace}/functions/{function}/logs", get(of_function))
        .with_state(store)
}

/// Logs, and how many they are.
#[derive(Debug, Serialize)]
struct Logs {
    logs: Vec<ExecutionLog>,
    total: usize,
}

async fn of_function(
    State(store): State<Store>,
    Path((workspace, function)): Path<(String, String)>,
    query: ListQuery,
) -> Result<Response, Error> {
    let limit = query.limit(Limits::FUNCTION_LOGS)?;
    let filter = LogFilter::parse(|name| query.parameter(name))?;
    let (workspace, id) = (WorkspaceId::parse(&workspace)?, FunctionId::parse(&function)?);
    let page = query.page(List::FunctionLogs(id.clone(), filter.clone()), limit)?;
    let owner = Owner::anonymous();
    let found = store.logs_of_function(&owner, &workspace, &id, &filter, &page).await?;
    Ok(answer(&query, found))
}

async fn of_workspace(
    State(store): State<Store>,
    Path(workspace): Path<String>,
    query: ListQuery,
) -> Result<Response, Error> {
    let limit = query.limit(Limits::WORKSPACE_LOGS)?;
    let filter = LogFilter::parse(|name| query.parameter(name))?;
    let id = WorkspaceId::parse(&workspace)?;
    let page = query.page(List::WorkspaceLogs(id.clone(), filter.clone()), limit)?;
    let found = store.logs_of_workspace(&Owner::anonymous(), &id, &filter, &page).await?;
    Ok(answer(&query, found))
}

fn answer(query: &ListQuery, found: Listing<ExecutionLog>) -> Response {
    let total = found.items.len();
    let link = query.link(found.next.as_deref());
    (link, Json(Logs { logs: found.items, total })).into_response()
}
