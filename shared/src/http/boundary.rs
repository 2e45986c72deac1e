//! What happens around every request, whatever comes of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{ACCESS_CONTROL_REQUEST_METHOD, ALLOW, ORIGIN};
use http::{HeaderValue, Method, StatusCode};
use lambda_http::request::RequestContext;

use super::answer::PassedOn;
use super::cors::Cors;
use super::error::render;
use super::owner::owner_of;
use crate::domain::Failure;
use crate::error::Error;
use crate::metrics;

/// How long a request may take: API Gateway gives up after 30 seconds, and a
/// Lambda of ours after 29. The store's own limits end before.
const TIME_LIMIT: Duration = Duration::from_secs(28);

/// Answers preflights, bounds the time, renders errors, shares with allowed origins, and logs.
pub(super) async fn boundary(
    State(cors): State<Arc<Cors>>,
    request: Request,
    next: Next,
) -> Response {
    let began = Instant::now();
    let request_id = request_id(&request);
    let method = request.method().clone();
    let headers = request.headers().clone();
    // Functions' URLs are everybody's.
    let is_an_owners = request.uri().path().starts_with("/api/");
    let owner = owner_of(request.extensions()).filter(|_| is_an_owners).map(|o| o.pseudonym());

    let preflight = headers.contains_key(ORIGIN)
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
        && method == Method::OPTIONS;
    if preflight {
        // Like API Gateway, and without a look at any storage.
        let mut response = StatusCode::NO_CONTENT.into_response();
        cors.apply_preflight(&headers, response.headers_mut());
        return response;
    }

    let mut response = match tokio::time::timeout(TIME_LIMIT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let cause = format!("no answer within {} seconds", TIME_LIMIT.as_secs());
            Error::Unavailable(cause.into()).into_response()
        }
    };
    let is_a_functions = is_a_functions(&response);
    render(&mut response, &request_id);
    let is_ours = response.extensions().get::<PassedOn>().is_none();
    if let Some(allow) = response.headers_mut().get_mut(ALLOW).filter(|_| is_ours)
        && let Ok(complete) = HeaderValue::from_bytes(&[allow.as_bytes(), b",OPTIONS"].concat())
    {
        // The router knows its own methods; OPTIONS is answered on every path of its.
        *allow = complete;
    }
    if method == Method::HEAD {
        *response.body_mut() = Body::empty();
    }
    cors.apply(&headers, response.headers_mut());
    tracing::info!(
        target: metrics::TARGET,
        request_id,
        owner,
        Route = route_of(&method, &response),
        status = response.status().as_u16(),
        Requests = 1,
        Errors = u64::from(response.status().is_server_error() && !is_a_functions),
        Latency = began.elapsed().as_micros() as f64 / 1000.0,
    );
    response
}

/// What a request's metrics are told apart by. Whatever no route takes is one route, so that
/// nobody makes new metrics by asking for what isn't there.
fn route_of(method: &Method, response: &Response) -> String {
    let path = response.extensions().get::<MatchedPath>();
    let passed_on = response.extensions().get::<PassedOn>().is_some();
    let method = if method == Method::HEAD { &Method::GET } else { method };
    match path {
        Some(path) if passed_on || response.status() != StatusCode::METHOD_NOT_ALLOWED => {
            format!("{method} {}", path.as_str())
        }
        _ => "other".to_owned(),
    }
}

/// Whether an answer is what a user's function did, or that it is still being deployed: no error
/// of ours, whatever its status.
fn is_a_functions(response: &Response) -> bool {
    let of_a_function = match response.extensions().get::<Arc<Error>>().map(|error| &**error) {
        Some(Error::FunctionFailed { failure, .. }) => *failure != Failure::Lost,
        Some(Error::NotDeployed) => true,
        _ => false,
    };
    of_a_function || response.extensions().get::<PassedOn>().is_some()
}

/// Leaves the route with the answer, for the boundary to log.
pub(super) async fn remember_route(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let mut response = next.run(request).await;
    if let Some(route) = route {
        response.extensions_mut().insert(route);
    }
    response
}

/// API Gateway's identifier of a request: it stands in its access log as well.
fn request_id(request: &Request) -> String {
    match request.extensions().get() {
        Some(RequestContext::ApiGatewayV2(context)) => {
            context.request_id.clone().unwrap_or_default()
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::middleware::{from_fn, from_fn_with_state};
    use axum::routing::get;
    use serde_json::{Value, json};
    use tower::ServiceExt;

    use super::*;
    use crate::domain::{LogId, Owner};
    use crate::http::owner::SignIn;
    use crate::logging::tests::lines;

    /// The lines of metrics that a request leaves.
    fn told(method: &str, path: &str) -> Vec<Value> {
        let failed = |failure| Error::FunctionFailed { failure, log: LogId::generate() };
        let router = Router::new()
            .route("/api/workspaces/{id}", get(async || "fine"))
            .route("/broken", get(async || Error::internal("secret")))
            .route("/raises", get(async move || failed(Failure::Raised)))
            .route("/lost", get(async move || failed(Failure::Lost)))
            .route("/early", get(async || Error::NotDeployed))
            .route_layer(from_fn(remember_route))
            .layer(from_fn_with_state(Arc::new(Cors::default()), boundary));
        let request = http::Request::builder().method(method).uri(path);
        let request = request.extension(SignIn(false)).body(Body::empty()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let told = lines(|| drop(runtime.block_on(router.oneshot(request)).unwrap()));
        told.into_iter().filter(|line| line["target"] == metrics::TARGET).collect()
    }

    #[test]
    fn a_request_is_one_line_with_its_route_and_a_hash_of_its_owner() {
        for (method, path, route, status) in [
            ("GET", "/api/workspaces/ws-1", "GET /api/workspaces/{id}", 200),
            ("HEAD", "/api/workspaces/ws-1", "GET /api/workspaces/{id}", 200),
            ("BREW", "/api/workspaces/ws-1", "other", 405),
            ("GET", "/wp-login.php", "other", 404),
        ] {
            let told = told(method, path);
            let [line] = &told[..] else { panic!("{method} {path}: {told:?}") };
            assert_eq!((&line["Route"], &line["status"]), (&json!(route), &json!(status)));
            assert_eq!((&line["Requests"], &line["Errors"]), (&json!(1), &json!(0)));
            assert!(line["Latency"].is_f64(), "{line}");
            let owner = path.starts_with("/api/").then(|| Owner::anonymous().pseudonym());
            assert_eq!(line["owner"], json!(owner), "{path}");
            assert!(!line.to_string().contains("ws-1"), "{line}");
        }
    }

    #[test]
    fn errors_are_ours_and_not_those_of_functions() {
        for (path, status, errors) in
            [("/broken", 500, 1), ("/raises", 500, 0), ("/lost", 503, 1), ("/early", 503, 0)]
        {
            let line = &told("GET", path)[0];
            assert_eq!((&line["status"], &line["Errors"]), (&json!(status), &json!(errors)));
        }
    }
}
