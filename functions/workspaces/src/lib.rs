//! Workspaces: made, listed, read, changed and deleted.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::LOCATION;
use shared::domain::{
    CreateWorkspace, Fields, Limits, List, Owner, PatchWorkspace, Timestamp, Workspace, WorkspaceId,
};
use shared::error::Error;
use shared::http::{IfMatch, ListQuery, Path, Tagged};
use shared::store::Store;

/// The routes of this Lambda.
pub fn router(store: Store) -> Router {
    Router::new()
        .route("/api/workspaces", get(list).post(create))
        .route("/api/workspaces/{workspace}", get(read).patch(update).delete(delete))
        .with_state(store)
}

async fn create(State(store): State<Store>, fields: Fields) -> Result<Response, Error> {
    let workspace = CreateWorkspace::try_from(fields)?.create(Timestamp::now());
    let location = format!("/api/workspaces/{}", workspace.id);
    let made = store.create_workspace(&Owner::anonymous(), workspace).await?;
    Ok((StatusCode::CREATED, [(LOCATION, location)], Tagged(made)).into_response())
}

async fn list(State(store): State<Store>, query: ListQuery) -> Result<Response, Error> {
    let owner = Owner::anonymous();
    let limit = query.limit(Limits::RESOURCES)?;
    let page = query.page(List::Workspaces(owner.clone()), limit)?;
    Ok(query.array(store.workspaces_of_owner(&owner, &page).await?))
}

async fn read(
    State(store): State<Store>,
    Path(workspace): Path<String>,
) -> Result<Tagged<Workspace>, Error> {
    let id = WorkspaceId::parse(&workspace)?;
    Ok(Tagged(store.workspace(&Owner::anonymous(), &id).await?))
}

async fn update(
    State(store): State<Store>,
    Path(workspace): Path<String>,
    IfMatch(expected): IfMatch,
    fields: Fields,
) -> Result<Tagged<Workspace>, Error> {
    let patch = PatchWorkspace::try_from(fields)?;
    let id = WorkspaceId::parse(&workspace)?;
    Ok(Tagged(store.patch_workspace(&Owner::anonymous(), &id, &expected, patch).await?))
}

async fn delete(
    State(store): State<Store>,
    Path(workspace): Path<String>,
    IfMatch(expected): IfMatch,
) -> Result<StatusCode, Error> {
    let id = WorkspaceId::parse(&workspace)?;
    store.delete_workspace(&Owner::anonymous(), &id, &expected).await?;
    Ok(StatusCode::NO_CONTENT)
}
