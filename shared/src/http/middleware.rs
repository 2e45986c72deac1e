//! What happens around every request, whatever comes of it.

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{ACCESS_CONTROL_REQUEST_METHOD, ALLOW, ORIGIN};
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};
use lambda_http::request::RequestContext;

use super::cors::Cors;
use super::error::render;
use super::etag::leave_out_known;
use super::gateway_response::UserResponse;
use super::owner::owner_of;
use crate::domain::Failure;
use crate::error::Error;
use crate::metrics;

/// How long a request may take: API Gateway gives up after 30 seconds, and a
/// Lambda of ours after 29. The store's own limits end before.
const TIME_LIMIT: Duration = Duration::from_secs(28);

/// The methods that a request's metrics are told apart by: those of routes.
const METHODS: [Method; 6] =
    [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];

/// The route that a request came to, once the router has found it; an extension of the request.
#[derive(Clone, Default)]
struct Route(Arc<OnceLock<MatchedPath>>);

/// When a request came; an extension of it.
#[derive(Clone, Copy, Debug)]
pub struct RequestStart(pub Instant);

impl<S: Sync> FromRequestParts<S> for RequestStart {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().copied().unwrap_or_else(|| Self(Instant::now())))
    }
}

/// Answers preflights, bounds the time, renders errors, shares with allowed origins, and logs.
pub(super) async fn surround(
    State(cors): State<Arc<Cors>>,
    mut request: Request,
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

    let route = Route::default();
    request.extensions_mut().insert(route.clone());
    request.extensions_mut().insert(RequestStart(began));
    let mut response = match tokio::time::timeout(TIME_LIMIT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let cause = format!("no answer within {} seconds", TIME_LIMIT.as_secs());
            Error::Unavailable(cause.into()).into_response()
        }
    };
    let is_a_functions = is_a_functions(&response);
    render(&mut response, &request_id);
    let is_ours = response.extensions().get::<UserResponse>().is_none();
    if let Some(allow) = response.headers_mut().get_mut(ALLOW).filter(|_| is_ours)
        && let Ok(complete) = HeaderValue::from_bytes(&[allow.as_bytes(), b",OPTIONS"].concat())
    {
        // The router knows its own methods; OPTIONS is answered on every path of its.
        *allow = complete;
    }
    if is_ours {
        leave_out_known(&method, &headers, &mut response);
    }
    if method == Method::HEAD {
        *response.body_mut() = Body::empty();
    }
    cors.apply(&headers, response.headers_mut());
    tracing::info!(
        target: metrics::TARGET,
        request_id,
        owner,
        %method,
        Route = route_of(&method, route.0.get(), &response),
        status = response.status().as_u16(),
        Requests = 1,
        Errors = u64::from(response.status().is_server_error() && !is_a_functions),
        Latency = began.elapsed().as_micros() as f64 / 1000.0,
    );
    response
}

/// What a request's metrics are told apart by. Whatever no route takes is one route, so that
/// nobody makes new metrics by asking for what isn't there.
fn route_of(method: &Method, path: Option<&MatchedPath>, response: &Response) -> String {
    let passed_on = response.extensions().get::<UserResponse>().is_some();
    let method = if method == Method::HEAD { &Method::GET } else { method };
    match path {
        Some(path)
            if METHODS.contains(method)
                && (passed_on || response.status() != StatusCode::METHOD_NOT_ALLOWED) =>
        {
            format!("{method} {}", path.as_str())
        }
        _ => "other".to_owned(),
    }
}

/// Whether an answer is what a user's function did, or that it is still being deployed: no error
/// of ours, whatever its status.
fn is_a_functions(response: &Response) -> bool {
    let of_a_function = match response.extensions().get::<Arc<Error>>().map(|error| &**error) {
        Some(Error::FunctionFailed { failure, .. }) => *failure != Failure::OutcomeUnknown,
        Some(Error::NotDeployed) => true,
        _ => false,
    };
    of_a_function || response.extensions().get::<UserResponse>().is_some()
}

/// Tells the boundary which route a request came to.
pub(super) async fn remember_route(request: Request, next: Next) -> Response {
    let extensions = request.extensions();
    if let (Some(Route(slot)), Some(path)) = (extensions.get(), extensions.get::<MatchedPath>()) {
        // Nobody else fills it.
        slot.get_or_init(|| path.clone());
    }
    next.run(request).await
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
    use axum::routing::{any, get};
    use serde_json::{Value, json};
    use tower::ServiceExt;
    use tower_http::catch_panic::CatchPanicLayer;

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
            .route("/lost", get(async move || failed(Failure::OutcomeUnknown)))
            .route("/early", get(async || Error::NotDeployed))
            .route("/invoke/{ws}/{fn}", any(async || "fine"))
            .route("/panics", get(async || -> &str { panic!("on purpose") }))
            .route_layer(from_fn(remember_route))
            .layer(CatchPanicLayer::custom(crate::http::panicked))
            .layer(from_fn_with_state(Arc::new(Cors::default()), surround));
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
            ("BREW", "/invoke/ws-1/fn-1", "other", 200),
            ("PUT", "/invoke/ws-1/fn-1", "PUT /invoke/{ws}/{fn}", 200),
            ("GET", "/panics", "GET /panics", 500),
            ("GET", "/wp-login.php", "other", 404),
        ] {
            let told = told(method, path);
            let [line] = &told[..] else { panic!("{method} {path}: {told:?}") };
            assert_eq!((&line["Route"], &line["status"]), (&json!(route), &json!(status)));
            assert_eq!(line["Requests"], 1);
            assert_eq!(line["Errors"], u64::from(status >= 500));
            assert!(line["Latency"].is_f64(), "{line}");
            let owner = path.starts_with("/api/").then(|| Owner::anonymous().pseudonym());
            assert_eq!(line["owner"], json!(owner), "{path}");
            assert_eq!(line["method"], method);
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
