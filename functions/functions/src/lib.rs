//! Routes of functions and of their invocation keys.

mod keys;
mod uploads;

use axum::Router;
use axum::extract::State;
use axum::routing::{delete, get, post};
use http::StatusCode;
use shared::domain::{
    CreateFunction, CreateInvocationKey, Dependencies, Fields, Function, FunctionId, InvocationKey,
    KeyId, Limits, List, LockedPackage, NewInvocationKey, NewUpload, Owner, PatchFunction,
    SettingsInSchemas, Upload, WorkspaceId,
};
use shared::error::Error;
use shared::http::{
    BaseUrl, BodyErrors, CommonErrors, CreatedResponse, IdempotencyErrors, IdempotentJson, IfMatch,
    IfNoneMatch, ListQuery, ListResponse, NotModified, OwnerErrors, Path, PathErrors, QueryErrors,
    QuotaErrors, VersionErrors, WithEtag,
};
use shared::rate_limit;
use shared::store::{Created, Store};
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
        .route(
            "/api/workspaces/{workspaceId}/functions/{functionId}/uploads",
            post(uploads::create),
        )
        .with_state(store.clone());
    rate_limit::per_owner(router, &store)
}

/// The OpenAPI description of these routes.
#[derive(Debug, OpenApi)]
#[openapi(
    paths(create, list, read, update, remove, keys::create, keys::list, keys::revoke, uploads::create),
    components(schemas(
        Function,
        CreateFunction,
        PatchFunction,
        InvocationKey,
        CreateInvocationKey,
        NewInvocationKey,
        KeyId,
        NewUpload,
        Upload,
        Dependencies,
        LockedPackage,
    )),
    modifiers(&SettingsInSchemas)
)]
pub struct Description;

/// Make a function
///
/// It is active, and deployed as soon as it is made, which takes some seconds; then it has an
/// `invocationUrl`.
#[utoipa::path(
    post, path = "/api/workspaces/{workspaceId}/functions", operation_id = "createFunction",
    tag = "Functions",
    params(("workspaceId" = WorkspaceId, Path), IdempotentJson), request_body = CreateFunction,
    responses(CreatedResponse<Function>, PathErrors, BodyErrors, IdempotencyErrors, QuotaErrors, OwnerErrors, CommonErrors),
)]
async fn create(
    State(store): State<Store>,
    owner: Owner,
    Path(workspace): Path<String>,
    IdempotentJson { fields, idempotency }: IdempotentJson,
) -> Result<CreatedResponse<Function>, Error> {
    let create = CreateFunction::try_from(fields)?;
    let workspace = workspace.parse::<WorkspaceId>()?;
    let claim = store.claim(&owner, idempotency.as_ref()).await?;
    let function = create.create(workspace, &claim.origin);
    let location = format!("/api/workspaces/{}/functions/{}", function.workspace_id, function.id);
    let Created { made, is_replayed } = store.create_function(&owner, &claim, function).await?;
    Ok(CreatedResponse { location, resource: made, is_replayed })
}

/// List the functions of a workspace
///
/// Each with its code. Without `limit`, all that one answer can carry.
#[utoipa::path(
    get, path = "/api/workspaces/{workspaceId}/functions", operation_id = "listFunctions",
    tag = "Functions",
    params(("workspaceId" = WorkspaceId, Path), ListQuery, IfNoneMatch),
    responses(ListResponse<Function>, NotModified, PathErrors, QueryErrors, OwnerErrors, CommonErrors),
)]
async fn list(
    State(store): State<Store>,
    owner: Owner,
    Path(workspace): Path<String>,
    base: BaseUrl,
    query: ListQuery,
) -> Result<ListResponse<Function>, Error> {
    let limit = query.limit(Limits::RESOURCES)?;
    let id = workspace.parse::<WorkspaceId>()?;
    let page = query.page(List::Functions(id.clone()), limit)?;
    let found = store.functions_of_workspace(&owner, &id, &page).await?;
    Ok(query.respond(found.map(|function| base.with_invocation_url(function))))
}

/// Read a function
///
/// With its code, how far its deployment is, and the figures of the last 24 hours.
#[utoipa::path(
    get, path = "/api/workspaces/{workspaceId}/functions/{functionId}", operation_id = "getFunction",
    tag = "Functions",
    params(("workspaceId" = WorkspaceId, Path), ("functionId" = FunctionId, Path), IfNoneMatch),
    responses(WithEtag<Function>, NotModified, PathErrors, OwnerErrors, CommonErrors),
)]
async fn read(
    State(store): State<Store>,
    owner: Owner,
    Path((workspace, function)): Path<(String, String)>,
    base: BaseUrl,
) -> Result<WithEtag<Function>, Error> {
    let (workspace, id) = (workspace.parse::<WorkspaceId>()?, function.parse::<FunctionId>()?);
    let found = store.function(&owner, &workspace, &id).await?;
    Ok(WithEtag(found.map(|function| base.with_invocation_url(function))))
}

/// Change a function
///
/// A field that is absent stays as it is. What is called changes once the change is deployed.
#[utoipa::path(
    patch, path = "/api/workspaces/{workspaceId}/functions/{functionId}",
    operation_id = "updateFunction", tag = "Functions",
    params(("workspaceId" = WorkspaceId, Path), ("functionId" = FunctionId, Path), IfMatch),
    request_body = PatchFunction,
    responses(WithEtag<Function>, PathErrors, VersionErrors, BodyErrors, OwnerErrors, CommonErrors),
)]
async fn update(
    State(store): State<Store>,
    owner: Owner,
    Path((workspace, function)): Path<(String, String)>,
    IfMatch(expected): IfMatch,
    base: BaseUrl,
    fields: Fields,
) -> Result<WithEtag<Function>, Error> {
    let patch = PatchFunction::try_from(fields)?;
    let (workspace, id) = (workspace.parse::<WorkspaceId>()?, function.parse::<FunctionId>()?);
    let patched = store.patch_function(&owner, &workspace, &id, &expected, patch).await?;
    Ok(WithEtag(patched.map(|function| base.with_invocation_url(function))))
}

/// Delete a function
///
/// Its code and logs go too, and its URL is 404 at once.
#[utoipa::path(
    delete, path = "/api/workspaces/{workspaceId}/functions/{functionId}",
    operation_id = "deleteFunction", tag = "Functions",
    params(("workspaceId" = WorkspaceId, Path), ("functionId" = FunctionId, Path), IfMatch),
    responses((status = 204, description = "It is gone."), PathErrors, VersionErrors, OwnerErrors, CommonErrors),
)]
async fn remove(
    State(store): State<Store>,
    owner: Owner,
    Path((workspace, function)): Path<(String, String)>,
    IfMatch(expected): IfMatch,
) -> Result<StatusCode, Error> {
    let (workspace, id) = (workspace.parse::<WorkspaceId>()?, function.parse::<FunctionId>()?);
    store.delete_function(&owner, &workspace, &id, &expected).await?;
    Ok(StatusCode::NO_CONTENT)
}
