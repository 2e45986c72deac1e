//! Writes of several items, all or none.

use std::time::Duration;

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::TransactWriteItem;
use backon::{ExponentialBuilder, Retryable};

use super::Store;
use super::failure::failure;
use crate::error::Error;

/// How a transaction ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Everything was written.
    Committed,
    /// Nothing was written, because the conditions of these items did not hold.
    Refused(Vec<usize>),
}

/// Items that others are writing at this moment; the same transaction may succeed later.
const CONFLICTS: [&str; 3] =
    ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];

/// Waits between attempts at an item that others are writing: up to eight,
/// which are 5 seconds in all at the most, so that a caller gets an answer in time.
pub(super) fn patience() -> ExponentialBuilder {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(20))
        .with_max_delay(Duration::from_secs(1))
        .with_max_times(8)
        .with_jitter()
}

impl Store {
    /// Writes `items` in one transaction, trying again while others write the same items.
    ///
    /// The SDK sends a token with each, so that an attempt whose answer was
    /// lost isn't carried out twice.
    pub(super) async fn transact(
        &self,
        what: &'static str,
        items: Vec<TransactWriteItem>,
    ) -> Result<Outcome, Error> {
        let attempt = || async {
            let sent = self.dynamodb.transact_write_items().set_transact_items(Some(items.clone()));
            let Err(error) = sent.send().await else {
                return Ok(Outcome::Committed);
            };
            if let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
                error.as_service_error()
            {
                let codes: Vec<&str> = cancelled
                    .cancellation_reasons()
                    .iter()
                    .map(|reason| reason.code().unwrap_or("None"))
                    .collect();
                let refused: Vec<usize> = codes
                    .iter()
                    .enumerate()
                    .filter(|(_, code)| **code == "ConditionalCheckFailed")
                    .map(|(i, _)| i)
                    .collect();
                if !refused.is_empty() {
                    return Ok(Outcome::Refused(refused));
                }
                if codes.iter().any(|code| CONFLICTS.contains(code)) {
                    return Err(Error::Unavailable(format!("{what}: {}", codes.join(", ")).into()));
                }
            }
            Err(failure(what)(error))
        };
        attempt.retry(patience()).when(|e| matches!(e, Error::Unavailable(_))).await
    }
}
