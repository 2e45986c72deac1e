//! Deleting what a deleted workspace or function leaves behind, in steps.
//!
//! A step looks for what is left and deletes until its deadline. Then it writes a retry marker, whose
//! stream record starts the next step behind the records of everybody else: a large purge delays
//! nobody. Callers don't see what is purged.

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::time::Instant;

use super::Store;
use super::batch::BATCH;
use super::expression::ignore_failed_condition;
use super::item::{Item, number};
use super::keys::{self, FUNCTION_PREFIX, Key, LOG_PREFIX, PK, SK, TASK_PREFIX};
use super::object::Progress;
use crate::aws::failure::failure;
use crate::domain::{FunctionId, WorkspaceId};
use crate::error::Error;

/// The most items that a step reads at a time, so that it often checks its deadline.
const MAX_KEYS: i32 = 1000;

/// How many batches are deleted at a time.
const CONCURRENT_BATCHES: usize = 4;

impl Store {
    /// Deletes the usage, logs and sources of a deleted function until `deadline`. Leaves a retry
    /// marker where it is unfinished.
    pub async fn purge_function(
        &self,
        ws: &WorkspaceId,
        id: &FunctionId,
        deadline: Instant,
    ) -> Result<Progress, Error> {
        // First, because executions are counted only where there is a usage item.
        self.delete_items(vec![keys::function_usage(ws, id).into_item()]).await?;
        let unfinished = async || {
            self.mark(keys::retry_marker(ws, id), 0).await?;
            Ok(Progress::Unfinished)
        };
        while self.delete_some(&keys::log_partition(id), LOG_PREFIX).await? == Progress::Unfinished
        {
            if Instant::now() >= deadline {
                return unfinished().await;
            }
        }
        let versions = keys::code_versions(ws, id);
        match self.delete_objects_until(&versions, deadline, |_, _| true).await? {
            Progress::Unfinished => unfinished().await,
            Progress::Done => {
                self.delete_object(&keys::published_code(ws, id)).await?;
                Ok(Progress::Done)
            }
        }
    }

    /// Counts one more failure in a function's retry marker, whose stream record comes behind the
    /// records of others.
    pub async fn mark_for_retry(&self, ws: &WorkspaceId, id: &FunctionId) -> Result<(), Error> {
        self.mark(keys::retry_marker(ws, id), 1).await
    }

    /// Has the reconciler deploy a function again, unless it is about to: its retry marker is created.
    pub async fn request_deployment(&self, ws: &WorkspaceId, id: &FunctionId) -> Result<(), Error> {
        let mut item = keys::retry_marker(ws, id).into_item();
        item.extend([("steps".to_owned(), number(1)), ("failures".to_owned(), number(0))]);
        let sent = self
            .dynamodb
            .put_item()
            .table_name(&*self.table)
            .set_item(Some(item))
            .condition_expression(format!("attribute_not_exists({PK})"))
            .send()
            .await;
        ignore_failed_condition(sent, "DynamoDB PutItem, retry marker")
    }

    /// Has the reconciler deploy a function, also where it is about to: it may have read the function
    /// before the latest change.
    pub async fn redeploy(&self, ws: &WorkspaceId, id: &FunctionId) -> Result<(), Error> {
        self.mark(keys::retry_marker(ws, id), 0).await
    }

    /// Counts one more failure in a deleted workspace's item, which marks the purge for a retry.
    pub async fn mark_purge_for_retry(&self, ws: &WorkspaceId) -> Result<(), Error> {
        self.mark(keys::workspace(ws), 1).await
    }

    /// Deletes the retry marker of a function: everything is done.
    pub async fn remove_retry_marker(
        &self,
        ws: &WorkspaceId,
        id: &FunctionId,
    ) -> Result<(), Error> {
        self.delete_items(vec![keys::retry_marker(ws, id).into_item()]).await
    }

    /// Deletes the functions and builds of a deleted workspace, then the workspace itself, until
    /// `deadline`. Stream records of the deleted functions cause their own purges.
    pub async fn purge_workspace(&self, ws: &WorkspaceId, deadline: Instant) -> Result<(), Error> {
        let partition = keys::workspace_partition(ws);
        for prefix in [FUNCTION_PREFIX, TASK_PREFIX] {
            while self.delete_some(&partition, prefix).await? == Progress::Unfinished {
                if Instant::now() >= deadline {
                    return self.mark(keys::workspace(ws), 0).await;
                }
            }
        }
        // Sources of builds, and of requests with unknown results, which no function ever named.
        for sources in [keys::builds_of_workspace(ws), keys::code_of_workspace(ws)] {
            let deleted = self.delete_objects_until(&sources, deadline, |_, _| true).await?;
            if deleted == Progress::Unfinished {
                return self.mark(keys::workspace(ws), 0).await;
            }
        }
        let own = vec![keys::workspace_usage(ws).into_item(), keys::workspace(ws).into_item()];
        self.delete_items(own).await
    }

    /// Changes or creates the item at `key`, so that the stream has another record of it.
    async fn mark(&self, key: Key, failures: u8) -> Result<(), Error> {
        let is_retry_marker = keys::function_of_retry_marker(&key.sk).is_some();
        let mut update = self
            .dynamodb
            .update_item()
            .table_name(&*self.table)
            .set_key(Some(key.into_item()))
            .update_expression("ADD steps :one, failures :failures")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":failures", number(failures));
        if !is_retry_marker {
            // A workspace that another step has deleted must not come back.
            update = update.condition_expression(format!("attribute_exists({PK})"));
        }
        ignore_failed_condition(update.send().await, "DynamoDB UpdateItem, retry marker")
    }

    /// Deletes the first items below `prefix`; done where there were none.
    async fn delete_some(&self, pk: &str, prefix: &str) -> Result<Progress, Error> {
        let some = self.first_keys(pk, prefix).await?;
        stream::iter(some.chunks(BATCH))
            .map(|batch| self.delete_items(batch.to_vec()))
            .buffer_unordered(CONCURRENT_BATCHES)
            .try_collect::<()>()
            .await?;
        Ok(if some.is_empty() { Progress::Done } else { Progress::Unfinished })
    }

    /// The keys of the first items below `prefix`: those of one response.
    async fn first_keys(&self, pk: &str, prefix: &str) -> Result<Vec<Item>, Error> {
        let found = self
            .items_below(pk.to_owned(), prefix)
            .projection_expression(format!("{PK}, {SK}"))
            .limit(MAX_KEYS)
            .send()
            .await
            .map_err(failure("DynamoDB Query, purge"))?;
        Ok(found.items.unwrap_or_default())
    }
}
