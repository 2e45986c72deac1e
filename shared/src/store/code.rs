//! Functions' sources: in S3, and the small ones also in the table beside their function.
//!
//! A version's object is written before the write that names it, under a key
//! that is never used again, and never changed. So a write that fails can't
//! touch the source in force, and removing what one write replaced can't hit
//! what another one wrote.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use serde::{Deserialize, Serialize};

use super::function::FunctionRecord;
use super::transaction::Outcome;
use super::update::Changes;
use super::{AFTERWARDS_TIME, COMMIT_TIME, Item, Store, keys};
use crate::domain::{Code, Expected, Function, FunctionId, Owner, Versioned, WorkspaceId};
use crate::error::Error;

/// The most bytes of compressed source that stand in the function's item: 16 KiB.
///
/// Ordinary sources are smaller, so reading and listing functions needs no S3
/// call; larger ones would make each read of the item cost more than a `GET`.
const MAX_INLINE_BYTES: usize = 16 * 1024;

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
    pub(super) fn new(ws: &WorkspaceId, id: &FunctionId, code: &Code) -> Result<Self, Error> {
        Ok(Self {
            code_sha256: code.sha256(),
            code_key: keys::new_code_version(ws, id),
            code_inline: inline(code)?,
        })
    }

    /// Adds the change to this source to `changes`. The key follows and is not
    /// asked for: the same source under another key is no change.
    pub(super) fn add_to(&self, changes: &mut Changes) -> Result<(), Error> {
        changes.set("codeSha256", &Some(&self.code_sha256))?;
        changes.follow("codeKey", &self.code_key)?;
        match &self.code_inline {
            Some(bytes) => changes.follow("codeInline", &serde_bytes::Bytes::new(bytes)),
            None => {
                changes.drop("codeInline");
                Ok(())
            }
        }
    }
}

/// What certainly became of a change of source.
enum Commit {
    /// It is in force.
    Changed {
        record: FunctionRecord,
        /// The key of the source that was in force before.
        replaced: String,
    },
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
    /// read. What it replaces is known by that, and is removed by nobody else.
    pub(super) async fn patch_with_code(
        &self,
        owner: &Owner,
        ws: &WorkspaceId,
        id: &FunctionId,
        expected: &Expected,
        mut changes: Changes,
        code: Code,
    ) -> Result<Versioned<Function>, Error> {
        let new = CodeRecord::new(ws, id, &code)?;
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
        let committed = tokio::time::timeout(COMMIT_TIME, commit).await;
        let committed = committed
            .map_err(|_| Error::Unavailable("changing a source: out of time".into()))??;
        match committed {
            Commit::Changed { record, replaced } => {
                self.publish(owner, ws, id, (&new.code_key, &code), Some(&replaced)).await;
                Ok(record.with_code(code))
            }
            Commit::Unchanged(record) => {
                self.discard(&new.code_key).await;
                // The source may be in force by an attempt that got no further.
                let key = record.code.code_key.clone();
                self.publish(owner, ws, id, (&key, &code), None).await;
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
                Outcome::Committed => {
                    let replaced = record.code.code_key;
                    let record = FunctionRecord::read(changes.applied_to(&item)?)?;
                    return Ok(Commit::Changed { record, replaced });
                }
                // Changed or deleted since it was read: what is there now?
                Outcome::Refused(_) => match self.function_record(owner, ws, id).await {
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

    /// Copies the source that a write has put in force to where other tools
    /// look for it, and removes the one that it `replaced`.
    ///
    /// The write is done, so a failure is logged and not the caller's.
    pub(super) async fn publish(
        &self,
        owner: &Owner,
        ws: &WorkspaceId,
        id: &FunctionId,
        code: (&str, &Code),
        replaced: Option<&str>,
    ) {
        let publish = async {
            self.publish_current(owner, ws, id, code).await?;
            match replaced {
                Some(key) => self.delete_object(key).await,
                None => Ok(()),
            }
        };
        match tokio::time::timeout(AFTERWARDS_TIME * 2 / 3, publish).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::error!(function = %id, cause = error.causes(), "publishing failed");
            }
            Err(_) => tracing::error!(function = %id, "publishing ran out of time"),
        }
    }

    /// Writes the copy, then looks whether it is still the current one, until it is.
    ///
    /// Whoever writes last looks last, so writers at the same time agree in the
    /// end; and if the function is gone by then, so is the copy.
    async fn publish_current(
        &self,
        owner: &Owner,
        ws: &WorkspaceId,
        id: &FunctionId,
        (key, code): (&str, &Code),
    ) -> Result<(), Error> {
        let published = keys::published_code(ws, id);
        let (mut key, mut code) = (key.to_owned(), code.clone());
        loop {
            self.put_object(&published, &code).await?;
            let current = match self.function_record(owner, ws, id).await {
                Ok(record) => record.code,
                Err(Error::NotFound(_)) => return self.delete_object(&published).await,
                Err(error) => return Err(error),
            };
            if current.code_key == key {
                return Ok(());
            }
            // Gone again already: whoever replaced it publishes what follows.
            let Some(newer) = self.source(&current).await? else { return Ok(()) };
            (key, code) = (current.code_key, newer);
        }
    }

    /// Removes a source that no item names, and never will. To leave one is
    /// untidy and no more, so a failure is logged and not the caller's.
    pub(super) async fn discard(&self, key: &str) {
        match tokio::time::timeout(AFTERWARDS_TIME / 3, self.delete_object(key)).await {
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
fn inline(code: &Code) -> Result<Option<Vec<u8>>, Error> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(code.as_bytes()).map_err(Error::internal)?;
    let compressed = encoder.finish().map_err(Error::internal)?;
    Ok((compressed.len() <= MAX_INLINE_BYTES).then_some(compressed))
}

/// The source that [`inline`] compressed.
fn from_inline(compressed: &[u8]) -> Result<Code, Error> {
    let mut source = String::new();
    // The limit holds although we wrote it ourselves: a table is easily edited.
    let mut decoder = ZlibDecoder::new(compressed).take(Code::MAX_BYTES as u64);
    decoder.read_to_string(&mut source).map_err(Error::internal)?;
    Ok(Code::from_stored(source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_sources_stand_inline_and_come_back_as_they_were() {
        let code = Code::from_stored("print('안녕 👋')\r\n".repeat(1000));
        let compressed = inline(&code).unwrap().expect("compresses well");
        assert_eq!(from_inline(&compressed).unwrap(), code);
    }

    #[test]
    fn what_does_not_compress_stays_in_the_bucket() {
        let noise: String = (0..4000_u64)
            .map(|i| format!("{:016x}", i.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
            .collect();
        assert_eq!(inline(&Code::from_stored(noise)).unwrap(), None);
    }

    #[test]
    fn a_bomb_in_the_table_does_not_unfold() {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&vec![b'a'; 64 * Code::MAX_BYTES]).unwrap();
        let code = from_inline(&encoder.finish().unwrap()).unwrap();
        assert_eq!(code.as_bytes().len(), Code::MAX_BYTES);
    }
}
