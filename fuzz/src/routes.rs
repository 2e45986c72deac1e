//! Routes that read requests as the Lambdas do, and answer without storage.

use axum::extract::{MatchedPath, Request};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{any, delete, get, patch, post};
use axum::{Json, Router};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};
use shared::domain::{
    CreateFunction, CreateInvocationKey, CreateWorkspace, CreationSeed, Fields, Function,
    FunctionId, KeyId, Limits, List, NewInvocationKey, Owner, Page, PageRequest, PatchFunction,
    PatchWorkspace, Timestamp, Versioned, Workspace, WorkspaceId,
};
use shared::error::Error;
use shared::http::{
    BaseUrl, CreatedResponse, IdempotentJson, IfMatch, ListQuery, ListResponse, Path, WithEtag,
};

/// The header with the matched route.
pub const ROUTE: &str = "x-route";

/// The position in every list's cursor.
const POSITION: &str = "position";

/// The routes.
pub fn router() -> Router {
    Router::new()
        .route("/api/workspaces", get(workspaces).post(create_workspace))
        .route("/api/workspaces/{workspaceId}", get(workspace).patch(patch_workspace))
        .route("/api/workspaces/{workspaceId}/functions", get(functions).post(create_function))
        .route("/api/workspaces/{workspaceId}/functions/{functionId}", patch(patch_function))
        .route("/api/workspaces/{workspaceId}/functions/{functionId}/keys", post(create_key))
        .route(
            "/api/workspaces/{workspaceId}/functions/{functionId}/keys/{keyId}",
            delete(revoke_key),
        )
        .route("/api/workspaces/{workspaceId}/functions/{functionId}/logs", get(function_logs))
        .route("/api/workspaces/{workspaceId}/logs", get(workspace_logs))
        .route("/invoke/{workspaceId}/{functionId}", any(call))
        .route("/invoke/{workspaceId}/{functionId}/{*rest}", any(call))
        .route_layer(from_fn(add_route_header))
}

async fn add_route_header(route: MatchedPath, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let route = HeaderValue::from_str(route.as_str()).expect("a route is ASCII");
    response.headers_mut().insert(HeaderName::from_static(ROUTE), route);
    response
}

fn empty_page<T>(page: &PageRequest) -> Page<T> {
    Page { items: Vec::new(), next: Some(page.cursor(POSITION)) }
}

async fn workspaces(owner: Owner, query: ListQuery) -> Result<ListResponse<Workspace>, Error> {
    let limit = query.limit(Limits::RESOURCES)?;
    let page = query.page(List::Workspaces(owner), limit)?;
    Ok(query.respond(empty_page(&page)))
}

async fn create_workspace(
    _: Owner,
    IdempotentJson { fields, .. }: IdempotentJson,
) -> Result<CreatedResponse<Workspace>, Error> {
    let workspace = CreateWorkspace::try_from(fields)?.create(&CreationSeed::new(Timestamp::now()));
    let location = format!("/api/workspaces/{}", workspace.id);
    Ok(CreatedResponse {
        location,
        resource: Versioned { value: workspace, version: 1 },
        is_replayed: false,
    })
}

async fn workspace(Path(workspace): Path<String>) -> Result<Json<Value>, Error> {
    Ok(Json(json!({ "id": workspace.parse::<WorkspaceId>()? })))
}

async fn patch_workspace(
    Path(workspace): Path<String>,
    IfMatch(expected): IfMatch,
    fields: Fields,
) -> Result<Json<Value>, Error> {
    PatchWorkspace::try_from(fields)?;
    let id = workspace.parse::<WorkspaceId>()?;
    if !expected.allows(7) {
        return Err(Error::PreconditionFailed);
    }
    Ok(Json(json!({ "id": id })))
}

async fn functions(
    Path(workspace): Path<String>,
    query: ListQuery,
) -> Result<ListResponse<Function>, Error> {
    let limit = query.limit(Limits::RESOURCES)?;
    let page = query.page(List::Functions(workspace.parse::<WorkspaceId>()?), limit)?;
    Ok(query.respond(empty_page(&page)))
}

async fn create_function(
    Path(workspace): Path<String>,
    base: BaseUrl,
    IdempotentJson { fields, .. }: IdempotentJson,
) -> Result<CreatedResponse<Function>, Error> {
    let create = CreateFunction::try_from(fields)?;
    let now = Timestamp::now();
    let mut function = create.create(workspace.parse::<WorkspaceId>()?, &CreationSeed::new(now));
    function.last_deployed = Some(now);
    let location = format!("/api/workspaces/{}/functions/{}", function.workspace_id, function.id);
    let value = base.with_invocation_url(function);
    Ok(CreatedResponse { location, resource: Versioned { value, version: 1 }, is_replayed: true })
}

async fn patch_function(
    Path((workspace, function)): Path<(String, String)>,
    IfMatch(expected): IfMatch,
    fields: Fields,
) -> Result<WithEtag<Value>, Error> {
    PatchFunction::try_from(fields)?;
    let ids = (workspace.parse::<WorkspaceId>()?, function.parse::<FunctionId>()?);
    if !expected.allows(7) {
        return Err(Error::PreconditionFailed);
    }
    Ok(WithEtag(Versioned { value: json!(ids), version: 8 }))
}

async fn create_key(
    Path((workspace, function)): Path<(String, String)>,
    fields: Fields,
) -> Result<(StatusCode, Json<NewInvocationKey>), Error> {
    let create = CreateInvocationKey::try_from(fields)?;
    let _: WorkspaceId = workspace.parse()?;
    let _: FunctionId = function.parse()?;
    Ok((StatusCode::CREATED, Json(create.create(&CreationSeed::new(Timestamp::now()))?)))
}

async fn revoke_key(
    Path((workspace, function, key)): Path<(String, String, String)>,
) -> Result<StatusCode, Error> {
    let _: WorkspaceId = workspace.parse()?;
    let _: FunctionId = function.parse()?;
    let _: KeyId = key.parse()?;
    Ok(StatusCode::NO_CONTENT)
}

async fn function_logs(
    Path((workspace, function)): Path<(String, String)>,
    query: ListQuery,
) -> Result<HeaderMap, Error> {
    let limit = query.limit(Limits::FUNCTION_LOGS)?;
    let filter = query.log_filter()?;
    let _: WorkspaceId = workspace.parse()?;
    let page = query.page(List::FunctionLogs(function.parse::<FunctionId>()?, filter), limit)?;
    Ok(query.link(Some(&page.cursor(POSITION))))
}

async fn workspace_logs(
    Path(workspace): Path<String>,
    query: ListQuery,
) -> Result<HeaderMap, Error> {
    let limit = query.limit(Limits::WORKSPACE_LOGS)?;
    let filter = query.log_filter()?;
    let page = query.page(List::WorkspaceLogs(workspace.parse::<WorkspaceId>()?, filter), limit)?;
    Ok(query.link(Some(&page.cursor(POSITION))))
}

async fn call() -> &'static str {
    "called"
}
