//! Functions: made, listed with their sources, read, changed and deleted.

mod keys;

use axum::Router;
use axum::extract::State;
use axum::routing::{delete, get};
use http::StatusCode;
use shared::admission::limited;
use shared::domain::{
    CreateFunction, CreateInvocationKey, Fields, Function, FunctionId, InvocationKey, KeyId,
    Limits, List, NewInvocationKey, Owner, PatchFunction, WorkspaceId,
};
use shared::error::Error;
use shared::http::{
    Always, Array, BaseUrl, Created, IfMatch, IfNoneMatch, ListQuery, OfBody, OfOwner, OfPath,
    OfQuery, OfQuota, OfRepeat, OfVersion, Path, Repeatable, Tagged, Unchanged,
};
use shared::store::{Made, Store};
use utoipa::OpenApi;

/// The routes of this Lambda.
pub fn router(store: Store) -> Router {
    let router = Router::new()
        .route("/api/workspaces/{workspaceId}/functions", get(list).post(create))
        .route(
            "/api/workspaces/{workspaceId}/functions/{functionId}",
            get(read).patch(update).delete(remove),
        )
        .route(
            "/api/workspaces/{workspaceId}/functions/{functionId}/keys",
            get(keys::list).post(keys::create),
        )
        .route(
            "/api/workspaces/{workspaceId}/functions/{functionId}/keys/{keyId}",
            delete(keys::revoke),
        )
        .with_state(store.clone());
    limited(router, &store)
}

/// What these routes say of themselves.
#[derive(Debug, OpenApi)]
#[openapi(
    paths(create, list, read, update, remove, keys::create, keys::list, keys::revoke),
    components(schemas(
        Function,
        CreateFunction,
        PatchFunction,
        InvocationKey,
        CreateInvocationKey,
        NewInvocationKey,
        KeyId,
    ))
)]
pub struct Description;

/// Make a function
///
/// It is active, and deployed as soon as it is made, which takes some seconds; then it has an
/// `invocationUrl`.
#[utoipa::path(
    post, path = "/api/workspaces/{workspaceId}/functions", operation_id = "createFunction",
    tag = "Functions",
    params(("workspaceId" = WorkspaceId, Path), Repeatable), request_body = CreateFunction,
    responses(Created<Function>, OfPath, OfBody, OfRepeat, OfQuota, OfOwner, Always),
)]
async fn create(
    State(store): State<Store>,
    owner: Owner,
    Path(workspace): Path<String>,
    Repeatable { fields, intent }: Repeatable,
) -> Result<Created<Function>, Error> {
    let create = CreateFunction::try_from(fields)?;
    let workspace = WorkspaceId::parse(&workspace)?;
    let claim = store.claim(&owner, intent.as_ref()).await?;
    let function = create.create(workspace, &claim.origin);
    let location = format!("/api/workspaces/{}/functions/{}", function.workspace_id, function.id);
    let Made { made, is_replayed } = store.create_function(&owner, &claim, function).await?;
    Ok(Created { location, made, is_replayed })
}

/// List the functions of a workspace
///
/// Each with its code. Without `limit`, all that one answer can carry.
#[utoipa::path(
    get, path = "/api/workspaces/{workspaceId}/functions", operation_id = "listFunctions",
    tag = "Functions",
    params(("workspaceId" = WorkspaceId, Path), ListQuery, IfNoneMatch),
    responses(Array<Function>, Unchanged, OfPath, OfQuery, OfOwner, Always),
)]
async fn list(
    State(store): State<Store>,
    owner: Owner,
    Path(workspace): Path<String>,
    BaseUrl(base): BaseUrl,
    query: ListQuery,
) -> Result<Array<Function>, Error> {
    let limit = query.limit(Limits::RESOURCES)?;
    let id = WorkspaceId::parse(&workspace)?;
    let page = query.page(List::Functions(id.clone()), limit)?;
    let found = store.functions_of_workspace(&owner, &id, &page).await?;
    Ok(query.array(found.map(|function| function.at(&base))))
}

/// Read a function
///
/// With its code, how far its deployment is, and the figures of the last 24 hours.
#[utoipa::path(
    get, path = "/api/workspaces/{workspaceId}/functions/{functionId}", operation_id = "getFunction",
    tag = "Functions",
    params(("workspaceId" = WorkspaceId, Path), ("functionId" = FunctionId, Path), IfNoneMatch),
    responses(Tagged<Function>, Unchanged, OfPath, OfOwner, Always),
)]
async fn read(
    State(store): State<Store>,
    owner: Owner,
    Path((workspace, function)): Path<(String, String)>,
    BaseUrl(base): BaseUrl,
) -> Result<Tagged<Function>, Error> {
    let (workspace, id) = (WorkspaceId::parse(&workspace)?, FunctionId::parse(&function)?);
    let found = store.function(&owner, &workspace, &id).await?;
    Ok(Tagged(found.map(|function| function.at(&base))))
}

/// Change a function
///
/// A field that is absent stays as it is. What is called changes once the change is deployed.
#[utoipa::path(
    patch, path = "/api/workspaces/{workspaceId}/functions/{functionId}",
    operation_id = "updateFunction", tag = "Functions",
    params(("workspaceId" = WorkspaceId, Path), ("functionId" = FunctionId, Path), IfMatch),
    request_body = PatchFunction,
    responses(Tagged<Function>, OfPath, OfVersion, OfBody, OfOwner, Always),
)]
async fn update(
    State(store): State<Store>,
    owner: Owner,
    Path((workspace, function)): Path<(String, String)>,
    IfMatch(expected): IfMatch,
    BaseUrl(base): BaseUrl,
    fields: Fields,
) -> Result<Tagged<Function>, Error> {
    let patch = PatchFunction::try_from(fields)?;
    let (workspace, id) = (WorkspaceId::parse(&workspace)?, FunctionId::parse(&function)?);
    let patched = store.patch_function(&owner, &workspace, &id, &expected, patch).await?;
    Ok(Tagged(patched.map(|function| function.at(&base))))
}

/// Delete a function
///
/// Its code and logs go too, and its URL is 404 at once.
#[utoipa::path(
    delete, path = "/api/workspaces/{workspaceId}/functions/{functionId}",
    operation_id = "deleteFunction", tag = "Functions",
    params(("workspaceId" = WorkspaceId, Path), ("functionId" = FunctionId, Path), IfMatch),
    responses((status = 204, description = "It is gone."), OfPath, OfVersion, OfOwner, Always),
)]
async fn remove(
    State(store): State<Store>,
    owner: Owner,
    Path((workspace, function)): Path<(String, String)>,
    IfMatch(expected): IfMatch,
) -> Result<StatusCode, Error> {
    let (workspace, id) = (WorkspaceId::parse(&workspace)?, FunctionId::parse(&function)?);
    store.delete_function(&owner, &workspace, &id, &expected).await?;
    Ok(StatusCode::NO_CONTENT)
}
