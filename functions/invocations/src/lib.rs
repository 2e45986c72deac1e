//! Routes that invoke functions: `/invoke` below a function, and its public URL.

mod event;
mod invoker;
mod response;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, post};
use axum::{Json, Router};
use http::header::ALLOW;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use shared::domain::{CreationSeed, ExecutionLog, FunctionId, HttpMethods, Owner, WorkspaceId};
use shared::error::Error;
use shared::http::{
    CommonErrors, FunctionUrlErrors, IdempotencyErrors, IdempotentJson, InvocationErrors,
    OwnerErrors, Path, PathErrors, RequestStart, idempotent_request, replayed_header,
};
use shared::rate_limit;
use shared::store::{CallSettings, IdempotencyState};
use utoipa::OpenApi;

use event::Event;
use invoker::Invocation;
pub use invoker::Invoker;

/// The routes of this Lambda.
pub fn router(invoker: Invoker) -> Router {
    let api = Router::new()
        .route("/api/workspaces/{workspaceId}/functions/{functionId}/invoke", post(invoke))
        .with_state(invoker.clone());
    let public = Router::new()
        .route("/invoke/{workspaceId}/{functionId}", any(call))
        .route("/invoke/{workspaceId}/{functionId}/{*rest}", any(call_below))
        .with_state(invoker.clone());
    rate_limit::per_owner(api, invoker.store()).merge(public)
}

/// The OpenAPI description of these routes.
#[derive(Debug, OpenApi)]
#[openapi(paths(invoke, call), components(schemas(ExecutionLog, WorkspaceId)))]
pub struct Description;

/// The description of the request body.
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
        PathErrors, InvocationErrors, IdempotencyErrors, OwnerErrors, CommonErrors,
    ),
)]
// The event has no headers: the console's are not the function's business.
async fn invoke(
    State(invoker): State<Invoker>,
    owner: Owner,
    RequestStart(start): RequestStart,
    Path((workspace, function)): Path<(String, String)>,
    request: Request<Body>,
) -> Result<impl IntoResponse, Error> {
    let (workspace, id) = (workspace.parse::<WorkspaceId>()?, function.parse::<FunctionId>()?);
    let (mut parts, body) = request.into_parts();
    let body = event::read_body(body).await?;
    let idempotency = idempotent_request(&mut parts, &invoker, &body).await?;
    let event = Event::of_body("POST", body);
    let claim = match invoker.store().claim_once(&owner, idempotency.as_ref()).await? {
        IdempotencyState::New(claim) => claim,
        IdempotencyState::Existing { origin, is_going_on } => {
            let log = invoker.store().log_of(&owner, &workspace, &id, &origin).await?;
            let log = log.ok_or_else(|| no_result(is_going_on))?;
            return Ok((replayed_header(true), Json(log)));
        }
    };
    let callable = || invoker.store().callable_function_of(&owner, &workspace, &id);
    let origin = &claim.origin;
    let invocation = Invocation { workspace: &workspace, function: &id, origin, start, event };
    match invoker.invoke(invocation, callable, |_| Ok(())).await {
        Ok((log, _)) => Ok((replayed_header(false), Json(log))),
        Err(error) => {
            // The function didn't run, so the key may be used again.
            invoker.store().discard_claim(&claim).await;
            Err(error)
        }
    }
}

/// The error of a repeated request whose execution has no log: the function may have run.
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
        PathErrors, InvocationErrors, FunctionUrlErrors, CommonErrors,
    ),
)]
async fn call(
    State(invoker): State<Invoker>,
    start: RequestStart,
    Path((workspace, function)): Path<(String, String)>,
    request: Request<Body>,
) -> Result<Response, Error> {
    call_url(&invoker, start, &workspace, &function, request).await
}

async fn call_below(
    State(invoker): State<Invoker>,
    start: RequestStart,
    Path((workspace, function, _)): Path<(String, String, String)>,
    request: Request<Body>,
) -> Result<Response, Error> {
    call_url(&invoker, start, &workspace, &function, request).await
}

/// The request header with an invocation key.
pub(crate) const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Invokes a function by its public URL. The response has the function's own status, headers and body.
async fn call_url(
    invoker: &Invoker,
    RequestStart(start): RequestStart,
    workspace: &str,
    function: &str,
    request: Request<Body>,
) -> Result<Response, Error> {
    let (workspace, id) = (workspace.parse::<WorkspaceId>()?, function.parse::<FunctionId>()?);
    let method = request.method().clone();
    let (parts, body) = request.into_parts();
    let key = parts.headers.get(API_KEY).map(HeaderValue::as_bytes);
    let event = Event::of_request(&parts, event::read_body(body).await?);
    let callable = || invoker.store().callable_function(&workspace, &id);
    let origin = CreationSeed::new(invoker.store().now());
    if method == Method::OPTIONS {
        let CallSettings { methods, access, .. } = callable().await?.settings;
        access.authorize(key)?;
        return Ok((StatusCode::NO_CONTENT, [(ALLOW, allowed(&methods))]).into_response());
    }
    let event_method = event.method().to_owned();
    let mut allow = None;
    let check = |CallSettings { methods, access, .. }: &CallSettings| {
        access.authorize(key)?;
        if methods.iter().any(|allowed| allowed.as_str() == event_method) {
            return Ok(());
        }
        allow = Some(allowed(methods));
        Err(Error::MethodNotAllowed(format!(
            "{method} is not a method of this function; Allow lists those"
        )))
    };
    let invocation =
        Invocation { workspace: &workspace, function: &id, origin: &origin, start, event };
    let result = invoker.invoke(invocation, callable, check).await;
    match (result, allow) {
        (Ok((log, execution)), _) => Ok(response::from_execution(&log, execution)),
        // A 405 needs `Allow`, which an `Error` doesn't have.
        (Err(error), Some(allow)) => Ok(([(ALLOW, allow)], error).into_response()),
        (Err(error), None) => Err(error),
    }
}

/// The value of `Allow`. The middleware adds `OPTIONS`.
fn allowed(methods: &HttpMethods) -> String {
    let mut names: Vec<_> = methods.iter().map(|method| method.as_str()).collect();
    if names.contains(&"GET") {
        names.push("HEAD");
    }
    names.join(",")
}
