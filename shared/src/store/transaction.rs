//! Writes of several items, all or none.

use std::time::Duration;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    ReturnValuesOnConditionCheckFailure as OnFailure, TransactWriteItem, Update,
};
use backon::{ExponentialBuilder, Retryable};
use ulid::Ulid;

use super::keys::Key;
use super::update::Changes;
use super::{Item, Store};
use crate::aws::failure::failure;
use crate::domain::{Expected, Owner};
use crate::error::Error;

/// How a transaction ended.
#[derive(Debug)]
pub(super) enum TransactionResult {
    /// Everything was written.
    Committed,
    /// Nothing was written, because the conditions of these items did not hold.
    Refused(Vec<Refusal>),
}

/// An item whose condition did not hold.
#[derive(Debug)]
pub(super) struct Refusal {
    /// Its place in the transaction.
    pub(super) index: usize,
    /// The item as it is, if there is one and the condition asked for it.
    pub(super) item: Option<Item>,
}

/// Items that others are writing at this moment; the same transaction may succeed later.
const CONFLICTS: [&str; 3] =
    ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];

/// Pauses between attempts at what others are busy with: up to eight, growing and random.
pub(super) fn retry_policy() -> ExponentialBuilder {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(20))
        .with_max_delay(Duration::from_secs(1))
        .with_max_times(8)
        .with_jitter()
}

/// Writes one item, trying again while a transaction of somebody else writes it.
pub(super) async fn retry_on_conflict<T, E, R, F>(
    attempt: impl FnMut() -> F,
) -> Result<T, SdkError<E, R>>
where
    E: ProvideErrorMetadata,
    F: Future<Output = Result<T, SdkError<E, R>>>,
{
    let is_in_the_way = |e: &SdkError<E, R>| e.code() == Some("TransactionConflictException");
    attempt.retry(retry_policy()).when(is_in_the_way).await
}

impl Store {
    /// Writes `items` in one transaction, trying again while others write the
    /// same items, for [`TimeBudget::commit`](crate::time_budget::TimeBudget) at the most.
    ///
    /// All attempts carry one token: one that succeeded isn't carried out twice, so a refusal comes
    /// from conditions and not from an attempt before. (One that was on its way for seconds may
    /// still arrive behind the refusal of a later one, and is judged anew then.) Where this fails
    /// with an error it isn't known whether anything was written.
    pub(super) async fn transact(
        &self,
        what: &'static str,
        items: Vec<TransactWriteItem>,
    ) -> Result<TransactionResult, Error> {
        let token = Ulid::generate().to_string();
        let attempt = || async {
            let sent = self
                .dynamodb
                .transact_write_items()
                .client_request_token(token.as_str())
                .set_transact_items(Some(items.clone()));
            match sent.send().await {
                Ok(_) => Ok(TransactionResult::Committed),
                Err(error) => match error.as_service_error().and_then(cancelled) {
                    Some(Cancelled::Refused(refusals)) => Ok(TransactionResult::Refused(refusals)),
                    Some(Cancelled::Conflict(codes)) => {
                        Err(Error::Unavailable(format!("{what}: {codes}").into()))
                    }
                    None => Err(failure(what)(error)),
                },
            }
        };
        let attempts = attempt.retry(retry_policy()).when(|e| matches!(e, Error::Unavailable(_)));
        match tokio::time::timeout(self.time_budget.commit, attempts).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Error::Unavailable(format!("{what}: out of time").into())),
        }
    }

    /// A write in a transaction that makes `changes` to the item at `key`, if it
    /// is there for `owner` in an `expected` version.
    pub(super) fn update_in_transaction(
        &self,
        key: Key,
        owner: &Owner,
        expected: &Expected,
        changes: &Changes,
    ) -> Result<TransactWriteItem, Error> {
        let expression = changes.expression(owner, expected);
        let update = Update::builder()
            .table_name(&*self.table)
            .set_key(Some(key.into_item()))
            .update_expression(expression.update)
            .condition_expression(expression.condition)
            .set_expression_attribute_names(Some(expression.names))
            .set_expression_attribute_values(Some(expression.values))
            .return_values_on_condition_check_failure(OnFailure::AllOld)
            .build()
            .map_err(Error::internal)?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

/// Why DynamoDB cancelled a transaction.
enum Cancelled {
    Refused(Vec<Refusal>),
    Conflict(String),
}

fn cancelled(error: &TransactWriteItemsError) -> Option<Cancelled> {
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error else {
        return None;
    };
    let reasons = cancelled.cancellation_reasons();
    let refusals: Vec<Refusal> = reasons
        .iter()
        .enumerate()
        .filter(|(_, reason)| reason.code() == Some("ConditionalCheckFailed"))
        .map(|(index, reason)| Refusal { index, item: reason.item().cloned() })
        .collect();
    if !refusals.is_empty() {
        // A condition that doesn't hold decides, whatever else was in the way.
        return Some(Cancelled::Refused(refusals));
    }
    let codes: Vec<&str> = reasons.iter().map(|reason| reason.code().unwrap_or("None")).collect();
    let conflict = codes.iter().any(|code| CONFLICTS.contains(code));
    conflict.then(|| Cancelled::Conflict(codes.join(", ")))
}
