//! The middleware around every request.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CONTENT_LENGTH};
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};
use tokio::time::{Instant, timeout};

use super::cors::{Cors, is_preflight};
use super::error::render;
use super::gateway_response::UserResponse;
use super::if_none_match;
use super::owner::SignIn;
use super::request_metrics::RequestMetrics;
use crate::config::Config;
use crate::error::Error;

/// An extension of every request: when it arrived. Time budgets count from here.
#[derive(Clone, Copy, Debug)]
pub struct RequestStart(pub Instant);

impl<S: Sync> FromRequestParts<S> for RequestStart {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().copied().unwrap_or_else(|| Self(Instant::now())))
    }
}

/// What [`handle`] takes from the configuration.
pub(super) struct Settings {
    cors: Cors,
    sign_in: SignIn,
    time_limit: Duration,
}

impl Settings {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            cors: Cors::for_origins(config.allowed_origins.clone()),
            sign_in: SignIn(config.sign_in),
            time_limit: config.time_budget.response,
        }
    }
}

/// Handles a request: CORS, the time limit, the form of errors, conditional reads, metrics.
pub(super) async fn handle(
    State(settings): State<Arc<Settings>>,
    mut request: Request,
    next: Next,
) -> Response {
    let method = request.method().clone();
    let headers = request.headers().clone();
    if is_preflight(&method, &headers) {
        // 204 without a storage call, like API Gateway's own answer.
        let mut response = StatusCode::NO_CONTENT.into_response();
        settings.cors.apply_preflight(&headers, response.headers_mut());
        return response;
    }
    request.extensions_mut().insert(settings.sign_in);
    request.extensions_mut().insert(RequestStart(Instant::now()));
    let metrics = RequestMetrics::start(&mut request);

    let mut response = match timeout(settings.time_limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let cause = format!("no answer within {} seconds", settings.time_limit.as_secs());
            Error::Unavailable(cause.into()).into_response()
        }
    };
    render(&mut response, &metrics.request_id);
    if response.extensions().get::<UserResponse>().is_none() {
        complete_allow(&mut response);
        if_none_match::apply(&method, &headers, &mut response);
    }
    if method == Method::HEAD {
        remove_body(&mut response);
    }
    if matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        // RFC 9110, 8.6: a 204 has none, and that of a 304 would be of the response to a plain GET.
        response.headers_mut().remove(CONTENT_LENGTH);
    }
    settings.cors.apply(&headers, response.headers_mut());
    metrics.log(&response);
    response
}

/// Removes the body of a response to HEAD, and keeps its length.
fn remove_body(response: &mut Response) {
    let body = std::mem::replace(response.body_mut(), Body::empty());
    if let Some(length @ 1..) = body.size_hint().exact() {
        response.headers_mut().insert(CONTENT_LENGTH, length.into());
    }
}

/// Adds `OPTIONS`, which every path accepts, to the methods that the router has put into `Allow`.
fn complete_allow(response: &mut Response) {
    if let Some(allow) = response.headers_mut().get_mut(ALLOW)
        && let Ok(complete) = HeaderValue::from_bytes(&[allow.as_bytes(), b",OPTIONS"].concat())
    {
        *allow = complete;
    }
}
