//! Writes of several items, all or none.

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::TransactWriteItem;
use aws_sdk_dynamodb::types::builders::{
    ConditionCheckBuilder, DeleteBuilder, PutBuilder, UpdateBuilder,
};
use ulid::Ulid;

use super::Store;
use super::item::Item;
use super::retry::retry_unavailable;
use crate::aws::failure::failure;
use crate::error::Error;

/// Which item of a transaction a write is of. A refusal names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    /// The number of an owner's workspaces.
    WorkspaceCount,
    Workspace,
    Function,
    /// The usage of a workspace or of a function.
    Usage,
    /// The task of a build.
    Task,
    Layer,
    /// A function's use of a layer.
    LayerUse,
    IdempotencyRecord,
}

/// A write of a transaction.
#[derive(Clone, Debug)]
pub(super) struct TransactionItem {
    tag: Tag,
    write: TransactWriteItem,
}

impl TransactionItem {
    pub(super) fn put(tag: Tag, put: PutBuilder) -> Result<Self, Error> {
        let put = put.build().map_err(Error::internal)?;
        Ok(Self { tag, write: TransactWriteItem::builder().put(put).build() })
    }

    pub(super) fn update(tag: Tag, update: UpdateBuilder) -> Result<Self, Error> {
        let update = update.build().map_err(Error::internal)?;
        Ok(Self { tag, write: TransactWriteItem::builder().update(update).build() })
    }

    pub(super) fn delete(tag: Tag, delete: DeleteBuilder) -> Result<Self, Error> {
        let delete = delete.build().map_err(Error::internal)?;
        Ok(Self { tag, write: TransactWriteItem::builder().delete(delete).build() })
    }

    /// A condition on an item that the transaction leaves as it is.
    pub(super) fn check(tag: Tag, check: ConditionCheckBuilder) -> Result<Self, Error> {
        let check = check.build().map_err(Error::internal)?;
        Ok(Self { tag, write: TransactWriteItem::builder().condition_check(check).build() })
    }
}

/// How a transaction ended.
#[derive(Debug)]
pub(super) enum TransactionResult {
    /// Everything was written.
    Committed,
    /// Nothing was written: some conditions did not hold.
    Refused(Refusals),
}

/// The items of a transaction whose conditions did not hold.
#[derive(Debug)]
pub(super) struct Refusals(Vec<(Tag, Option<Item>)>);

impl Refusals {
    /// Whether the condition of an item with this tag did not hold.
    pub(super) fn refused(&self, tag: Tag) -> bool {
        self.0.iter().any(|(refused, _)| *refused == tag)
    }

    /// The refused item with this tag as it is in the table, where there is one and the write asked
    /// for its old values.
    pub(super) fn item(&self, tag: Tag) -> Option<&Item> {
        self.0.iter().find(|(refused, _)| *refused == tag)?.1.as_ref()
    }
}

/// Codes of a cancelled transaction that may succeed later: other writers, or a busy table.
const CONFLICTS: [&str; 3] =
    ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];

impl Store {
    /// Writes `items` in one transaction, and retries conflicts with other writers, within
    /// [`TimeBudget::commit`](crate::time_budget::TimeBudget::commit).
    ///
    /// All attempts carry the same token, with which DynamoDB carries out a transaction once: a
    /// refusal doesn't come from an earlier attempt that succeeded. (An attempt that arrives
    /// seconds later, behind a refused one, is judged anew.) After an error it is unknown whether
    /// anything was written.
    pub(super) async fn transact(
        &self,
        what: &'static str,
        items: Vec<TransactionItem>,
    ) -> Result<TransactionResult, Error> {
        let token = Ulid::generate().to_string();
        let (tags, writes): (Vec<Tag>, Vec<TransactWriteItem>) =
            items.into_iter().map(|item| (item.tag, item.write)).unzip();
        let attempt = || async {
            let sent = self
                .dynamodb
                .transact_write_items()
                .client_request_token(token.as_str())
                .set_transact_items(Some(writes.clone()));
            let Err(error) = sent.send().await else { return Ok(TransactionResult::Committed) };
            match error.as_service_error().and_then(|error| cancellation(error, &tags)) {
                Some(Cancellation::Refused(refusals)) => Ok(TransactionResult::Refused(refusals)),
                Some(Cancellation::Conflict(codes)) => {
                    Err(Error::Unavailable(format!("{what}: {codes}").into()))
                }
                None => Err(failure(what)(error)),
            }
        };
        match tokio::time::timeout(self.time_budget.commit, retry_unavailable(attempt)).await {
            Ok(result) => result,
            Err(_) => Err(Error::Unavailable(format!("{what}: out of time").into())),
        }
    }
}

/// Why DynamoDB cancelled a transaction.
enum Cancellation {
    Refused(Refusals),
    Conflict(String),
}

/// Reads the reasons of a cancellation, of which DynamoDB gives one for each item, in order.
fn cancellation(error: &TransactWriteItemsError, tags: &[Tag]) -> Option<Cancellation> {
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error else {
        return None;
    };
    let reasons = cancelled.cancellation_reasons();
    let refusals: Vec<_> = tags
        .iter()
        .zip(reasons)
        .filter(|(_, reason)| reason.code() == Some("ConditionalCheckFailed"))
        .map(|(tag, reason)| (*tag, reason.item().cloned()))
        .collect();
    if !refusals.is_empty() {
        // A condition that doesn't hold is final, whatever else was in the way.
        return Some(Cancellation::Refused(Refusals(refusals)));
    }
    let codes: Vec<&str> = reasons.iter().map(|reason| reason.code().unwrap_or("None")).collect();
    let is_conflict = codes.iter().any(|code| CONFLICTS.contains(code));
    is_conflict.then(|| Cancellation::Conflict(codes.join(", ")))
}
