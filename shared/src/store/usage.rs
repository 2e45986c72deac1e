//! Usage in the table: the executions of a function, and of a workspace, by the hour.
//!
//! Both items are changed in one transaction for a batch of executions. The
//! function's remembers the last record of the stream that it counts, so a
//! batch that comes again finds that it was counted. They are made when a
//! function is first deployed and removed before anything else of it is: where
//! there are none, the function is gone, and its executions are strays.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use serde::{Deserialize, Serialize};

use super::keys::{self, FUNCTION_USAGE_PREFIX, INDEX_PK, INDEX_SK, Key, PK, SK};
use super::transaction::TransactionResult as Written;
use super::{Item, Store};
use crate::aws::failure::failure;
use crate::domain::{
    ExecutionStatus, FunctionId, HourlyUsage, Owner, PageRequest, Timestamp, Usage, WorkspaceId,
};
use crate::error::Error;

/// How often a count is tried again that others have overtaken.
const ATTEMPTS: usize = 20;

/// The functions that one transaction counts: 100 items, one of which is the workspace's.
const MOST_FUNCTIONS: usize = 99;

/// The place of a record in the stream, so written that the order of the texts
/// is the order of the records: as 40 digits, of which DynamoDB gives 21 to 40.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(transparent)]
pub struct SequenceNumber(String);

impl SequenceNumber {
    /// The place that DynamoDB calls `text`.
    pub fn new(text: &str) -> Self {
        Self(format!("{text:0>40}"))
    }
}

/// An execution, as the stream tells of it.
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
    /// Where its record stands in the stream.
    pub sequence: SequenceNumber,
    /// The sort key of its log.
    pub(super) log_sk: String,
}

/// The figures' part of an item.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
struct MetricsRecord {
    hours: HourlyUsage,
    /// Of a function: the last record that is counted. Of a workspace: how often it was written.
    #[serde(skip_serializing_if = "String::is_empty")]
    counted: String,
}

impl Store {
    /// Makes the items in which a function's executions are counted, and its
    /// workspace's; those that are there stay as they are.
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

    /// The same as parts of a transaction, which is none the worse where they are there.
    pub(super) fn begin_metrics_in_transaction(
        &self,
        owner: &Owner,
        ws: &WorkspaceId,
        id: &FunctionId,
    ) -> Result<[TransactWriteItem; 2], Error> {
        let begin = "SET hours = if_not_exists(hours, :none)";
        let none: AttributeValue =
            serde_dynamo::to_attribute_value(HourlyUsage::default()).map_err(Error::internal)?;
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
        let part = |update: UpdateBuilder| {
            let update = update.build().map_err(Error::internal)?;
            Ok::<_, Error>(TransactWriteItem::builder().update(update).build())
        };
        Ok([part(of_workspace)?, part(of_function)?])
    }

    async fn put_if_absent(&self, mut item: Item) -> Result<(), Error> {
        let none: Item =
            serde_dynamo::to_item(MetricsRecord::default()).map_err(Error::internal)?;
        item.extend(none);
        let put = self.dynamodb.put_item().table_name(&*self.table).set_item(Some(item));
        match put.condition_expression(format!("attribute_not_exists({PK})")).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(()),
            Err(error) => Err(failure("DynamoDB PutItem, metrics")(error)),
        }
    }

    /// Counts executions of one workspace's functions, in the order of the
    /// stream. What was counted before isn't counted again.
    ///
    /// The logs of functions that are gone are removed: they were written while
    /// the function was deleted, and nobody else would find them.
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
        for some in all.chunks(MOST_FUNCTIONS) {
            self.count_some(ws, some).await?;
        }
        Ok(())
    }

    async fn count_some(
        &self,
        ws: &WorkspaceId,
        executed: &[(&FunctionId, Vec<&Executed>)],
    ) -> Result<(), Error> {
        let workspace_key = keys::workspace_usage(ws);
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                // Another shard of the stream counts for the same workspace.
                tokio::time::sleep(pause(attempt)).await;
            }
            let mut wanted = vec![workspace_key.clone()];
            wanted.extend(executed.iter().map(|(id, _)| keys::function_usage(ws, id)));
            let mut found = self.items(&wanted).await?;
            let mut writes = Vec::new();
            let mut total = found.remove(&workspace_key.sk).and_then(readable);
            let before = total.clone();
            for (id, executions) in executed {
                let key = keys::function_usage(ws, id);
                let Some(item) = found.remove(&key.sk) else {
                    self.remove_strays(ws, id, executions).await?;
                    continue;
                };
                let Some(old) = readable(item) else { continue };
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
                    writes.push(self.write_metrics(key, &old, &new)?);
                }
            }
            if writes.is_empty() {
                return Ok(());
            }
            if let (Some(old), Some(mut new)) = (before, total) {
                new.counted = (old.counted.parse::<u64>().unwrap_or_default() + 1).to_string();
                writes.push(self.write_metrics(workspace_key.clone(), &old, &new)?);
            }
            match self.transact("DynamoDB TransactWriteItems, count", writes).await? {
                Written::Committed => return Ok(()),
                // Changed or removed since it was read.
                Written::Refused(_) => {}
            }
        }
        Err(Error::Unavailable("counting: others were always faster".into()))
    }

    /// Removes the logs of executions that are counted nowhere, because their
    /// function was deleted. One that is there for all that keeps its logs.
    async fn remove_strays(
        &self,
        ws: &WorkspaceId,
        id: &FunctionId,
        executions: &[&Executed],
    ) -> Result<(), Error> {
        if self.function_of_any_owner(ws, id).await?.is_some() {
            tracing::error!(function = %id, "executions can't be counted: there are no figures");
            return Ok(());
        }
        let key = |execution: &&Executed| {
            Key { pk: keys::log_partition(id), sk: execution.log_sk.clone() }.into_item()
        };
        for batch in executions.chunks(super::purge::BATCH) {
            self.delete_items(batch.iter().map(key).collect()).await?;
        }
        Ok(())
    }

    fn write_metrics(
        &self,
        key: Key,
        old: &MetricsRecord,
        new: &MetricsRecord,
    ) -> Result<TransactWriteItem, Error> {
        let value = |value| serde_dynamo::to_attribute_value(value).map_err(Error::internal);
        let mut update = Update::builder()
            .table_name(&*self.table)
            .set_key(Some(key.into_item()))
            .update_expression("SET hours = :hours, counted = :counted")
            .expression_attribute_values(":hours", value(&new.hours)?)
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
        let update = update.build().map_err(Error::internal)?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// The figures of the functions of a workspace, for `page` of them.
    ///
    /// Read from the same place on and as many as the page has, because each
    /// function has one item of figures at the most, in the same order.
    pub(super) async fn figures_of_functions(
        &self,
        ws: &WorkspaceId,
        page: &PageRequest,
        after: Option<&FunctionId>,
    ) -> Result<HashMap<FunctionId, Usage>, Error> {
        let mut pages = self
            .items_below(keys::workspace_partition(ws), FUNCTION_USAGE_PREFIX)
            .set_exclusive_start_key(after.map(|id| keys::function_usage(ws, id).into_item()))
            .set_limit(super::page_size(page))
            .into_paginator()
            .send();
        let mut figures = HashMap::new();
        while let Some(found) = pages.next().await {
            for item in found.map_err(failure("DynamoDB Query, metrics"))?.items.unwrap_or_default()
            {
                let sk = item.get(SK).and_then(|sk| sk.as_s().ok());
                let Some(id) = sk.and_then(|sk| keys::function_of_usage(sk)) else { continue };
                figures.insert(id, self.usage_in(Some(item)));
            }
            if page.limit().is_some_and(|limit| figures.len() > limit) {
                break;
            }
        }
        Ok(figures)
    }

    /// The figures of the metrics at `key`; none, where there are none.
    pub(super) async fn usage_at(&self, key: Key) -> Result<Usage, Error> {
        let mut items = self.items(std::slice::from_ref(&key)).await?;
        Ok(self.usage_in(items.remove(&key.sk)))
    }

    /// The figures in an item of metrics; none, where there is none.
    pub(super) fn usage_in(&self, item: Option<Item>) -> Usage {
        let record = item.and_then(readable).unwrap_or_default();
        record.hours.usage(self.now())
    }
}

/// The figures in an item. What somebody else has made unreadable is told to our
/// log and left as it is: it must not hold up those of others.
fn readable(mut item: Item) -> Option<MetricsRecord> {
    for key in [PK, SK, INDEX_PK, INDEX_SK] {
        item.remove(key);
    }
    let read = serde_dynamo::from_item(item).map_err(Error::internal);
    read.inspect_err(|error| tracing::error!(cause = error.causes(), "figures can't be read")).ok()
}

fn pause(attempt: usize) -> Duration {
    // The random bits of a new identifier spread those who wait.
    let spread = ulid::Ulid::generate().random() % 20;
    Duration::from_millis(u64::try_from(spread).unwrap_or(0) + 5 * attempt as u64)
}
