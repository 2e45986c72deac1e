//! The gateway's own errors, in the API's form.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use serde_json::{Value, json};

use emulator::runtime_api::PAYLOAD_LIMIT;

/// An error of the gateway, without a Lambda or in place of its response.
#[derive(Debug)]
pub(super) struct GatewayError {
    status: StatusCode,
    code: &'static str,
    message: String,
    details: Option<Value>,
}

impl GatewayError {
    pub(super) fn body_too_large(size: usize, limit: usize) -> Self {
        Self::too_large("the body has", size, limit)
    }

    pub(super) fn event_too_large(size: usize) -> Self {
        Self::too_large("the request has, as an event for Lambda,", size, PAYLOAD_LIMIT)
    }

    pub(super) fn no_route(method: &str, path: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", format!("no route takes {method} {path}"))
    }

    pub(super) fn unauthorized() -> Self {
        let message = "this needs a valid token from the issuer, as Authorization: Bearer …";
        Self::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", message.to_owned())
    }

    pub(super) fn invalid_host() -> Self {
        let message = "the Host of the request is not a host name with an optional port";
        Self::new(StatusCode::BAD_REQUEST, "MALFORMED_JSON", message.to_owned())
    }

    pub(super) fn incomplete_body() -> Self {
        let message = "the body ended before it was complete".to_owned();
        Self::new(StatusCode::BAD_REQUEST, "MALFORMED_JSON", message)
    }

    pub(super) fn internal_error() -> Self {
        let message = "something went wrong on our side".to_owned();
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR", message)
    }

    pub(super) fn function_timeout(limit: Duration, duration: Duration) -> Self {
        Self::timeout("the function's timeout", limit, duration)
    }

    pub(super) fn gateway_timeout(limit: Duration, duration: Duration) -> Self {
        Self::timeout("what the gateway can wait", limit, duration)
    }

    /// The response, with the id under which the cause is logged.
    pub(super) fn into_response(self, request_id: &str) -> Response<Bytes> {
        let mut error = json!({
            "code": self.code,
            "message": self.message,
            "requestId": request_id,
        });
        if let Some(details) = self.details {
            error["details"] = details;
        }
        let mut response = Response::new(Bytes::from(json!({ "error": error }).to_string()));
        *response.status_mut() = self.status;
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(CONTENT_TYPE, json);
        if self.status == StatusCode::UNAUTHORIZED {
            let bearer = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(WWW_AUTHENTICATE, bearer);
        }
        response
    }

    fn new(status: StatusCode, code: &'static str, message: String) -> Self {
        Self { status, code, message, details: None }
    }

    fn too_large(what: &str, size: usize, limit: usize) -> Self {
        Self {
            status: StatusCode::PAYLOAD_TOO_LARGE,
            code: "PAYLOAD_TOO_LARGE",
            message: format!("{what} {size} bytes; the limit is {limit} bytes"),
            details: Some(json!({"limit": limit, "size": size})),
        }
    }

    fn timeout(which: &str, limit: Duration, duration: Duration) -> Self {
        let (limit, duration) = (limit.as_secs_f64(), duration.as_secs_f64());
        let message = format!("the request ran past {which} of {limit} s; it took {duration:.1} s");
        Self::new(StatusCode::GATEWAY_TIMEOUT, "TIMEOUT", message)
    }
}
