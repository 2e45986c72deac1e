//! Functions: made, listed with their sources, read, changed and deleted.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::LOCATION;
use shared::domain::{
    CreateFunction, Fields, Function, FunctionId, Limits, List, Owner, PatchFunction, Timestamp,
    WorkspaceId,
};
use shared::error::Error;
use shared::http::{BaseUrl, IfMatch, ListQuery, Path, Tagged};
use shared::store::Store;

/// The routes of this Lambda.
pub fn router(store: Store) -> Router {
    Router::new()
        .route("/api/workspaces/{workspace}/functions", get(list).post(create))
        .route(
            "/api/workspaces/{workspace}/functions/{function}",
            get(read).patch(update).delete(delete),
        )
        .with_state(store)
}

async fn create(
    State(store): State<Store>,
    Path(workspace): Path<String>,
    fields: Fields,
) -> Result<Response, Error> {
    let create = CreateFunction::try_from(fields)?;
    let function = create.create(WorkspaceId::parse(&workspace)?, Timestamp::now());
    let location = format!("/api/workspaces/{}/functions/{}", function.workspace_id, function.id);
    let made = store.create_function(&Owner::anonymous(), function).await?;
    Ok((StatusCode::CREATED, [(LOCATION, location)], Tagged(made)).into_response())
}

async fn list(
    State(store): State<Store>,
    Path(workspace): Path<String>,
    BaseUrl(base): BaseUrl,
    query: ListQuery,
) -> Result<Response, Error> {
    let limit = query.limit(Limits::RESOURCES)?;
    let id = WorkspaceId::parse(&workspace)?;
    let page = query.page(List::Functions(id.clone()), limit)?;
    let found = store.functions_of_workspace(&Owner::anonymous(), &id, &page).await?;
    Ok(query.array(found.map(|function| function.at(&base))))
}

async fn read(
    State(store): State<Store>,
    Path((workspace, function)): Path<(String, String)>,
    BaseUrl(base): BaseUrl,
) -> Result<Tagged<Function>, Error> {
    let (workspace, id) = (WorkspaceId::parse(&workspace)?, FunctionId::parse(&function)?);
    let found = store.function(&Owner::anonymous(), &workspace, &id).await?;
    Ok(Tagged(found.map(|function| function.at(&base))))
}

async fn update(
    State(store): State<Store>,
    Path((workspace, function)): Path<(String, String)>,
    IfMatch(expected): IfMatch,
    BaseUrl(base): BaseUrl,
    fields: Fields,
) -> Result<Tagged<Function>, Error> {
    let patch = PatchFunction::try_from(fields)?;
    let (workspace, id) = (WorkspaceId::parse(&workspace)?, FunctionId::parse(&function)?);
    let owner = Owner::anonymous();
    let patched = store.patch_function(&owner, &workspace, &id, &expected, patch).await?;
    Ok(Tagged(patched.map(|function| function.at(&base))))
}

async fn delete(
    State(store): State<Store>,
    Path((workspace, function)): Path<(String, String)>,
    IfMatch(expected): IfMatch,
) -> Result<StatusCode, Error> {
    let (workspace, id) = (WorkspaceId::parse(&workspace)?, FunctionId::parse(&function)?);
    store.delete_function(&Owner::anonymous(), &workspace, &id, &expected).await?;
    Ok(StatusCode::NO_CONTENT)
}
