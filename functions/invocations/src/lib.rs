//! Routes that invoke functions: `/invoke` below a function, and its public URL.

mod event;
mod invoker;
mod response;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, post};
use axum::{Json, Router};
use http::header::{ALLOW, LOCATION};
use http::{HeaderName, HeaderValue, Method, StatusCode, Uri};
use shared::domain::{
    CreationSeed, ExecutionLog, FunctionId, HttpMethod, HttpMethods, Owner, WorkspaceId,
};
use shared::error::Error;
use shared::http::{
    BaseUrl, CommonErrors, FunctionUrlErrors, IdempotencyErrors, IdempotentJson, InvocationErrors,
    OwnerErrors, Path, PathErrors, RequestStart, idempotent_request, replayed_header,
};
use shared::rate_limit;
use shared::store::{CallSettings, IdempotencyState};
use utoipa::OpenApi;

use event::FunctionRequest;
pub use invoker::Invoker;
use invoker::{Invocation, Wanted};

/// The routes of this Lambda.
pub fn router(invoker: Invoker) -> Router {
    let api = Router::new()
        .route(
            "/api/workspaces/{workspaceId}/functions/{functionId}/invoke",
            post(invoke).get(redirect).put(redirect).patch(redirect).delete(redirect),
        )
        .with_state(invoker.clone());
    let public = Router::new()
        .route("/invoke/{workspaceId}/{functionId}", any(call))
        .route("/invoke/{workspaceId}/{functionId}/{*rest}", any(call_below))
        .with_state(invoker.clone());
    rate_limit::per_owner(api, invoker.store()).merge(public)
}

/// The OpenAPI description of these routes.
#[derive(Debug, OpenApi)]
#[openapi(paths(invoke, redirect, call), components(schemas(ExecutionLog, WorkspaceId)))]
pub struct Description;

/// The description of the request body.
const BODY: &str = "Passed on as it is. In a native event, `body` is its JSON, or its text, or its base64, \
                    whichever is the first that it has; without a body it is `{}`.";

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
    let request = FunctionRequest::of_test(&parts, body);
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
    let (workspace, function, wanted) = (&workspace, &id, Wanted::Current);
    let invocation = Invocation { workspace, function, origin, start, request, wanted };
    match invoker.invoke(invocation, callable, |_| Ok("POST")).await {
        Ok((log, _)) => Ok((replayed_header(false), Json(log))),
        Err(error) => {
            // The function didn't run, so the key may be used again.
            invoker.store().discard_claim(&claim).await;
            Err(error)
        }
    }
}

/// Find a function's URL
///
/// For whoever calls a function where the console shows it. `httpMethods` counts here too.
#[utoipa::path(
    method(get, put, patch, delete),
    path = "/api/workspaces/{workspaceId}/functions/{functionId}/invoke",
    operation_id = "redirectToFunction", tag = "Invocations",
    params(("workspaceId" = WorkspaceId, Path), ("functionId" = FunctionId, Path)),
    responses(
        (status = 308, description = "The function's URL answers this method.",
            headers(("Location" = String, description = "The function's URL, with the query of the request."))),
        (status = 405, description = "The function doesn't take this method; `Allow` lists those that it takes."),
        PathErrors, OwnerErrors, CommonErrors,
    ),
)]
async fn redirect(
    State(invoker): State<Invoker>,
    owner: Owner,
    base: BaseUrl,
    method: Method,
    uri: Uri,
    Path((workspace, function)): Path<(String, String)>,
) -> Result<Response, Error> {
    let (workspace, id) = (workspace.parse::<WorkspaceId>()?, function.parse::<FunctionId>()?);
    let methods =
        invoker.store().callable_function_of(&owner, &workspace, &id).await?.settings.methods;
    if method_for(&method, &methods).is_none() {
        let message = format!("{method} is not a method of this function; Allow lists those");
        let allow = allowed(&methods);
        let allow = if allow.contains("POST") { allow } else { format!("POST,{allow}") };
        return Ok(([(ALLOW, allow)], Error::MethodNotAllowed(message)).into_response());
    }
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let location = base.invocation_url(&workspace, &id) + &query;
    Ok((StatusCode::PERMANENT_REDIRECT, [(LOCATION, location)]).into_response())
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
    let request = FunctionRequest::of_url(&parts, event::read_body(body).await?);
    let callable = || invoker.store().callable_function(&workspace, &id);
    let origin = CreationSeed::new(invoker.store().now());
    let mut allow = None;
    let check = |CallSettings { methods, access, .. }: &CallSettings| {
        access.authorize(key)?;
        method_for(&method, methods).ok_or_else(|| {
            allow = Some(allowed(methods));
            Error::MethodNotAllowed(format!(
                "{method} is not a method of this function; Allow lists those"
            ))
        })
    };
    let (workspace, function, origin) = (&workspace, &id, &origin);
    let wanted = Wanted::Any;
    let invocation = Invocation { workspace, function, origin, start, request, wanted };
    let result = invoker.invoke(invocation, callable, check).await;
    match (result, allow) {
        (Ok((log, execution)), _) => Ok(response::from_execution(&log, execution)),
        (Err(_), Some(allow)) if method == Method::OPTIONS => {
            Ok((StatusCode::NO_CONTENT, [(ALLOW, allow)]).into_response())
        }
        // A 405 needs `Allow`, which an `Error` doesn't have.
        (Err(error), Some(allow)) => Ok(([(ALLOW, allow)], error).into_response()),
        (Err(error), None) => Err(error),
    }
}

/// The method with which a function is called: a HEAD is a GET, unless the function takes HEAD itself.
fn method_for(method: &Method, methods: &HttpMethods) -> Option<&'static str> {
    let find = |name: &str| methods.iter().map(HttpMethod::as_str).find(|taken| *taken == name);
    let get = || if method == Method::HEAD { find("GET") } else { None };
    find(method.as_str()).or_else(get)
}

/// The value of `Allow`. The middleware adds `OPTIONS`.
fn allowed(methods: &HttpMethods) -> String {
    let names = methods.iter().map(HttpMethod::as_str);
    let mut names: Vec<_> = names.filter(|name| *name != "OPTIONS").collect();
    if names.contains(&"GET") && !names.contains(&"HEAD") {
        names.push("HEAD");
    }
    names.join(",")
}
