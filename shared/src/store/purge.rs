//! Removing what a deleted workspace or function leaves behind, in steps.
//!
//! A step begins by asking what is still there, and goes on until its time is
//! over. Then it leaves a note in the table, whose record in the stream begins
//! the next step: behind the records of everybody else, so that a large purge
//! keeps nobody waiting. What is removed was out of every caller's reach before.

use std::time::Instant;

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::{AttributeValue, DeleteRequest, WriteRequest};
use backon::Retryable;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::keys::{self, FUNCTION_PREFIX, Key, LOG_PREFIX, PK, SK};
use super::transaction::retry_policy;
use super::{Item, Store};
use crate::aws::failure::failure;
use crate::domain::{FunctionId, WorkspaceId};
use crate::error::Error;

/// The most items that one BatchWriteItem takes.
pub(super) const BATCH: usize = 25;

/// How many items a step looks for at a time, so that it often sees the clock.
const MOST_AT_ONCE: i32 = 1000;

/// How many batches are removed at a time.
const BATCHES_AT_A_TIME: usize = 4;

impl Store {
    /// Removes a deleted function's figures, logs and sources, as far as it gets
    /// until `deadline`. Whether that is all; if not, a note is left.
    pub async fn purge_function(
        &self,
        ws: &WorkspaceId,
        id: &FunctionId,
        deadline: Instant,
    ) -> Result<bool, Error> {
        // First of all, because executions are counted only where there are figures.
        self.delete_items(vec![keys::function_usage(ws, id).into_item()]).await?;
        while self.delete_some(&keys::log_partition(id), LOG_PREFIX).await? {
            if Instant::now() >= deadline {
                return self.leave_note(keys::retry_marker(ws, id), 0).await.map(|()| false);
            }
        }
        let versions = keys::code_versions(ws, id);
        if !self.delete_objects_until(&versions, deadline, |_, _| true).await? {
            return self.leave_note(keys::retry_marker(ws, id), 0).await.map(|()| false);
        }
        self.delete_object(&keys::published_code(ws, id)).await.map(|()| true)
    }

    /// Notes that following a function has failed once more, so that the stream
    /// tells of it again, behind the records of others.
    pub async fn mark_for_retry(&self, ws: &WorkspaceId, id: &FunctionId) -> Result<(), Error> {
        self.leave_note(keys::retry_marker(ws, id), 1).await
    }

    /// The same for a workspace whose purge has failed.
    pub async fn mark_purge_for_retry(&self, ws: &WorkspaceId) -> Result<(), Error> {
        self.leave_note(keys::workspace(ws), 1).await
    }

    /// Removes the note on a function: everything is done.
    pub async fn remove_retry_marker(
        &self,
        ws: &WorkspaceId,
        id: &FunctionId,
    ) -> Result<(), Error> {
        self.delete_items(vec![keys::retry_marker(ws, id).into_item()]).await
    }

    /// Removes a deleted workspace's functions and then the workspace itself,
    /// as far as it gets until `deadline`. What the functions leave is removed
    /// when the stream tells of their end.
    pub async fn purge_workspace(&self, ws: &WorkspaceId, deadline: Instant) -> Result<(), Error> {
        let partition = keys::workspace_partition(ws);
        while self.delete_some(&partition, FUNCTION_PREFIX).await? {
            if Instant::now() >= deadline {
                return self.leave_note(keys::workspace(ws), 0).await;
            }
        }
        // What writes have left whose end nobody knows: it had no function, ever.
        let sources = keys::code_of_workspace(ws);
        if !self.delete_objects_until(&sources, deadline, |_, _| true).await? {
            return self.leave_note(keys::workspace(ws), 0).await;
        }
        let own = vec![keys::workspace_usage(ws).into_item(), keys::workspace(ws).into_item()];
        self.delete_items(own).await
    }

    /// Changes the item at `key`, or makes it, so that the stream tells of it once more.
    async fn leave_note(&self, key: Key, failures: u8) -> Result<(), Error> {
        let is_note = keys::function_of_retry_marker(&key.sk).is_some();
        let mut update = self
            .dynamodb
            .update_item()
            .table_name(&*self.table)
            .set_key(Some(key.into_item()))
            .update_expression("ADD steps :one, failures :failures")
            .expression_attribute_values(":one", AttributeValue::N("1".into()))
            .expression_attribute_values(":failures", AttributeValue::N(failures.to_string()));
        if !is_note {
            // A workspace that another step has removed must not come back.
            update = update.condition_expression(format!("attribute_exists({PK})"));
        }
        match update.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(()),
            Err(error) => Err(failure("DynamoDB UpdateItem, note")(error)),
        }
    }

    /// Deletes some of the items below `prefix`; whether there may be more.
    async fn delete_some(&self, pk: &str, prefix: &str) -> Result<bool, Error> {
        let some = self.some_keys(pk, prefix).await?;
        let more = !some.is_empty();
        stream::iter(some.chunks(BATCH))
            .map(|batch| self.delete_items(batch.to_vec()))
            .buffer_unordered(BATCHES_AT_A_TIME)
            .try_collect::<()>()
            .await?;
        Ok(more)
    }

    /// The keys of the first items below `prefix`: as many as one call gives.
    async fn some_keys(&self, pk: &str, prefix: &str) -> Result<Vec<Item>, Error> {
        let found = self
            .items_below(pk.to_owned(), prefix)
            .projection_expression(format!("{PK}, {SK}"))
            .limit(MOST_AT_ONCE)
            .send()
            .await
            .map_err(failure("DynamoDB Query, purge"))?;
        Ok(found.items.unwrap_or_default())
    }

    /// Deletes up to [`BATCH`] items, trying again with those that a busy table left.
    pub(super) async fn delete_items(&self, keys: Vec<Item>) -> Result<(), Error> {
        let what = "DynamoDB BatchWriteItem, purge";
        let mut requests = Vec::new();
        for key in keys {
            let delete = DeleteRequest::builder().set_key(Some(key)).build();
            let delete = delete.map_err(Error::internal)?;
            requests.push(WriteRequest::builder().delete_request(delete).build());
        }
        // Deleting twice is deleting, so every attempt sends all of them.
        let attempt = || async {
            let sent = self
                .dynamodb
                .batch_write_item()
                .request_items(&*self.table, requests.clone())
                .send()
                .await
                .map_err(failure(what))?;
            if sent.unprocessed_items.is_some_and(|left| !left.is_empty()) {
                return Err(Error::Unavailable(format!("{what}: items left unprocessed").into()));
            }
            Ok(())
        };
        attempt.retry(retry_policy()).when(|e| matches!(e, Error::Unavailable(_))).await
    }
}
