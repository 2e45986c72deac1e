//! The one place where an [`Error`] becomes a status and a body.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::domain::{Execution, ExecutionResult, Failure, InvalidField, InvalidJson, LogId};
use crate::error::Error;
use crate::time_budget::TimeBudget;

/// `Retry-After` when storage or the engine is busy, or a request is in progress.
const BUSY_SECONDS: u32 = 2;

/// `Retry-After` when a rate limit is exceeded. Limits count requests per second.
const RATE_LIMIT_SECONDS: u32 = 1;

/// `WWW-Authenticate` of a function that requires a key. HTTP requires this header with a 401.
const CHALLENGE: HeaderValue = HeaderValue::from_static("ApiKey header=\"X-Api-Key\"");

/// The body of every error.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Error)]
pub struct ErrorBody<'a> {
    #[schema(inline)]
    error: ErrorDetail<'a>,
}

/// What went wrong.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ErrorDetail<'a> {
    #[schema(inline)]
    code: Code,
    /// A sentence for a person.
    message: String,
    /// More for a program, where there is more to say: the field, the limit, the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object, required = false)]
    details: Option<Value>,
    /// Finds the request in our log.
    request_id: &'a str,
}

/// Which kind of error it is, for a program.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Code {
    MalformedJson,
    Unauthorized,
    NotFound,
    MethodNotAllowed,
    Conflict,
    PreconditionFailed,
    PayloadTooLarge,
    UnsupportedMediaType,
    ValidationError,
    TooManyRequests,
    InternalError,
    ServiceUnavailable,
    Timeout,
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// The status, code and `details` of an error.
fn describe(error: &Error) -> (StatusCode, Code, Option<Value>) {
    match error {
        Error::Json(InvalidJson::Malformed(_)) => {
            (StatusCode::BAD_REQUEST, Code::MalformedJson, None)
        }
        Error::Json(InvalidJson::NotAnObject) => {
            (StatusCode::UNPROCESSABLE_ENTITY, Code::ValidationError, None)
        }
        Error::Invalid(InvalidField::Value { field, .. }) => {
            let details = json!({ "field": field });
            (StatusCode::UNPROCESSABLE_ENTITY, Code::ValidationError, Some(details))
        }
        Error::Invalid(InvalidField::Syntax { field, line, column, .. }) => {
            let details = json!({ "field": field, "line": line, "column": column });
            (StatusCode::UNPROCESSABLE_ENTITY, Code::ValidationError, Some(details))
        }
        Error::NotFound(_) => (StatusCode::NOT_FOUND, Code::NotFound, None),
        Error::MethodNotAllowed(_) => {
            (StatusCode::METHOD_NOT_ALLOWED, Code::MethodNotAllowed, None)
        }
        Error::Conflict(_) | Error::InProgress => (StatusCode::CONFLICT, Code::Conflict, None),
        Error::Quota(quota) => {
            let details = json!({ "limit": quota.name(), "value": quota.value() });
            let (status, code) = if quota.is_temporary() {
                (StatusCode::TOO_MANY_REQUESTS, Code::TooManyRequests)
            } else {
                (StatusCode::CONFLICT, Code::Conflict)
            };
            (status, code, Some(details))
        }
        Error::NoKey | Error::WrongKey => (StatusCode::UNAUTHORIZED, Code::Unauthorized, None),
        Error::FunctionFailed { failure, log } => function_failed(failure, log),
        Error::NotDeployed => (StatusCode::SERVICE_UNAVAILABLE, Code::ServiceUnavailable, None),
        Error::PreconditionFailed => {
            (StatusCode::PRECONDITION_FAILED, Code::PreconditionFailed, None)
        }
        Error::PayloadTooLarge { limit, size } => {
            let details = json!({ "limit": limit, "size": size });
            (StatusCode::PAYLOAD_TOO_LARGE, Code::PayloadTooLarge, Some(details))
        }
        Error::UnsupportedMediaType { .. } => {
            (StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::UnsupportedMediaType, None)
        }
        Error::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, Code::ServiceUnavailable, None),
        Error::Down { checks, .. } => {
            let details = json!({ "checks": checks });
            (StatusCode::SERVICE_UNAVAILABLE, Code::ServiceUnavailable, Some(details))
        }
        Error::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, Code::InternalError, None),
    }
}

/// The status that the caller of a function gets.
pub fn status_of(execution: &Execution) -> u16 {
    match &execution.result {
        ExecutionResult::Returned(reply) => reply.status,
        ExecutionResult::Failed(failure) => status_of_failure(failure).0.as_u16(),
    }
}

/// 504 for a timeout, 503 if the engine gave no answer, else 500.
fn status_of_failure(failure: &Failure) -> (StatusCode, Code) {
    match failure {
        Failure::TimedOut { .. } | Failure::StillRunning(_) => {
            (StatusCode::GATEWAY_TIMEOUT, Code::Timeout)
        }
        Failure::OutcomeUnknown => (StatusCode::SERVICE_UNAVAILABLE, Code::ServiceUnavailable),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, Code::InternalError),
    }
}

/// A failure of a user's function. `details` has the log's id.
fn function_failed(failure: &Failure, log: &LogId) -> (StatusCode, Code, Option<Value>) {
    let timed_out = |limit: u64, spent: &Duration| {
        let tenths = (spent.as_secs_f64() * 10.0).round() / 10.0;
        json!({ "logId": log, "limitSeconds": limit, "spentSeconds": tenths })
    };
    let details = match failure {
        Failure::TimedOut { limit, took } => timed_out(u64::from(*limit), took),
        Failure::StillRunning(waited) => timed_out(TimeBudget::PRODUCT.gateway.as_secs(), waited),
        _ => json!({ "logId": log }),
    };
    let (status, code) = status_of_failure(failure);
    (status, code, Some(details))
}

impl IntoResponse for Error {
    /// A response with the error as an extension. `render` writes the body in the middleware, where the
    /// request's id is known.
    fn into_response(self) -> Response {
        let (status, ..) = describe(&self);
        let mut response = status.into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

impl From<PathRejection> for Error {
    fn from(_: PathRejection) -> Self {
        Error::NotFound("there is nothing at this path".into())
    }
}

/// A panic of a handler is an internal error. The panic hook writes its message to the log.
pub(super) fn panicked(_: Box<dyn Any + Send>) -> Response {
    Error::internal("a handler panicked").into_response()
}

/// The error that `response` was made from.
pub(super) fn error_of(response: &Response) -> Option<&Error> {
    response.extensions().get::<Arc<Error>>().map(|error| &**error)
}

/// Writes headers and body of an error, and logs errors of the API or of a service that it uses. Other
/// responses stay unchanged.
pub(super) fn render(response: &mut Response, request_id: &str) {
    let Some(error) = response.extensions().get::<Arc<Error>>().cloned() else {
        return;
    };
    let (status, code, details) = describe(&error);
    match &*error {
        Error::Internal(_) => tracing::error!(request_id, cause = error.causes(), "{code}"),
        Error::Unavailable(_) | Error::Down { .. } => {
            tracing::warn!(request_id, cause = error.causes(), "{code}");
        }
        _ => {}
    }
    let headers = response.headers_mut();
    match status {
        StatusCode::SERVICE_UNAVAILABLE => headers.insert(RETRY_AFTER, BUSY_SECONDS.into()),
        StatusCode::TOO_MANY_REQUESTS => headers.insert(RETRY_AFTER, RATE_LIMIT_SECONDS.into()),
        StatusCode::CONFLICT if matches!(*error, Error::InProgress) => {
            headers.insert(RETRY_AFTER, BUSY_SECONDS.into())
        }
        StatusCode::UNAUTHORIZED => headers.insert(WWW_AUTHENTICATE, CHALLENGE),
        _ => None,
    };
    let detail = ErrorDetail { code, message: error.to_string(), details, request_id };
    // Text, numbers and a flat object always serialize.
    let body = serde_json::to_vec(&ErrorBody { error: detail }).unwrap_or_default();
    response.headers_mut().remove(CONTENT_LENGTH);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    *response.body_mut() = Body::from(body);
}
