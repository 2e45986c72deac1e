//! Usage in the table: the executions of a function, and of a workspace, by the hour.
//!
//! One transaction changes both items for a batch of executions. A function's item holds the last
//! stream record that it counts, so a batch that comes again isn't counted again. The items are
//! created at a function's first deployment and deleted before anything else of it: an execution
//! without them belongs to a deleted function.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Update};
use serde::{Deserialize, Serialize};

use super::Store;
use super::batch::BATCH;
use super::expression::ignore_failed_condition;
use super::item::{Item, attribute_value, text};
use super::keys::{self, FUNCTION_USAGE_PREFIX, INDEX_PK, INDEX_SK, Key, PK, SK};
use super::query::page_size;
use super::transaction::{Tag, TransactionItem, TransactionResult};
use crate::aws::failure::failure;
use crate::domain::{
    ExecutionStatus, FunctionId, HourlyUsage, Owner, PageRequest, Timestamp, Usage, WorkspaceId,
};
use crate::error::Error;

/// How often a count is attempted while other writers change the same items.
const ATTEMPTS: usize = 20;

/// The most functions that one transaction of 100 items counts: one item is the workspace's.
const MAX_FUNCTIONS: usize = 99;

/// The position of a record in the stream, as 40 digits: their alphabetical order is the order of
/// the records. DynamoDB gives 21 to 40 digits.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(transparent)]
pub struct SequenceNumber(String);

impl SequenceNumber {
    /// The sequence number that DynamoDB writes as `text`.
    pub fn new(text: &str) -> Self {
        Self(format!("{text:0>40}"))
    }
}

/// An execution, as the stream reports it.
#[derive(Clone, Debug, PartialEq)]
pub struct Executed {
    /// The workspace of the function.
    pub workspace: WorkspaceId,
    /// The function that ran.
    pub function: FunctionId,
    /// When it began.
    pub at: Timestamp,
    /// How it ended.
    pub outcome: ExecutionStatus,
    /// How long it took.
    pub took: Duration,
    /// The sequence number of its stream record.
    pub sequence: SequenceNumber,
    /// The sort key of its log.
    pub(super) log_sk: String,
}

/// The attributes of a usage item.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
struct UsageRecord {
    hours: HourlyUsage,
    /// Of a function: the last counted stream record. Of a workspace: how often it was written.
    #[serde(skip_serializing_if = "String::is_empty")]
    counted: String,
}

/// The usage of the functions of a workspace, as far as it was read.
#[derive(Debug, Default)]
pub(super) struct FunctionUsage {
    by_function: HashMap<FunctionId, Usage>,
    /// The key behind which more is to be read; `None` at the end.
    read_to: Option<Item>,
}

impl FunctionUsage {
    /// The usage of a function; zero, if it has no usage item.
    pub(super) fn of(&self, id: &FunctionId) -> Usage {
        self.by_function.get(id).copied().unwrap_or_default()
    }
}

impl Store {
    /// Creates the usage items of a function and of its workspace, unless they exist.
    pub async fn begin_usage(
        &self,
        owner: &Owner,
        ws: &WorkspaceId,
        id: &FunctionId,
    ) -> Result<(), Error> {
        let of_workspace = keys::workspace_usage(ws)
            .into_item_with_index(keys::workspace_usage_in_index(owner, ws));
        self.put_if_absent(of_workspace).await?;
        self.put_if_absent(keys::function_usage(ws, id).into_item()).await
    }

    /// The same as writes of a transaction.
    pub(super) fn begin_usage_in_transaction(
        &self,
        owner: &Owner,
        ws: &WorkspaceId,
        id: &FunctionId,
    ) -> Result<[TransactionItem; 2], Error> {
        let begin = "SET hours = if_not_exists(hours, :none)";
        let none = attribute_value(&HourlyUsage::default())?;
        let update = |key: Key| {
            Update::builder()
                .table_name(&*self.table)
                .set_key(Some(key.into_item()))
                .expression_attribute_values(":none", none.clone())
        };
        let index = keys::workspace_usage_in_index(owner, ws);
        let of_workspace = update(keys::workspace_usage(ws))
            .update_expression(format!("{begin}, {INDEX_PK} = :pk, {INDEX_SK} = :sk"))
            .expression_attribute_values(":pk", AttributeValue::S(index.pk))
            .expression_attribute_values(":sk", AttributeValue::S(index.sk));
        let of_function = update(keys::function_usage(ws, id)).update_expression(begin);
        let write = |update: UpdateBuilder| TransactionItem::update(Tag::Usage, update);
        Ok([write(of_workspace)?, write(of_function)?])
    }

    async fn put_if_absent(&self, mut item: Item) -> Result<(), Error> {
        let none: Item = serde_dynamo::to_item(UsageRecord::default()).map_err(Error::internal)?;
        item.extend(none);
        let put = self.dynamodb.put_item().table_name(&*self.table).set_item(Some(item));
        let sent = put.condition_expression(format!("attribute_not_exists({PK})")).send().await;
        ignore_failed_condition(sent, "DynamoDB PutItem, usage")
    }

    /// Counts executions of one workspace's functions, in the order of the stream. Those that were
    /// counted before aren't counted again.
    ///
    /// The logs of deleted functions are deleted: they were written during the deletion, and nobody
    /// else would find them.
    pub async fn count_executions(
        &self,
        ws: &WorkspaceId,
        executed: &[Executed],
    ) -> Result<(), Error> {
        let mut by_function: BTreeMap<&FunctionId, Vec<&Executed>> = BTreeMap::new();
        for execution in executed {
            by_function.entry(&execution.function).or_default().push(execution);
        }
        let all: Vec<_> = by_function.into_iter().collect();
        for chunk in all.chunks(MAX_FUNCTIONS) {
            self.count_chunk(ws, chunk).await?;
        }
        Ok(())
    }

    async fn count_chunk(
        &self,
        ws: &WorkspaceId,
        executed: &[(&FunctionId, Vec<&Executed>)],
    ) -> Result<(), Error> {
        let workspace_key = keys::workspace_usage(ws);
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                // Another shard of the stream counts executions of the same workspace.
                tokio::time::sleep(pause(attempt)).await;
            }
            let mut wanted = vec![workspace_key.clone()];
            wanted.extend(executed.iter().map(|(id, _)| keys::function_usage(ws, id)));
            let mut found = self.items(&wanted).await?;
            let mut writes = Vec::new();
            let mut total = found.remove(&workspace_key.sk).and_then(read);
            let before = total.clone();
            for (id, executions) in executed {
                let key = keys::function_usage(ws, id);
                let Some(item) = found.remove(&key.sk) else {
                    self.delete_orphaned_logs(ws, id, executions).await?;
                    continue;
                };
                let Some(old) = read(item) else { continue };
                let mut new = old.clone();
                let is_new = |e: &&&Executed| e.sequence.0 > old.counted;
                for execution in executions.iter().filter(is_new) {
                    new.hours.count(execution.at, execution.outcome, execution.took);
                    new.counted.clone_from(&execution.sequence.0);
                    if let Some(total) = &mut total {
                        total.hours.count(execution.at, execution.outcome, execution.took);
                    }
                }
                if new.counted != old.counted {
                    writes.push(self.write_usage(key, &old, &new)?);
                }
            }
            if writes.is_empty() {
                return Ok(());
            }
            if let (Some(old), Some(mut new)) = (before, total) {
                new.counted = (old.counted.parse::<u64>().unwrap_or_default() + 1).to_string();
                writes.push(self.write_usage(workspace_key.clone(), &old, &new)?);
            }
            match self.transact("DynamoDB TransactWriteItems, count", writes).await? {
                TransactionResult::Committed => return Ok(()),
                // Changed or deleted since it was read.
                TransactionResult::Refused(_) => {}
            }
        }
        Err(Error::Unavailable("counting: others were always faster".into()))
    }

    /// Deletes the logs of executions of a function without a usage item, unless the function exists.
    async fn delete_orphaned_logs(
        &self,
        ws: &WorkspaceId,
        id: &FunctionId,
        executions: &[&Executed],
    ) -> Result<(), Error> {
        if self.function_of_any_owner(ws, id).await?.is_some() {
            tracing::error!(function = %id, "executions can't be counted: there is no usage item");
            return Ok(());
        }
        let key = |execution: &&Executed| {
            Key { pk: keys::log_partition(id), sk: execution.log_sk.clone() }.into_item()
        };
        for batch in executions.chunks(BATCH) {
            self.delete_items(batch.iter().map(key).collect()).await?;
        }
        Ok(())
    }

    fn write_usage(
        &self,
        key: Key,
        old: &UsageRecord,
        new: &UsageRecord,
    ) -> Result<TransactionItem, Error> {
        let mut update = Update::builder()
            .table_name(&*self.table)
            .set_key(Some(key.into_item()))
            .update_expression("SET hours = :hours, counted = :counted")
            .expression_attribute_values(":hours", attribute_value(&new.hours)?)
            .expression_attribute_values(":counted", AttributeValue::S(new.counted.clone()));
        update = if old.counted.is_empty() {
            update.condition_expression(format!(
                "attribute_exists({PK}) AND attribute_not_exists(counted)"
            ))
        } else {
            update
                .condition_expression("counted = :old")
                .expression_attribute_values(":old", AttributeValue::S(old.counted.clone()))
        };
        TransactionItem::update(Tag::Usage, update)
    }

    /// The usage of the first functions behind `after`, with one query that runs beside the query for
    /// the functions of `page`.
    ///
    /// Ordinarily this is the usage of all functions of the page. Deleted functions that aren't
    /// purged yet have a usage item too, so it may end before the page does.
    pub(super) async fn first_usage(
        &self,
        ws: &WorkspaceId,
        page: &PageRequest,
        after: Option<&FunctionId>,
    ) -> Result<FunctionUsage, Error> {
        let query = self.items_below(keys::workspace_partition(ws), FUNCTION_USAGE_PREFIX);
        let from = after.map(|id| keys::function_usage(ws, id).into_item());
        let query = query.set_exclusive_start_key(from).set_limit(page_size(page));
        let mut usage = FunctionUsage::default();
        self.read_usage(query, &mut usage).await?;
        Ok(usage)
    }

    /// Reads on to the usage of the function `last`, if `usage` ends before.
    pub(super) async fn read_usage_up_to(
        &self,
        ws: &WorkspaceId,
        last: &FunctionId,
        usage: &mut FunctionUsage,
    ) -> Result<(), Error> {
        let last = keys::function_usage(ws, last);
        while let Some(from) = usage.read_to.take() {
            if text(&from, SK) >= Some(&*last.sk) {
                usage.read_to = Some(from);
                break;
            }
            let query = self
                .dynamodb
                .query()
                .table_name(&*self.table)
                .consistent_read(true)
                .key_condition_expression(format!("{PK} = :pk AND {SK} BETWEEN :from AND :last"))
                .expression_attribute_values(":pk", AttributeValue::S(last.pk.clone()))
                .expression_attribute_values(
                    ":from",
                    AttributeValue::S(FUNCTION_USAGE_PREFIX.into()),
                )
                .expression_attribute_values(":last", AttributeValue::S(last.sk.clone()))
                .set_exclusive_start_key(Some(from));
            self.read_usage(query, usage).await?;
            if usage.read_to.is_none() {
                // The end of the range, and not of the usage.
                usage.read_to = Some(last.clone().into_item());
            }
        }
        Ok(())
    }

    async fn read_usage(
        &self,
        query: QueryFluentBuilder,
        usage: &mut FunctionUsage,
    ) -> Result<(), Error> {
        let found = query.send().await.map_err(failure("DynamoDB Query, usage"))?;
        for item in found.items.unwrap_or_default() {
            let Some(id) = text(&item, SK).and_then(keys::function_of_usage) else { continue };
            usage.by_function.insert(id, self.usage_in(Some(item)));
        }
        usage.read_to = found.last_evaluated_key;
        Ok(())
    }

    /// The usage at `key`; zero, if there is no item.
    pub(super) async fn usage_at(&self, key: Key) -> Result<Usage, Error> {
        let mut items = self.items(std::slice::from_ref(&key)).await?;
        Ok(self.usage_in(items.remove(&key.sk)))
    }

    /// The usage over the last 24 hours in a usage item; zero, if there is none.
    pub(super) fn usage_in(&self, item: Option<Item>) -> Usage {
        let record = item.and_then(read).unwrap_or_default();
        record.hours.usage(self.now())
    }
}

/// Reads a usage item. An unreadable one is logged and left as it is: it must not delay the counting
/// of others.
fn read(mut item: Item) -> Option<UsageRecord> {
    for key in [PK, SK, INDEX_PK, INDEX_SK] {
        item.remove(key);
    }
    let read = serde_dynamo::from_item(item).map_err(Error::internal);
    read.inspect_err(|error| tracing::error!(cause = error.causes(), "usage can't be read")).ok()
}

/// The pause before another attempt: 5 ms more each time, and up to 20 ms at random.
fn pause(attempt: usize) -> Duration {
    let spread = ulid::Ulid::generate().random() % 20;
    Duration::from_millis(u64::try_from(spread).unwrap_or(0) + 5 * attempt as u64)
}
