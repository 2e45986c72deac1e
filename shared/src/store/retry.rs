//! Retries of calls that other writers, or a busy table, have kept from succeeding.

use std::time::Duration;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use backon::{ExponentialBuilder, Retryable};

use crate::error::Error;

/// At most eight retries, after pauses that grow from 20 ms to 1 s, with jitter.
pub(super) fn retry_policy() -> ExponentialBuilder {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(20))
        .with_max_delay(Duration::from_secs(1))
        .with_max_times(8)
        .with_jitter()
}

/// Writes one item, and retries while another writer's transaction holds it.
pub(super) async fn retry_on_conflict<T, E, R, F>(
    attempt: impl FnMut() -> F,
) -> Result<T, SdkError<E, R>>
where
    E: ProvideErrorMetadata,
    F: Future<Output = Result<T, SdkError<E, R>>>,
{
    let is_conflict = |e: &SdkError<E, R>| e.code() == Some("TransactionConflictException");
    attempt.retry(retry_policy()).when(is_conflict).await
}

/// Makes a call that is safe to repeat, and retries while its service is unavailable.
pub(super) async fn retry_unavailable<T, F>(attempt: impl FnMut() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    attempt.retry(retry_policy()).when(|error| matches!(error, Error::Unavailable(_))).await
}
