//! Calling functions: from the console, and by their public URLs.

mod event;
mod invoker;
mod reply;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, post};
use axum::{Json, Router};
use http::header::ALLOW;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use shared::admission::rate_limit;
use shared::domain::{CreationSeed, ExecutionLog, FunctionId, HttpMethods, Owner, WorkspaceId};
use shared::error::Error;
use shared::http::{
    CommonErrors, IdempotencyErrors, IdempotentJson, OfCall, OfUrl, OwnerErrors, Path, PathErrors,
    RequestStart, intent, replayed,
};
use shared::store::{CallSettings, IdempotencyState};
use utoipa::OpenApi;

use event::Event;
use invoker::Call;
pub use invoker::{Invoker, LOG_TIME};

/// The routes of this Lambda.
pub fn router(invoker: Invoker) -> Router {
    let of_owners = Router::new()
        .route("/api/workspaces/{workspaceId}/functions/{functionId}/invoke", post(try_out))
        .with_state(invoker.clone());
    let of_everybody = Router::new()
        .route("/invoke/{workspaceId}/{functionId}", any(call))
        .route("/invoke/{workspaceId}/{functionId}/{*rest}", any(call_below))
        .with_state(invoker.clone());
    rate_limit(of_owners, invoker.store()).merge(of_everybody)
}

/// What these routes say of themselves.
#[derive(Debug, OpenApi)]
#[openapi(paths(try_out, call), components(schemas(ExecutionLog, WorkspaceId)))]
pub struct Description;

/// What becomes of a request's body.
const BODY: &str = "The event's `body`: any JSON. What isn't JSON is passed on as text, and what isn't \
                    text as base64; without a body it is `{}`.";

/// Try a function out
///
/// Whatever came of it, the answer is the log of the execution: a function that fails is a 200
/// whose log says `error`. Its `httpMethods` and `auth` don't matter here.
#[utoipa::path(
    post, path = "/api/workspaces/{workspaceId}/functions/{functionId}/invoke",
    operation_id = "invokeFunction", tag = "Invocations",
    params(("workspaceId" = WorkspaceId, Path), ("functionId" = FunctionId, Path), IdempotentJson),
    request_body(content = Option<serde_json::Value>, description = BODY),
    responses(
        (status = 200, body = ExecutionLog, description = "It ran; the log tells how.",
            headers(("Idempotency-Replayed" = String, description = "`true` where an earlier request with this `Idempotency-Key` ran it."))),
        PathErrors, OfCall, IdempotencyErrors, OwnerErrors, CommonErrors,
    ),
)]
// No header of the console gets to the function.
async fn try_out(
    State(invoker): State<Invoker>,
    owner: Owner,
    RequestStart(began): RequestStart,
    Path((workspace, function)): Path<(String, String)>,
    request: Request<Body>,
) -> Result<impl IntoResponse, Error> {
    let (workspace, id) = (workspace.parse::<WorkspaceId>()?, function.parse::<FunctionId>()?);
    let (mut parts, body) = request.into_parts();
    let body = event::body(body).await?;
    let intent = intent(&mut parts, &invoker, &body).await?;
    let event = Event::of_body("POST", body);
    let claim = match invoker.store().claim_once(&owner, intent.as_ref()).await? {
        IdempotencyState::New(claim) => claim,
        IdempotencyState::Existing { origin, is_going_on } => {
            let log = invoker.store().log_of(&owner, &workspace, &id, &origin).await?;
            let log = log.ok_or_else(|| no_result(is_going_on))?;
            return Ok((replayed(true), Json(log)));
        }
    };
    let callable = || invoker.store().callable_function_of(&owner, &workspace, &id);
    let origin = &claim.origin;
    let call = Call { workspace: &workspace, function: &id, origin, began, event };
    match invoker.invoke(call, callable, |_| Ok(())).await {
        Ok((log, _)) => Ok((replayed(false), Json(log))),
        Err(error) => {
            // It didn't run, so it may be asked for again.
            invoker.store().discard_claim(&claim).await;
            Err(error)
        }
    }
}

/// The refusal to run a function again that has run already, or may have.
fn no_result(is_going_on: bool) -> Error {
    if is_going_on {
        return Error::InProgress;
    }
    let message = "an earlier request with this Idempotency-Key left no log, so nobody knows \
        whether the function ran; use another key to run it";
    Error::Conflict(message.into())
}

/// Call a function
///
/// This is its `invocationUrl`, which takes the methods that its `httpMethods` name, here and at
/// any path below. Where its `auth` is `key`, `X-Api-Key` must be one of its invocation keys; the
/// function doesn't see that header. The answer is the function's own: status, headers and body. One with
/// `X-Execution-Id` comes from an execution, whatever its status; an error without it is the API's.
#[utoipa::path(
    method(get, post, put, patch, delete), path = "/invoke/{workspaceId}/{functionId}",
    operation_id = "callFunction", tag = "Invocations",
    params(("workspaceId" = WorkspaceId, Path), ("functionId" = FunctionId, Path)),
    request_body(content = Option<serde_json::Value>, description = BODY),
    responses(
        (status = "default", description = "What the function answered.",
            body = serde_json::Value, content_type = "*/*",
            headers(("X-Execution-Id" = String, description = "Names the log of the execution."))),
        PathErrors, OfCall, OfUrl, CommonErrors,
    ),
)]
async fn call(
    State(invoker): State<Invoker>,
    began: RequestStart,
    Path((workspace, function)): Path<(String, String)>,
    request: Request<Body>,
) -> Result<Response, Error> {
    answer(&invoker, began, &workspace, &function, request).await
}

async fn call_below(
    State(invoker): State<Invoker>,
    began: RequestStart,
    Path((workspace, function, _)): Path<(String, String, String)>,
    request: Request<Body>,
) -> Result<Response, Error> {
    answer(&invoker, began, &workspace, &function, request).await
}

/// The header in which callers of a closed function send a key.
pub(crate) const KEY: HeaderName = HeaderName::from_static("x-api-key");

/// A public URL: the function's own status, headers and body.
async fn answer(
    invoker: &Invoker,
    RequestStart(began): RequestStart,
    workspace: &str,
    function: &str,
    request: Request<Body>,
) -> Result<Response, Error> {
    let (workspace, id) = (workspace.parse::<WorkspaceId>()?, function.parse::<FunctionId>()?);
    let method = request.method().clone();
    let (parts, body) = request.into_parts();
    let key = parts.headers.get(KEY).map(HeaderValue::as_bytes);
    let event = Event::of_request(&parts, event::body(body).await?);
    let callable = || invoker.store().callable_function(&workspace, &id);
    let origin = CreationSeed::new(invoker.store().now());
    if method == Method::OPTIONS {
        let CallSettings { methods, access, .. } = callable().await?.settings;
        access.authorize(key)?;
        return Ok((StatusCode::NO_CONTENT, [(ALLOW, allowed(&methods))]).into_response());
    }
    let wanted = event.method().to_owned();
    let mut allow = None;
    let checked = |CallSettings { methods, access, .. }: &CallSettings| {
        access.authorize(key)?;
        if methods.iter().any(|allowed| allowed.as_str() == wanted) {
            return Ok(());
        }
        allow = Some(allowed(methods));
        Err(Error::MethodNotAllowed(format!(
            "{method} is not a method of this function; Allow lists those"
        )))
    };
    let call = Call { workspace: &workspace, function: &id, origin: &origin, began, event };
    let invoked = invoker.invoke(call, callable, checked).await;
    match (invoked, allow) {
        (Ok((log, execution)), _) => Ok(reply::response(&log, execution)),
        // With its Allow header, which an error alone doesn't have.
        (Err(error), Some(allow)) => Ok(([(ALLOW, allow)], error).into_response()),
        (Err(error), None) => Err(error),
    }
}

/// The value of `Allow`, to which the boundary adds OPTIONS.
fn allowed(methods: &HttpMethods) -> String {
    let mut names: Vec<_> = methods.iter().map(|method| method.as_str()).collect();
    if names.contains(&"GET") {
        names.push("HEAD");
    }
    names.join(",")
}
