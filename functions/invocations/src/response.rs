//! A handler's result as an HTTP response.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    ALT_SVC, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, SET_COOKIE, STRICT_TRANSPORT_SECURITY, TE,
    TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::value::{RawValue, to_raw_value};
use shared::domain::{Execution, ExecutionLog, ExecutionResult, Reply, ReplyBody};
use shared::error::Error;
use shared::http::UserResponse;

/// The response header with the id of the execution's log.
const EXECUTION_ID: HeaderName = HeaderName::from_static("x-execution-id");

/// Headers that are removed from a function's response.
///
/// These are hop-by-hop headers, `Content-Length`, which is set later, and headers that affect the whole
/// host in a browser: all functions of all owners and `/docs` share it.
const REMOVED: [HeaderName; 15] = [
    ALT_SVC,
    HeaderName::from_static("clear-site-data"),
    CONNECTION,
    CONTENT_LENGTH,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("nel"),
    HeaderName::from_static("proxy-authenticate"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("report-to"),
    HeaderName::from_static("service-worker-allowed"),
    STRICT_TRANSPORT_SECURITY,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// The response of a function's public URL.
pub(crate) fn from_execution(log: &ExecutionLog, execution: Execution) -> Response {
    let mut response = match execution.result {
        ExecutionResult::Returned(reply) => from_reply(reply),
        ExecutionResult::Failed(failure) => {
            Error::FunctionFailed { failure, log: log.id.clone() }.into_response()
        }
    };
    // Ids are letters, digits and hyphens, so they are valid headers.
    if let Ok(value) = HeaderValue::from_str(log.id.as_str()) {
        response.headers_mut().insert(EXECUTION_ID, value);
    }
    response
}

fn from_reply(reply: Reply) -> Response {
    let is_binary = matches!(reply.body, ReplyBody::Binary(_));
    let (kind, body) = match reply.body {
        _ if has_no_content(reply.status) => (None, Body::empty()),
        ReplyBody::Empty => (None, Body::empty()),
        ReplyBody::Json(json) => (Some("application/json"), Body::from(json.get().to_owned())),
        ReplyBody::Text(text) => (Some("text/plain; charset=utf-8"), Body::from(text)),
        ReplyBody::Binary(bytes) => (Some("application/octet-stream"), Body::from(bytes)),
    };
    let mut response = Response::new(body);
    // The engine accepts 200 to 599 only, which are valid statuses.
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or_default();
    response.extensions_mut().insert(UserResponse { is_binary });
    let headers = response.headers_mut();
    for (name, value) in reply.headers.iter().filter_map(|(name, value)| header(name, value)) {
        if !REMOVED.contains(&name) {
            headers.append(name, value);
        }
    }
    if let Some(kind) = kind {
        headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(kind));
    }
    response
}

/// Whether a response of this status never has content: RFC 9110, 15.3.5, 15.3.6 and 15.4.5.
fn has_no_content(status: u16) -> bool {
    matches!(status, 204 | 205 | 304)
}

/// A header, if it is valid in HTTP. A value with a line break is not.
pub(crate) fn header(name: &str, value: &str) -> Option<(HeaderName, HeaderValue)> {
    let name: HeaderName = name.parse().ok()?;
    let value = HeaderValue::from_str(value).ok()?;
    // lambda_http would turn a cookie that isn't ASCII into an empty one.
    (name != SET_COOKIE || value.to_str().is_ok()).then_some((name, value))
}

/// A response body as JSON, for the log: bytes become base64, an empty body `null`.
pub(crate) fn as_json(ending: &ExecutionResult) -> Box<RawValue> {
    let text = |text: &str| to_raw_value(text).unwrap_or_default();
    match ending {
        ExecutionResult::Returned(Reply { body: ReplyBody::Json(json), .. }) => json.clone(),
        ExecutionResult::Returned(Reply { body: ReplyBody::Text(body), .. }) => text(body),
        ExecutionResult::Returned(Reply { body: ReplyBody::Binary(bytes), .. }) => {
            text(&STANDARD.encode(bytes))
        }
        ExecutionResult::Returned(Reply { body: ReplyBody::Empty, .. }) => {
            RawValue::NULL.to_owned()
        }
        ExecutionResult::Failed(failure) => text(&failure.to_string()),
    }
}
