//! Errors in the form of AWS Lambda's API, from which the SDK makes typed errors.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// An error of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ApiError {
    status: StatusCode,
    name: &'static str,
    message: String,
    /// Which limit was reached, where there are several.
    reason: Option<&'static str>,
}

impl ApiError {
    fn new(status: StatusCode, name: &'static str, message: impl Into<String>) -> Self {
        Self { status, name, message: message.into(), reason: None }
    }

    /// There is no such function or version.
    pub(super) fn not_found(arn: &str) -> Self {
        let message = format!("Function not found: {arn}");
        Self::new(StatusCode::NOT_FOUND, "ResourceNotFoundException", message)
    }

    /// The current state does not allow the call.
    pub(super) fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "ResourceConflictException", message)
    }

    /// A value is valid and can't be used.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "InvalidParameterValueException", message)
    }

    /// A value breaks a constraint of the API.
    pub(super) fn validation(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "ValidationException", message)
    }

    /// The body can't be read.
    pub(super) fn content(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "InvalidRequestContentException", message)
    }

    /// The expected revision is not the current one.
    pub(super) fn precondition_failed() -> Self {
        let message = "The Revision Id provided does not match the latest Revision Id. Call the \
                       GetFunction/GetAlias API to retrieve the latest Revision Id";
        Self::new(StatusCode::PRECONDITION_FAILED, "PreconditionFailedException", message)
    }

    /// As many invocations run as are reserved for the function.
    pub(super) fn reserved_concurrency_reached() -> Self {
        let error =
            Self::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequestsException", "Rate Exceeded.");
        Self { reason: Some("ReservedFunctionConcurrentInvocationLimitExceeded"), ..error }
    }

    /// An event is over the limit.
    pub(super) fn payload_too_large(limit: usize) -> Self {
        let message =
            format!("Request must be smaller than {limit} bytes for the InvokeFunction operation");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLargeException", message)
    }

    /// The body of another call is over the limit.
    pub(super) fn body_too_large(limit: usize) -> Self {
        let message = format!("Request must be smaller than {limit} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLargeException", message)
    }

    /// The caller's key is not the local one.
    pub(super) fn unknown_key() -> Self {
        let message = "The security token included in the request is invalid.";
        Self::new(StatusCode::FORBIDDEN, "UnrecognizedClientException", message)
    }

    /// The emulator has no such operation.
    pub(super) fn unknown_operation(what: &str) -> Self {
        let message = format!("The local engine has no operation for {what}");
        Self::new(StatusCode::NOT_FOUND, "UnknownOperationException", message)
    }

    /// The engine itself failed.
    pub(super) fn service(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "ServiceException", message)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let kind = if self.status.is_server_error() { "Service" } else { "User" };
        let mut body = json!({"Type": kind, "Message": self.message});
        if let Some(reason) = self.reason {
            body["Reason"] = json!(reason);
        }
        (self.status, [("x-amzn-errortype", self.name)], Json(body)).into_response()
    }
}
