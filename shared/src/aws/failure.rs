//! The mapping of an AWS client's errors to [`Error`].

use std::error::Error as StdError;

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

use crate::error::Error;

/// Error codes of a temporary failure, from the error references of DynamoDB, S3 and Lambda.
const BUSY: [&str; 16] = [
    "EC2ThrottledException",
    "InternalServerError",
    "InternalError",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ResourceConflictException",
    "ResourceNotReadyException",
    "RequestTimeout",
    "ServiceException",
    "ServiceUnavailable",
    "SlowDown",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionConflictException",
    "TransactionInProgressException",
];

/// Maps the error of the call `what`.
///
/// A temporary failure is [`Error::Unavailable`]. Any other (missing table, no credentials, access
/// denied, invalid request) is [`Error::Internal`].
pub fn failure<E>(what: &'static str) -> impl Fn(SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    move |error| {
        let is_temporary = match &error {
            SdkError::TimeoutError(_) | SdkError::ResponseError(_) => true,
            SdkError::DispatchFailure(failure) => failure.is_io() || failure.is_timeout(),
            _ => {
                let is_server_error =
                    error.raw_response().is_some_and(|r| r.status().is_server_error());
                is_server_error || error.code().is_some_and(|code| BUSY.contains(&code))
            }
        };
        let cause = format!("{what}: {}", message(&error)).into();
        if is_temporary { Error::Unavailable(cause) } else { Error::Internal(cause) }
    }
}

/// The messages of an error and of its causes.
///
/// Its `Debug` form must not be logged: it contains the whole response, which may be an item with
/// environment variables.
fn message(error: &dyn StdError) -> String {
    let mut message = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !message.ends_with(&text) {
            message.push_str(": ");
            message.push_str(&text);
        }
        next = cause.source();
    }
    message
}
