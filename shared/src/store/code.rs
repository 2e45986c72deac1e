//! Functions' sources: in S3, and the small ones also in their function's item.
//!
//! Each version of a source is an object under a new key, which is never overwritten. It is written
//! before the transaction that names it. So a failed write can't touch the source in force, and
//! deleting a replaced version can't hit what another write has put there.

use tokio::time::Instant;

use super::Store;
use super::expression::Changes;
use super::item::Item;
use super::keys;
use super::record::{CodeRecord, FilesRecord, FunctionRecord, SourceKey, code_from_inline};
use super::transaction::{Tag, TransactionResult};
use crate::domain::{
    Code, Detected, Expected, Function, FunctionFiles, FunctionId, Owner, ProjectFiles,
    SourceChange, Versioned, WorkspaceId,
};
use crate::error::Error;
use crate::time_budget::TimeBudget;

/// A source younger than this may belong to a request in progress: 15 minutes.
const LONGER_THAN_ANY_REQUEST_MS: i64 = 15 * 60 * 1000;

const _: () = assert!(
    LONGER_THAN_ANY_REQUEST_MS as u128 > TimeBudget::LONGEST_REQUEST.as_millis(),
    "the source of a request in progress isn't deleted"
);

/// The known result of changing a source.
enum Commit {
    /// The change is in force.
    Changed(Versioned<Function>),
    /// The function already had the required values.
    Unchanged(Versioned<Function>),
    /// Nothing was changed.
    Refused(Error),
}

impl Store {
    /// Changes a function, its source or the way in which the handler in it is found included.
    ///
    /// A new source is written while the function is read. Then one transaction names it, on the
    /// condition that the function has the version that was read. The reconciler deletes the
    /// replaced source.
    pub(super) async fn patch_handler(
        &self,
        owner: &Owner,
        ws: &WorkspaceId,
        id: &FunctionId,
        expected: &Expected,
        mut changes: Changes,
        change: SourceChange,
    ) -> Result<Versioned<Function>, Error> {
        let new = change.code.as_ref().map(|code| CodeRecord::new(ws, id, code));
        let new_files = change.files.as_ref().map(|files| FilesRecord::new(ws, id, files));
        new.iter().try_for_each(|new| new.add_to(&mut changes))?;
        new_files.iter().try_for_each(|new| new.add_to(&mut changes))?;
        let code_key = new.map(|new| new.code_key);
        let files_key = new_files.and_then(|new| new.files_key);
        let new_files = change.files.clone();
        let write_code = async {
            match code_key.as_deref().zip(change.code.as_ref()) {
                Some((key, code)) => self.put_source(key, code).await,
                None => Ok(()),
            }
        };
        let write_files = async {
            match files_key.as_deref().zip(new_files.as_ref()) {
                Some((key, files)) => self.put_archive(key, files.as_zip()).await,
                None => Ok(()),
            }
        };
        let write = async { tokio::try_join!(write_code, write_files).map(drop) };
        let (read, written) = tokio::join!(self.function_record(owner, ws, id), write);
        let commit = async {
            match (read, written) {
                (Ok(record), Ok(())) => {
                    self.commit_handler(owner, ws, id, expected, changes, change, record).await
                }
                (Ok(_), Err(error)) | (Err(error), _) => Ok(Commit::Refused(error)),
            }
        };
        // After an error of the commit itself it is unknown whether the function names the new
        // source, so the object stays.
        let committed = tokio::time::timeout(self.time_budget.commit, commit).await;
        let committed = committed
            .map_err(|_| Error::Unavailable("changing a source: out of time".into()))??;
        let sources = [code_key, files_key];
        match committed {
            Commit::Changed(function) => Ok(function),
            Commit::Unchanged(function) => {
                self.discard_all(&sources).await;
                Ok(function)
            }
            Commit::Refused(error) => {
                self.discard_all(&sources).await;
                Err(error)
            }
        }
    }

    /// Makes `changes` to the function that was read as `record`; if it was changed since, reads it
    /// again and tries once more.
    #[expect(clippy::too_many_arguments, reason = "the parts of one request")]
    async fn commit_handler(
        &self,
        owner: &Owner,
        ws: &WorkspaceId,
        id: &FunctionId,
        expected: &Expected,
        mut changes: Changes,
        change: SourceChange,
        mut record: FunctionRecord,
    ) -> Result<Commit, Error> {
        loop {
            let code = match &change.code {
                Some(code) => Some(code.clone()),
                None => self.source(&record.code).await?,
            };
            let shown = FunctionFiles::are_shown(&record.files.summary());
            let files = match &change.files {
                Some(files) => Some(files.clone()),
                None if change.needs_files() || shown => self.files(&record.files).await?,
                None => None,
            };
            // Gone: the source was replaced since the function was read.
            if let Some(code) = code {
                if let Err(error) = change.check_files(&record.settings, files.as_ref()) {
                    return Ok(Commit::Refused(error.into()));
                }
                match change.detect(&code, &record.settings) {
                    Ok(Detected { handler, packages }) => {
                        changes.side_effect("detectedForm", &handler.form)?;
                        changes.side_effect("detectedEntryPoint", &handler.entry_point)?;
                        changes.side_effect("requiredPackages", &packages)?;
                    }
                    Err(error) => return Ok(Commit::Refused(error.into())),
                }
                let item: Item = serde_dynamo::to_item(&record).map_err(Error::internal)?;
                if changes.are_made_in(&item) {
                    return Ok(Commit::Unchanged(record.with_code(code, files)));
                }
                if !expected.allows(record.version) {
                    return Ok(Commit::Refused(Error::PreconditionFailed));
                }
                let as_read = Expected::OneOf(vec![record.version]);
                let items = vec![
                    self.check_workspace(owner, ws)?,
                    self.update_in_transaction(
                        Tag::Function,
                        keys::function(ws, id),
                        owner,
                        &as_read,
                        &changes,
                    )?,
                ];
                let what = "DynamoDB TransactWriteItems, change source";
                if let TransactionResult::Committed = self.transact(what, items).await? {
                    let record = FunctionRecord::read(changes.applied_to(&item))?;
                    return Ok(Commit::Changed(record.with_code(code, files)));
                }
            }
            // Changed or deleted since it was read.
            record = match self.function_record(owner, ws, id).await {
                Ok(newer) => newer,
                Err(error) => return Ok(Commit::Refused(error)),
            };
        }
    }

    /// The source of `record`; `None` if its object is gone because the source was replaced.
    pub(super) async fn source(&self, record: &CodeRecord) -> Result<Option<Code>, Error> {
        match &record.code_inline {
            Some(compressed) => code_from_inline(compressed).map(Some),
            None => {
                let object = self.get_object(&record.code_key).await?;
                let source = object.map(String::from_utf8).transpose().map_err(Error::internal)?;
                source.map(Code::try_from).transpose().map_err(Error::internal)
            }
        }
    }

    /// The other files of `record`; `None` if there are none, or their object is gone because they
    /// were replaced.
    pub(super) async fn files(&self, record: &FilesRecord) -> Result<Option<ProjectFiles>, Error> {
        let Some(key) = &record.files_key else { return Ok(None) };
        let object = self.get_object(key).await?;
        object.map(ProjectFiles::read).transpose().map_err(Error::internal)
    }

    /// The source of `record`, and its other files where they are shown; `None` if something is gone
    /// because it was replaced.
    pub(super) async fn shown_source(
        &self,
        record: &FunctionRecord,
    ) -> Result<Option<(Code, Option<ProjectFiles>)>, Error> {
        if record.files.is_empty() || !FunctionFiles::are_shown(&record.files.summary()) {
            return Ok(self.source(&record.code).await?.map(|code| (code, None)));
        }
        let (code, files) = tokio::try_join!(self.source(&record.code), self.files(&record.files))?;
        Ok(code.zip(files).map(|(code, files)| (code, Some(files))))
    }

    /// Copies a function's source to where other tools read it, and deletes the `replaced` ones; does
    /// nothing where the function was deleted.
    ///
    /// Sources that the function doesn't name and that are older than any request in progress are
    /// deleted too: requests with unknown results have left them.
    pub async fn publish_source(
        &self,
        ws: &WorkspaceId,
        id: &FunctionId,
        replaced: &[SourceKey],
    ) -> Result<(), Error> {
        let Some(record) = self.function_of_any_owner(ws, id).await? else { return Ok(()) };
        // Gone: it was replaced, and another stream record follows.
        let Some(code) = self.source(&record.code).await? else { return Ok(()) };
        self.put_source(&keys::published_code(ws, id), &code).await?;
        let old = self.now().epoch_milliseconds() - LONGER_THAN_ANY_REQUEST_MS;
        // A function has few versions of its source.
        let deadline = Instant::now() + self.time_budget.call;
        self.delete_objects_until(&keys::code_versions(ws, id), deadline, |key, created| {
            let is_named =
                key == record.code.code_key || Some(key) == record.files.files_key.as_deref();
            let is_replaced = replaced.iter().any(|SourceKey(replaced)| replaced == key);
            !is_named && (is_replaced || created < old)
        })
        .await
        .map(drop)
    }

    /// As [`Store::discard`], for all `keys`.
    pub(super) async fn discard_all(&self, keys: &[Option<String>]) {
        for key in keys.iter().flatten() {
            self.discard(key).await;
        }
    }

    /// Deletes a source that no item names or will name. A failure is logged only: what is left is
    /// untidy and harmless.
    pub(super) async fn discard(&self, key: &str) {
        match tokio::time::timeout(self.time_budget.discard, self.delete_object(key)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(cause = error.causes(), "an unused source is left in the bucket");
            }
            Err(_) => tracing::warn!("an unused source is left in the bucket: out of time"),
        }
    }
}
