//! Routes of builds, of their tasks, and of their deployment, as the web console calls them.

mod archive;
mod deploy;
mod form;
mod tasks;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use shared::domain::{Build, Fields, Owner, TaskId, WorkspaceId};
use shared::error::Error;
use shared::http::{
    BaseUrl, BodyErrors, CommonErrors, ConflictErrors, IdempotencyErrors, IdempotencyParameter,
    IfNoneMatch, NotModified, OwnerErrors, Path, PathErrors, RequestStart, json_with_etag,
    replayed_header,
};
use shared::rate_limit;
use shared::store::{Completion, Store};
use utoipa::OpenApi;

use deploy::{Deploy, DeployRequest, Deployed};
pub use form::BuildForm;
use form::BuildFormFields;
use tasks::{StartedTask, TaskAnswer, Tasks};

/// The routes of this Lambda.
pub fn router(store: Store) -> Router {
    let router = Router::new()
        .route("/api/v1/build-and-push", post(build))
        .route("/api/v1/tasks/{taskId}", get(task))
        .route("/api/v1/workspaces/{workspaceId}/tasks", get(tasks_of_workspace))
        .route("/api/v1/deploy", post(deploy))
        .with_state(store.clone());
    rate_limit::per_owner(router, &store)
}

/// The OpenAPI description of these routes.
#[derive(Debug, OpenApi)]
#[openapi(
    paths(build, task, tasks_of_workspace, deploy),
    components(schemas(
        StartedTask,
        TaskAnswer,
        Tasks,
        DeployRequest,
        Deployed,
        BuildFormFields,
        TaskId,
        WorkspaceId,
    ))
)]
pub struct Description;

/// Build a function's source
///
/// The source is checked and kept for a week. It is deployed where the function of this name has it
/// already, or gets it by `POST /api/v1/deploy`. Nothing is pushed anywhere: the fields of a registry
/// are not used, and not kept.
#[utoipa::path(
    post, path = "/api/v1/build-and-push", operation_id = "buildAndPush", tag = "Builds",
    params(IdempotencyParameter),
    request_body(content = BuildFormFields, content_type = "multipart/form-data"),
    responses(
        (status = 202, body = StartedTask, description = "The build has a task.",
            headers(("Idempotency-Replayed" = String, description = "`true` where an earlier request with this `Idempotency-Key` made it."))),
        PathErrors, BodyErrors, IdempotencyErrors, OwnerErrors, CommonErrors,
    ),
)]
async fn build(
    State(store): State<Store>,
    owner: Owner,
    BuildForm { workspace, app_name, file, idempotency }: BuildForm,
) -> Result<impl IntoResponse, Error> {
    let claim = store.claim(&owner, idempotency.as_ref()).await?;
    let build = Build::new(workspace, app_name, file, &claim.origin);
    let completion = store.create_build(&owner, &claim, &build).await?;
    let replayed = replayed_header(completion == Completion::Replayed);
    Ok((StatusCode::ACCEPTED, replayed, Json(StartedTask::of(build.id))))
}

/// Read the task of a build
///
/// It is `done` once a call meets the source of the build: the function of its name has that source,
/// and is deployed. Where no function has the source, the build alone is `done`, and
/// `POST /api/v1/deploy` deploys it.
#[utoipa::path(
    get, path = "/api/v1/tasks/{taskId}", operation_id = "getTask", tag = "Builds",
    params(("taskId" = TaskId, Path), IfNoneMatch),
    responses(
        (status = 200, body = TaskAnswer, description = "As it is now.",
            headers(("ETag" = String, description = "For `If-None-Match`."))),
        NotModified, PathErrors, OwnerErrors, CommonErrors,
    ),
)]
async fn task(
    State(store): State<Store>,
    owner: Owner,
    Path(task): Path<String>,
) -> Result<Response, Error> {
    let task = store.task(&owner, &task.parse::<TaskId>()?).await?;
    Ok(json_with_etag(None, &TaskAnswer::from(task)))
}

/// List the tasks of a workspace
///
/// The latest 100 of the last week, the newest first.
#[utoipa::path(
    get, path = "/api/v1/workspaces/{workspaceId}/tasks", operation_id = "listTasks",
    tag = "Builds",
    params(("workspaceId" = WorkspaceId, Path), IfNoneMatch),
    responses(
        (status = 200, body = Tasks, description = "The newest first.",
            headers(("ETag" = String, description = "For `If-None-Match`."))),
        NotModified, PathErrors, OwnerErrors, CommonErrors,
    ),
)]
async fn tasks_of_workspace(
    State(store): State<Store>,
    owner: Owner,
    Path(workspace): Path<String>,
) -> Result<Response, Error> {
    let workspace = workspace.parse::<WorkspaceId>()?;
    let tasks = store.tasks_of_workspace(&owner, &workspace).await?;
    Ok(json_with_etag(None, &Tasks::new(workspace, tasks)))
}

/// Deploy a build
///
/// The build's source becomes that of the function, where it differs. The answer waits until the
/// function is deployed, 20 seconds at the most; then `endpoint` is its `invocationUrl`, and `null`
/// before. A function that can't be deployed is a 409 that says why. Sent again, it does nothing
/// twice.
#[utoipa::path(
    post, path = "/api/v1/deploy", operation_id = "deployBuild", tag = "Builds",
    request_body = DeployRequest,
    responses(
        (status = 200, body = Deployed, description = "How far it is deployed."),
        PathErrors, BodyErrors, ConflictErrors, OwnerErrors, CommonErrors,
    ),
)]
async fn deploy(
    State(store): State<Store>,
    owner: Owner,
    RequestStart(start): RequestStart,
    base: BaseUrl,
    fields: Fields,
) -> Result<Json<Deployed>, Error> {
    let deploy = Deploy::try_from(fields)?;
    let deadline = start + store.time_budget().deployment;
    Ok(Json(deploy.carry_out(&store, &owner, &base, deadline).await?))
}
