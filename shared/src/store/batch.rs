//! Reading and deleting several items in one call.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::batch_get_item::BatchGetItemOutput;
use aws_sdk_dynamodb::types::{DeleteRequest, KeysAndAttributes, WriteRequest};
use backon::RetryableWithContext;

use super::Store;
use super::item::{Item, text};
use super::keys::{Key, SK};
use super::retry::{retry_policy, retry_unavailable};
use crate::aws::failure::failure;
use crate::error::Error;

/// The most items that one BatchWriteItem takes.
pub(super) const BATCH: usize = 25;

impl Store {
    /// The items at `keys`, by their sort keys, which must all differ: one BatchGetItem.
    pub(super) async fn items(&self, keys: &[Key]) -> Result<HashMap<String, Item>, Error> {
        let wanted = keys.iter().cloned().map(Key::into_item).collect();
        // A busy table may leave keys out, and only those are read again. The SDK has already
        // retried calls that failed.
        let attempt = |(wanted, mut found): (Vec<Item>, HashMap<String, Item>)| async move {
            let got = match self.batch_get(wanted.clone()).await {
                Ok(got) => got,
                Err(error) => return ((wanted, found), Err(Some(error))),
            };
            let items = got.responses.unwrap_or_default().remove(&*self.table).unwrap_or_default();
            let by_key = |item: Item| Some((text(&item, SK)?.to_owned(), item));
            found.extend(items.into_iter().filter_map(by_key));
            match got.unprocessed_keys.unwrap_or_default().remove(&*self.table) {
                Some(rest) => ((rest.keys, found), Err(None)),
                None => ((wanted, found), Ok(())),
            }
        };
        let attempts = attempt.retry(retry_policy()).context((wanted, HashMap::new()));
        let ((_, found), read) = attempts.when(Option::is_none).await;
        read.map(|()| found).map_err(|error| {
            error.unwrap_or_else(|| {
                Error::Unavailable("DynamoDB BatchGetItem: keys left unprocessed".into())
            })
        })
    }

    async fn batch_get(&self, keys: Vec<Item>) -> Result<BatchGetItemOutput, Error> {
        let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true);
        let wanted = wanted.build().map_err(Error::internal)?;
        let got = self.dynamodb.batch_get_item().request_items(&*self.table, wanted);
        got.send().await.map_err(failure("DynamoDB BatchGetItem"))
    }

    /// Deletes the items at up to [`BATCH`] `keys`; those that aren't there count as deleted.
    pub(super) async fn delete_items(&self, keys: Vec<Item>) -> Result<(), Error> {
        let what = "DynamoDB BatchWriteItem, purge";
        let mut requests = Vec::new();
        for key in keys {
            let delete = DeleteRequest::builder().set_key(Some(key)).build();
            let delete = delete.map_err(Error::internal)?;
            requests.push(WriteRequest::builder().delete_request(delete).build());
        }
        // Deleting twice is harmless, so every attempt sends all keys.
        let attempt = || async {
            let sent = self.dynamodb.batch_write_item();
            let sent = sent.request_items(&*self.table, requests.clone()).send().await;
            if sent.map_err(failure(what))?.unprocessed_items.is_some_and(|left| !left.is_empty()) {
                return Err(Error::Unavailable(format!("{what}: items left unprocessed").into()));
            }
            Ok(())
        };
        retry_unavailable(attempt).await
    }
}
