//! The route of uploads.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use http::StatusCode;
use http::header::CACHE_CONTROL;
use shared::domain::{FunctionId, NewUpload, Owner, Project, Upload, WorkspaceId};
use shared::error::Error;
use shared::http::{BodyErrors, CommonErrors, IdempotentJson, OwnerErrors, Path, PathErrors};
use shared::store::Store;

/// How long an address can be written to.
const VALID: Duration = Duration::from_secs(3600);

/// Upload a project
///
/// For a function whose files don't fit into one request. `PUT` the zip archive to the `url`, with
/// exactly these bytes, then `PATCH` the function with `{"upload": id}`. An upload is kept for a day.
#[utoipa::path(
    post, path = "/api/workspaces/{workspaceId}/functions/{functionId}/uploads",
    operation_id = "createUpload", tag = "Functions",
    params(("workspaceId" = WorkspaceId, Path), ("functionId" = FunctionId, Path), IdempotentJson),
    request_body = NewUpload,
    responses(
        (status = 201, body = Upload, description = "The archive can be put now."),
        PathErrors, BodyErrors, OwnerErrors, CommonErrors,
    ),
)]
pub(super) async fn create(
    State(store): State<Store>,
    owner: Owner,
    Path((workspace, function)): Path<(String, String)>,
    IdempotentJson { fields, idempotency }: IdempotentJson,
) -> Result<impl IntoResponse, Error> {
    let new = NewUpload::try_from(fields)?;
    let (workspace, id) = (workspace.parse::<WorkspaceId>()?, function.parse::<FunctionId>()?);
    // Nothing is stored, so a repeated request needs no record: it gets the same identifier.
    let upload = new.id(idempotency.as_ref());
    let expires_at = store.now().after(VALID);
    let url = store.upload_url(&owner, (&workspace, &id), &upload, &new, VALID).await?;
    let max_bytes = Project::MAX_ZIP_BYTES as u64;
    let body = Json(Upload { id: upload, url, expires_at, max_bytes });
    Ok((StatusCode::CREATED, [(CACHE_CONTROL, "no-store")], body))
}
