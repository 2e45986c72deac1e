//! The metrics line of a request.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use http::{Method, StatusCode};
use lambda_http::request::RequestContext;

use super::error::error_of;
use super::gateway_response::UserResponse;
use super::owner::owner_of;
use crate::domain::Failure;
use crate::error::Error;
use crate::metrics;

/// Methods that are part of the dimension `Route`: those that routes accept.
const METHODS: [Method; 6] =
    [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];

/// What a request's metrics line contains, apart from the response.
pub(super) struct RequestMetrics {
    /// API Gateway's id of the request, which its access log has too.
    pub(super) request_id: String,
    start: Instant,
    method: Method,
    /// The hash of the owner. Public function URLs have none.
    owner: Option<String>,
    route: Route,
}

/// An extension of the request: its route, once the router has found it.
#[derive(Clone, Default)]
struct Route(Arc<OnceLock<MatchedPath>>);

impl RequestMetrics {
    /// Starts the clock, and has [`record_route`] record the route.
    pub(super) fn start(request: &mut Request) -> Self {
        let is_api = request.uri().path().starts_with("/api/");
        let owner = owner_of(request.extensions()).filter(|_| is_api);
        let metrics = Self {
            request_id: request_id(request),
            start: Instant::now(),
            method: request.method().clone(),
            owner: owner.map(|owner| owner.pseudonym()),
            route: Route::default(),
        };
        request.extensions_mut().insert(metrics.route.clone());
        metrics
    }

    /// Logs the line.
    pub(super) fn log(self, response: &Response) {
        let is_error = response.status().is_server_error() && !is_functions_own(response);
        tracing::info!(
            target: metrics::TARGET,
            request_id = self.request_id,
            owner = self.owner,
            method = %self.method,
            Route = self.route(response),
            status = response.status().as_u16(),
            Requests = 1,
            Errors = u64::from(is_error),
            Latency = self.start.elapsed().as_micros() as f64 / 1000.0,
        );
    }

    /// The value of the dimension `Route`. All requests without a route share one value, so that callers
    /// cannot create metrics.
    fn route(&self, response: &Response) -> String {
        let is_user_response = response.extensions().get::<UserResponse>().is_some();
        let method = if self.method == Method::HEAD { &Method::GET } else { &self.method };
        match self.route.0.get() {
            Some(path)
                if METHODS.contains(method)
                    && (is_user_response
                        || response.status() != StatusCode::METHOD_NOT_ALLOWED) =>
            {
                format!("{method} {}", path.as_str())
            }
            _ => "other".to_owned(),
        }
    }
}

/// Whether a response is the result of a user's function, or says that it is not deployed yet. Its
/// status is then no error of the API.
fn is_functions_own(response: &Response) -> bool {
    let error = match error_of(response) {
        Some(Error::FunctionFailed { failure, .. }) => *failure != Failure::OutcomeUnknown,
        Some(Error::NotDeployed) => true,
        _ => false,
    };
    error || response.extensions().get::<UserResponse>().is_some()
}

/// Records the matched route for [`RequestMetrics`].
pub(super) async fn record_route(request: Request, next: Next) -> Response {
    let extensions = request.extensions();
    if let (Some(Route(route)), Some(path)) = (extensions.get(), extensions.get::<MatchedPath>()) {
        route.get_or_init(|| path.clone());
    }
    next.run(request).await
}

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
    use axum::body::Body;
    use axum::middleware::from_fn;
    use axum::routing::{any, get};
    use serde_json::{Value, json};
    use tower::ServiceExt;
    use tower_http::catch_panic::CatchPanicLayer;

    use super::*;
    use crate::domain::{LogId, Owner};
    use crate::http::error::panicked;
    use crate::http::owner::SignIn;
    use crate::logging::tests::lines;

    async fn measure(mut request: Request, next: Next) -> Response {
        let metrics = RequestMetrics::start(&mut request);
        let response = next.run(request).await;
        metrics.log(&response);
        response
    }

    /// The metrics lines of a request.
    fn metrics_lines(method: &str, path: &str) -> Vec<Value> {
        let failed = |failure| Error::FunctionFailed { failure, log: LogId::generate() };
        let router = Router::new()
            .route("/api/workspaces/{id}", get(async || "fine"))
            .route("/broken", get(async || Error::internal("secret")))
            .route("/raises", get(async move || failed(Failure::Raised)))
            .route("/unknown", get(async move || failed(Failure::OutcomeUnknown)))
            .route("/early", get(async || Error::NotDeployed))
            .route("/invoke/{ws}/{fn}", any(async || "fine"))
            .route("/panics", get(async || -> &str { panic!("on purpose") }))
            .route_layer(from_fn(record_route))
            .layer(CatchPanicLayer::custom(panicked))
            .layer(from_fn(measure));
        let request = http::Request::builder().method(method).uri(path);
        let request = request.extension(SignIn(false)).body(Body::empty()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let all = lines(|| drop(runtime.block_on(router.oneshot(request)).unwrap()));
        all.into_iter().filter(|line| line["target"] == metrics::TARGET).collect()
    }

    #[test]
    fn a_request_logs_one_line_with_route_status_and_owner_hash() {
        for (method, path, route, status) in [
            ("GET", "/api/workspaces/ws-1", "GET /api/workspaces/{id}", 200),
            ("HEAD", "/api/workspaces/ws-1", "GET /api/workspaces/{id}", 200),
            ("BREW", "/api/workspaces/ws-1", "other", 405),
            ("BREW", "/invoke/ws-1/fn-1", "other", 200),
            ("PUT", "/invoke/ws-1/fn-1", "PUT /invoke/{ws}/{fn}", 200),
            ("GET", "/panics", "GET /panics", 500),
            ("GET", "/wp-login.php", "other", 404),
        ] {
            let lines = metrics_lines(method, path);
            let [line] = &lines[..] else { panic!("{method} {path}: {lines:?}") };
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
    fn failures_of_user_functions_do_not_count_as_errors() {
        for (path, status, errors) in
            [("/broken", 500, 1), ("/raises", 500, 0), ("/unknown", 503, 1), ("/early", 503, 0)]
        {
            let line = &metrics_lines("GET", path)[0];
            assert_eq!((&line["status"], &line["Errors"]), (&json!(status), &json!(errors)));
        }
    }
}
