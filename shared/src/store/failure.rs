//! What an AWS client's error means to a caller of ours.

use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use std::error::Error as StdError;

use crate::error::Error;

/// Codes that say: not now. From the error references of DynamoDB and S3.
const BUSY: [&str; 11] = [
    "InternalServerError",
    "InternalError",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestTimeout",
    "ServiceUnavailable",
    "SlowDown",
    "ThrottlingException",
    "TransactionConflictException",
    "TransactionInProgressException",
];

/// Turns the error of the call `what` into ours.
///
/// What may pass by itself is [`Error::Unavailable`]; what won't (no such
/// table, access denied, a request that the service doesn't understand) is
/// [`Error::Internal`]. Either way the whole story goes to the log.
pub(super) fn failure<E, R>(what: &'static str) -> impl Fn(SdkError<E, R>) -> Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    move |error| {
        let passing = match &error {
            SdkError::TimeoutError(_)
            | SdkError::DispatchFailure(_)
            | SdkError::ResponseError(_) => true,
            _ => error.code().is_some_and(|code| BUSY.contains(&code)),
        };
        let story = format!("{what}: {}", DisplayErrorContext(&error)).into();
        if passing { Error::Unavailable(story) } else { Error::Internal(story) }
    }
}
