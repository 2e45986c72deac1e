//! What an AWS client's error means to a caller of ours.

use std::error::Error as StdError;

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

use crate::error::Error;

/// Codes that say: not now. From the error references of DynamoDB, S3 and Lambda.
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

/// Turns the error of the call `what` into ours.
///
/// What may pass by itself is [`Error::Unavailable`]; what won't (no such
/// table, no credentials, access denied, a request that the service doesn't
/// understand) is [`Error::Internal`].
pub fn failure<E>(what: &'static str) -> impl Fn(SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    move |error| {
        let passing = match &error {
            SdkError::TimeoutError(_) | SdkError::ResponseError(_) => true,
            SdkError::DispatchFailure(failure) => failure.is_io() || failure.is_timeout(),
            _ => {
                let theirs = error.raw_response().is_some_and(|r| r.status().is_server_error());
                theirs || error.code().is_some_and(|code| BUSY.contains(&code))
            }
        };
        let story = format!("{what}: {}", story(&error)).into();
        if passing { Error::Unavailable(story) } else { Error::Internal(story) }
    }
}

/// What an error says of itself and of its causes.
///
/// Never its debug form: that holds the whole answer, and an answer can hold
/// an item with its owner's environment variables.
fn story(error: &dyn StdError) -> String {
    let mut story = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !story.ends_with(&text) {
            story.push_str(": ");
            story.push_str(&text);
        }
        next = cause.source();
    }
    story
}
