//! Functions' sources: in S3, and the small ones also in the table beside their function.
//!
//! A version's object is written before the write that names it, under a key
//! that is never used again, and never changed. So a write that fails can't
//! touch the source in force, and removing what one write replaced can't hit
//! what another one wrote.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::compression::{compressed, decompress_bounded};
use super::function::FunctionRecord;
use super::transaction::TransactionResult;
use super::update::Changes;
use super::{Item, Store, keys};
use crate::domain::{Code, Expected, Function, FunctionId, Owner, Versioned, WorkspaceId};
use crate::error::Error;

/// The most bytes of compressed source that stand in the function's item: 16 KiB.
///
/// Ordinary sources are smaller, so reading and listing functions needs no S3
/// call; larger ones would make each read of the item cost more than a `GET`.
const MAX_INLINE_BYTES: usize = 16 * 1024;

/// A source younger than this may be of a request that is still going on: 15 minutes.
const LONGER_THAN_ANY_REQUEST_MS: i64 = 15 * 60 * 1000;

/// Where a function's source is.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CodeRecord {
    pub(super) code_sha256: String,
    /// The object that holds it.
    pub(super) code_key: String,
    /// The source itself, compressed, where it is small enough.
    #[serde(default, with = "serde_bytes", skip_serializing_if = "Option::is_none")]
    pub(super) code_inline: Option<Vec<u8>>,
}

impl CodeRecord {
    /// The record of a source that is to be written under a key of its own.
    pub(super) fn new(ws: &WorkspaceId, id: &FunctionId, code: &Code) -> Self {
        Self {
            code_sha256: code.sha256(),
            code_key: keys::new_code_version(ws, id),
            code_inline: inline(code),
        }
    }

    /// Adds the change to this source to `changes`. The key follows and is not
    /// asked for: the same source under another key is no change.
    pub(super) fn add_to(&self, changes: &mut Changes) -> Result<(), Error> {
        changes.require("codeSha256", &self.code_sha256)?;
        changes.side_effect("codeKey", &self.code_key)?;
        match &self.code_inline {
            Some(bytes) => changes.side_effect("codeInline", &serde_bytes::Bytes::new(bytes)),
            None => {
                changes.remove("codeInline");
                Ok(())
            }
        }
    }
}

/// Names one version of a source.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceKey(pub(super) String);

/// What certainly became of a change of source.
enum Commit {
    /// It is in force.
    Changed(FunctionRecord),
    /// The function was as asked already.
    Unchanged(FunctionRecord),
    /// Nothing was changed.
    Refused(Error),
}

impl Store {
    /// Changes a function with a new source among the changes.
    ///
    /// The source is written while the function is read; then one transaction
    /// names it, on the condition that the function is still the one that was
    /// read. What it replaces is removed when the stream tells of it.
    pub(super) async fn patch_with_code(
        &self,
        owner: &Owner,
        ws: &WorkspaceId,
        id: &FunctionId,
        expected: &Expected,
        mut changes: Changes,
        code: Code,
    ) -> Result<Versioned<Function>, Error> {
        let new = CodeRecord::new(ws, id, &code);
        new.add_to(&mut changes)?;
        let (read, written) = tokio::join!(
            self.function_record(owner, ws, id),
            self.put_object(&new.code_key, &code)
        );
        let commit = async {
            match (read, written) {
                (Ok(record), Ok(())) => {
                    self.commit_source(owner, ws, id, expected, &changes, record).await
                }
                (Ok(_), Err(error)) | (Err(error), _) => Ok(Commit::Refused(error)),
            }
        };
        // An error of the commit itself leaves open whether the new source is
        // named, so the object stays. Where it certainly isn't, the object goes.
        let committed = tokio::time::timeout(self.time_budget.commit, commit).await;
        let committed = committed
            .map_err(|_| Error::Unavailable("changing a source: out of time".into()))??;
        match committed {
            Commit::Changed(record) => Ok(record.with_code(code)),
            Commit::Unchanged(record) => {
                self.discard(&new.code_key).await;
                Ok(record.with_code(code))
            }
            Commit::Refused(error) => {
                self.discard(&new.code_key).await;
                Err(error)
            }
        }
    }

    /// Makes `changes` to the function that was read as `record`, and again to
    /// what it has become if it was changed since.
    async fn commit_source(
        &self,
        owner: &Owner,
        ws: &WorkspaceId,
        id: &FunctionId,
        expected: &Expected,
        changes: &Changes,
        mut record: FunctionRecord,
    ) -> Result<Commit, Error> {
        loop {
            let item: Item = serde_dynamo::to_item(&record).map_err(Error::internal)?;
            if changes.are_made_in(&item) {
                return Ok(Commit::Unchanged(record));
            }
            if !expected.allows(record.version) {
                return Ok(Commit::Refused(Error::PreconditionFailed));
            }
            let as_read = Expected::OneOf(vec![record.version]);
            let items = vec![
                self.workspace_is_there(owner, ws)?,
                self.update_in_transaction(keys::function(ws, id), owner, &as_read, changes)?,
            ];
            match self.transact("DynamoDB TransactWriteItems, change source", items).await? {
                TransactionResult::Committed => {
                    let record = FunctionRecord::read(changes.applied_to(&item)?)?;
                    return Ok(Commit::Changed(record));
                }
                // Changed or deleted since it was read: what is there now?
                TransactionResult::Refused(_) => match self.function_record(owner, ws, id).await {
                    Ok(newer) => record = newer,
                    Err(error) => return Ok(Commit::Refused(error)),
                },
            }
        }
    }

    /// The source of `record`; `None` if its object is gone, because another replaced it.
    pub(super) async fn source(&self, record: &CodeRecord) -> Result<Option<Code>, Error> {
        match &record.code_inline {
            Some(compressed) => from_inline(compressed).map(Some),
            None => self.get_object(&record.code_key).await,
        }
    }

    /// Copies the source in force to where other tools look for it, and removes
    /// the one that was `replaced`; nothing, where the function was deleted.
    ///
    /// Sources that no function names and that are older than any request can be
    /// were left by writes that ended nobody knows how; they go too.
    pub async fn publish_source(
        &self,
        ws: &WorkspaceId,
        id: &FunctionId,
        replaced: Option<&SourceKey>,
    ) -> Result<(), Error> {
        let Some(record) = self.function_of_any_owner(ws, id).await? else { return Ok(()) };
        // Gone, it was replaced meanwhile: the stream tells of that one, too.
        let Some(code) = self.source(&record.code).await? else { return Ok(()) };
        self.put_object(&keys::published_code(ws, id), &code).await?;
        let before = self.now().epoch_milliseconds() - LONGER_THAN_ANY_REQUEST_MS;
        // A function has a few versions of its source at the most.
        let deadline = Instant::now() + self.time_budget.call;
        self.delete_objects_until(&keys::code_versions(ws, id), deadline, |key, made| {
            let is_replaced = replaced.is_some_and(|SourceKey(replaced)| replaced == key);
            is_replaced || (made < before && key != record.code.code_key)
        })
        .await
        .map(drop)
    }

    /// Removes a source that no item names, and never will. To leave one is
    /// untidy and no more, so a failure is logged and not the caller's.
    pub(super) async fn discard(&self, key: &str) {
        match tokio::time::timeout(self.time_budget.discard, self.delete_object(key)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(
                    cause = error.causes(),
                    "a source that nothing names is left behind"
                );
            }
            Err(_) => tracing::warn!("a source that nothing names is left behind: out of time"),
        }
    }
}

/// `code`, compressed, if that is small enough to stand in the function's item.
fn inline(code: &Code) -> Option<Vec<u8>> {
    let compressed = compressed(code.as_bytes());
    (compressed.len() <= MAX_INLINE_BYTES).then_some(compressed)
}

/// The source that [`inline`] compressed.
fn from_inline(compressed: &[u8]) -> Result<Code, Error> {
    let source = decompress_bounded(compressed, Code::MAX_BYTES)?;
    let source = String::from_utf8(source).map_err(Error::internal)?;
    Code::try_from(source).map_err(Error::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_sources_stand_inline_and_come_back_as_they_were() {
        let code = Code::try_from("print('안녕 👋')\r\n".repeat(1000)).unwrap();
        let compressed = inline(&code).expect("compresses well");
        assert_eq!(from_inline(&compressed).unwrap(), code);
    }

    #[test]
    fn what_does_not_compress_stays_in_the_bucket() {
        let noise: String = (0..4000_u64)
            .map(|i| format!("{:016x}", i.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
            .collect();
        assert_eq!(inline(&Code::try_from(noise).unwrap()), None);
    }
}
