//! Routes of workspaces.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use http::StatusCode;
use shared::domain::{
    CreateWorkspace, Fields, Limits, List, Owner, PatchWorkspace, Workspace, WorkspaceId,
};
use shared::error::Error;
use shared::http::{
    BodyErrors, CommonErrors, CreatedResponse, IdempotencyErrors, IdempotentJson, IfMatch,
    IfNoneMatch, ListQuery, ListResponse, NotModified, OwnerErrors, Path, PathErrors, QueryErrors,
    QuotaErrors, VersionErrors, WithEtag,
};
use shared::rate_limit;
use shared::store::{Created, Store};
use utoipa::OpenApi;

/// The routes of this Lambda.
pub fn router(store: Store) -> Router {
    let router = Router::new()
        .route("/api/workspaces", get(list).post(create))
        .route("/api/workspaces/{workspaceId}", get(read).patch(update).delete(delete))
        .with_state(store.clone());
    rate_limit::per_owner(router, &store)
}

/// The OpenAPI description of these routes.
#[derive(Debug, OpenApi)]
#[openapi(
    paths(create, list, read, update, delete),
    components(schemas(Workspace, CreateWorkspace, PatchWorkspace))
)]
pub struct Description;

/// Make a workspace
///
/// A team keeps its functions in it. Several may have the same name.
#[utoipa::path(
    post, path = "/api/workspaces", operation_id = "createWorkspace", tag = "Workspaces",
    params(IdempotentJson), request_body = CreateWorkspace,
    responses(CreatedResponse<Workspace>, BodyErrors, IdempotencyErrors, QuotaErrors, OwnerErrors, CommonErrors),
)]
async fn create(
    State(store): State<Store>,
    owner: Owner,
    IdempotentJson { fields, idempotency }: IdempotentJson,
) -> Result<CreatedResponse<Workspace>, Error> {
    let create = CreateWorkspace::try_from(fields)?;
    let claim = store.claim(&owner, idempotency.as_ref()).await?;
    let workspace = create.create(&claim.origin);
    let location = format!("/api/workspaces/{}", workspace.id);
    let Created { made, is_replayed } = store.create_workspace(&owner, &claim, workspace).await?;
    Ok(CreatedResponse { location, resource: made, is_replayed })
}

/// List the workspaces
///
/// Without `limit`, all that one answer can carry.
#[utoipa::path(
    get, path = "/api/workspaces", operation_id = "listWorkspaces", tag = "Workspaces",
    params(ListQuery, IfNoneMatch),
    responses(ListResponse<Workspace>, NotModified, QueryErrors, OwnerErrors, CommonErrors),
)]
async fn list(
    State(store): State<Store>,
    owner: Owner,
    query: ListQuery,
) -> Result<ListResponse<Workspace>, Error> {
    let limit = query.limit(Limits::RESOURCES)?;
    let page = query.page(List::Workspaces(owner.clone()), limit)?;
    Ok(query.respond(store.workspaces_of_owner(&owner, &page).await?))
}

/// Read a workspace
///
/// With the figures of the last 24 hours, which follow the executions by some seconds.
#[utoipa::path(
    get, path = "/api/workspaces/{workspaceId}", operation_id = "getWorkspace", tag = "Workspaces",
    params(("workspaceId" = WorkspaceId, Path), IfNoneMatch),
    responses(WithEtag<Workspace>, NotModified, PathErrors, OwnerErrors, CommonErrors),
)]
async fn read(
    State(store): State<Store>,
    owner: Owner,
    Path(workspace): Path<String>,
) -> Result<WithEtag<Workspace>, Error> {
    let id = workspace.parse::<WorkspaceId>()?;
    Ok(WithEtag(store.workspace(&owner, &id).await?))
}

/// Change a workspace
///
/// A field that is absent stays as it is.
#[utoipa::path(
    patch, path = "/api/workspaces/{workspaceId}", operation_id = "updateWorkspace", tag = "Workspaces",
    params(("workspaceId" = WorkspaceId, Path), IfMatch), request_body = PatchWorkspace,
    responses(WithEtag<Workspace>, PathErrors, VersionErrors, BodyErrors, OwnerErrors, CommonErrors),
)]
async fn update(
    State(store): State<Store>,
    owner: Owner,
    Path(workspace): Path<String>,
    IfMatch(expected): IfMatch,
    fields: Fields,
) -> Result<WithEtag<Workspace>, Error> {
    let patch = PatchWorkspace::try_from(fields)?;
    let id = workspace.parse::<WorkspaceId>()?;
    Ok(WithEtag(store.patch_workspace(&owner, &id, &expected, patch).await?))
}

/// Delete a workspace
///
/// Its functions, their code and logs go too. Every route below it is 404 at once.
#[utoipa::path(
    delete, path = "/api/workspaces/{workspaceId}", operation_id = "deleteWorkspace", tag = "Workspaces",
    params(("workspaceId" = WorkspaceId, Path), IfMatch),
    responses((status = 204, description = "It is gone."), PathErrors, VersionErrors, OwnerErrors, CommonErrors),
)]
async fn delete(
    State(store): State<Store>,
    owner: Owner,
    Path(workspace): Path<String>,
    IfMatch(expected): IfMatch,
) -> Result<StatusCode, Error> {
    let id = workspace.parse::<WorkspaceId>()?;
    store.delete_workspace(&owner, &id, &expected).await?;
    Ok(StatusCode::NO_CONTENT)
}
