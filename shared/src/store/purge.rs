//! Removing what a deleted workspace or function leaves behind.
//!
//! Each step can be repeated, and begins by asking what is still there, so a
//! purge that was cut short is taken up by running it again. What it removes
//! was out of every caller's reach before it began, but for the logs of a
//! deleted function, which their workspace's list shows until they are gone.

use aws_sdk_dynamodb::types::{AttributeValue, DeleteRequest, WriteRequest};
use backon::Retryable;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::failure::failure;
use super::keys::{self, FUNCTION_PREFIX, LOG_PREFIX, PK, SK};
use super::transaction::patience;
use super::{AFTERWARDS_TIME, Item, Store};
use crate::domain::{FunctionId, WorkspaceId};
use crate::error::Error;

/// The most items that one BatchWriteItem takes.
const BATCH: usize = 25;

/// How many functions are purged at a time.
const FUNCTIONS_AT_A_TIME: usize = 8;

impl Store {
    /// Removes what the deleted function left, as far as a request has time.
    ///
    /// The function is deleted already, so a failure is logged and not the caller's.
    pub(super) async fn purge_function_while_time(&self, ws: &WorkspaceId, id: &FunctionId) {
        let purge = tokio::time::timeout(AFTERWARDS_TIME, self.purge_function(ws, id));
        report(purge.await, id.as_str());
    }

    /// Removes what the deleted workspace left, as far as a request has time.
    ///
    /// The workspace is deleted already, so a failure is logged and not the caller's.
    pub(super) async fn purge_workspace_while_time(&self, ws: &WorkspaceId) {
        let purge = tokio::time::timeout(AFTERWARDS_TIME, self.purge_workspace(ws));
        report(purge.await, ws.as_str());
    }

    /// Removes a function's logs and sources; its item, if there still is one, goes last.
    pub async fn purge_function(&self, ws: &WorkspaceId, id: &FunctionId) -> Result<(), Error> {
        while self.delete_some(&keys::log_partition(id), LOG_PREFIX).await? {}
        self.delete_objects_below(&keys::code_versions(ws, id)).await?;
        self.delete_object(&keys::published_code(ws, id)).await?;
        self.delete_items(vec![keys::function(ws, id).into_item()]).await
    }

    /// Removes a workspace's functions with all that they left; its item goes last of all.
    pub async fn purge_workspace(&self, ws: &WorkspaceId) -> Result<(), Error> {
        loop {
            let some = self.some_keys(&keys::workspace_partition(ws), FUNCTION_PREFIX).await?;
            if some.is_empty() {
                break;
            }
            stream::iter(some)
                .map(|key| async move {
                    match key.get(SK).and_then(|sk| keys::function_of(sk.as_s().ok()?)) {
                        Some(id) => self.purge_function(ws, &id).await,
                        None => self.delete_items(vec![key]).await,
                    }
                })
                .buffer_unordered(FUNCTIONS_AT_A_TIME)
                .try_collect::<()>()
                .await?;
        }
        self.delete_items(vec![keys::workspace(ws).into_item()]).await
    }

    /// Deletes some of the items below `prefix`; whether there may be more.
    async fn delete_some(&self, pk: &str, prefix: &str) -> Result<bool, Error> {
        let some = self.some_keys(pk, prefix).await?;
        let more = !some.is_empty();
        for batch in some.chunks(BATCH) {
            self.delete_items(batch.to_vec()).await?;
        }
        Ok(more)
    }

    /// The keys of the first items below `prefix`: as many as one call gives.
    async fn some_keys(&self, pk: &str, prefix: &str) -> Result<Vec<Item>, Error> {
        let found = self
            .dynamodb
            .query()
            .table_name(&*self.table)
            .consistent_read(true)
            .key_condition_expression(format!("{PK} = :pk AND begins_with({SK}, :prefix)"))
            .expression_attribute_values(":pk", AttributeValue::S(pk.into()))
            .expression_attribute_values(":prefix", AttributeValue::S(prefix.into()))
            .projection_expression(format!("{PK}, {SK}"))
            .send()
            .await
            .map_err(failure("DynamoDB Query, purge"))?;
        Ok(found.items.unwrap_or_default())
    }

    /// Deletes up to [`BATCH`] items, trying again with those that a busy table left.
    async fn delete_items(&self, keys: Vec<Item>) -> Result<(), Error> {
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
        attempt.retry(patience()).when(|e| matches!(e, Error::Unavailable(_))).await
    }
}

fn report(purged: Result<Result<(), Error>, tokio::time::error::Elapsed>, of: &str) {
    match purged {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::error!(of, cause = error.causes(), "a purge failed; items are left behind");
        }
        Err(_) => tracing::warn!(of, "a purge ran out of time; items are left behind"),
    }
}
