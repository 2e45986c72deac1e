//! Routes of invocation keys.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CACHE_CONTROL;
use shared::domain::{
    CreateInvocationKey, FunctionId, InvocationKey, KeyId, NewInvocationKey, Owner, WorkspaceId,
};
use shared::error::Error;
use shared::http::{
    BodyErrors, CommonErrors, IdempotencyErrors, IdempotentJson, IfNoneMatch, NotModified,
    OwnerErrors, Path, PathErrors, QuotaErrors, json_with_etag, replayed_header,
};
use shared::store::{Completion, Store};

/// Make an invocation key
///
/// Its secret is shown in this answer and never again. Callers of the function's URL send it as
/// `X-Api-Key`, which matters once `auth` of the function is `key`. Several at a time let callers
/// change over one by one.
#[utoipa::path(
    post, path = "/api/workspaces/{workspaceId}/functions/{functionId}/keys",
    operation_id = "createInvocationKey", tag = "Invocation keys",
    params(("workspaceId" = WorkspaceId, Path), ("functionId" = FunctionId, Path), IdempotentJson),
    request_body = CreateInvocationKey,
    responses(
        (status = 201, body = NewInvocationKey, description = "It was made; keep its secret.",
            headers(("Idempotency-Replayed" = String, description = "`true` where an earlier request with this `Idempotency-Key` made it."))),
        PathErrors, BodyErrors, IdempotencyErrors, QuotaErrors, OwnerErrors, CommonErrors,
    ),
)]
pub(super) async fn create(
    State(store): State<Store>,
    owner: Owner,
    Path((workspace, function)): Path<(String, String)>,
    IdempotentJson { fields, idempotency }: IdempotentJson,
) -> Result<impl IntoResponse, Error> {
    let create = CreateInvocationKey::try_from(fields)?;
    let (workspace, id) = (workspace.parse::<WorkspaceId>()?, function.parse::<FunctionId>()?);
    let claim = store.claim(&owner, idempotency.as_ref()).await?;
    let new = create.create(&claim.origin)?;
    let completion = store.create_invocation_key(&owner, &claim, &workspace, &id, &new).await?;
    let headers =
        ([(CACHE_CONTROL, "no-store")], replayed_header(completion == Completion::Replayed));
    Ok((StatusCode::CREATED, headers, Json(new)))
}

/// List the invocation keys of a function
///
/// In the order in which they were made, without their secrets. There are ten at the most.
#[utoipa::path(
    get, path = "/api/workspaces/{workspaceId}/functions/{functionId}/keys",
    operation_id = "listInvocationKeys", tag = "Invocation keys",
    params(("workspaceId" = WorkspaceId, Path), ("functionId" = FunctionId, Path), IfNoneMatch),
    responses(
        (status = 200, body = Vec<InvocationKey>, description = "All of them.",
            headers(("ETag" = String, description = "For `If-None-Match`."))),
        NotModified, PathErrors, OwnerErrors, CommonErrors,
    ),
)]
pub(super) async fn list(
    State(store): State<Store>,
    owner: Owner,
    Path((workspace, function)): Path<(String, String)>,
) -> Result<Response, Error> {
    let (workspace, id) = (workspace.parse::<WorkspaceId>()?, function.parse::<FunctionId>()?);
    Ok(json_with_etag(None, &store.invocation_keys(&owner, &workspace, &id).await?))
}

/// Revoke an invocation key
///
/// From then on nobody gets in with it.
#[utoipa::path(
    delete, path = "/api/workspaces/{workspaceId}/functions/{functionId}/keys/{keyId}",
    operation_id = "revokeInvocationKey", tag = "Invocation keys",
    params(
        ("workspaceId" = WorkspaceId, Path), ("functionId" = FunctionId, Path),
        ("keyId" = KeyId, Path),
    ),
    responses((status = 204, description = "It is gone."), PathErrors, OwnerErrors, CommonErrors),
)]
pub(super) async fn revoke(
    State(store): State<Store>,
    owner: Owner,
    Path((workspace, function, key)): Path<(String, String, String)>,
) -> Result<StatusCode, Error> {
    let (workspace, id) = (workspace.parse::<WorkspaceId>()?, function.parse::<FunctionId>()?);
    store.revoke_invocation_key(&owner, &workspace, &id, &key.parse::<KeyId>()?).await?;
    Ok(StatusCode::NO_CONTENT)
}
