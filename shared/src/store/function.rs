//! Functions in the table.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{Delete, Put, ReturnValuesOnConditionCheckFailure as OnFailure};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::Store;
use super::expression::{Changes, visible_to};
use super::idempotency::{Completion, Created, IdempotencyRecord, already_completed};
use super::item::{Item, is_visible_to, readable};
use super::keys::{self, FUNCTION_PREFIX, Key, PK};
use super::query::page_size;
use super::record::{CodeRecord, FilesRecord, FunctionRecord, visible_function};
use super::transaction::{Refusals, Tag, TransactionItem, TransactionResult};
use crate::aws::failure::failure;
use crate::domain::{
    Expected, Function, FunctionId, Owner, Page, PageBuilder, PageRequest, PatchFunction, Quota,
    SourceChange, Versioned, WorkspaceId,
};
use crate::error::Error;

/// How many sources a list reads from the bucket at a time.
const CONCURRENT_SOURCES: usize = 8;

impl Store {
    /// Creates a function and counts it in its workspace, unless an earlier request has.
    ///
    /// # Errors
    /// [`Error::NotFound`] where this owner doesn't see the workspace; [`Error::Quota`] where it has
    /// as many functions as are allowed.
    pub async fn create_function(
        &self,
        owner: &Owner,
        claim: &IdempotencyRecord,
        new: Function,
    ) -> Result<Created<Versioned<Function>>, Error> {
        let completion = self.complete(claim, self.put_function(owner, claim, &new)).await?;
        Ok(completion.of(Versioned { value: new, version: 1 }))
    }

    async fn put_function(
        &self,
        owner: &Owner,
        claim: &IdempotencyRecord,
        new: &Function,
    ) -> Result<Completion, Error> {
        let (ws, id) = (&new.workspace_id, &new.id);
        let code = CodeRecord::new(ws, id, &new.code);
        let key = code.code_key.clone();
        let files = match new.files.content() {
            Some(content) => FilesRecord::new(ws, id, content),
            None => FilesRecord::default(),
        };
        let sources = [Some(key.clone()), files.files_key.clone()];
        tokio::try_join!(self.put_source(&key, &new.code), async {
            match (&files.files_key, new.files.content()) {
                (Some(key), Some(content)) => self.put_archive(key, content.as_zip()).await,
                _ => Ok(()),
            }
        })?;
        let item = serde_dynamo::to_item(FunctionRecord::new(owner, new, code, files));
        let put = Put::builder()
            .table_name(&*self.table)
            .set_item(Some(item.map_err(Error::internal)?))
            .condition_expression(format!("attribute_not_exists({PK})"))
            .return_values_on_condition_check_failure(OnFailure::AllOld);
        let mut items =
            vec![self.count_new_function(owner, ws)?, TransactionItem::put(Tag::Function, put)?];
        items.extend(self.mark_completed(claim)?);
        let what = "DynamoDB TransactWriteItems, create function";
        let TransactionResult::Refused(refusals) = self.transact(what, items).await? else {
            return Ok(Completion::New);
        };
        if refusals.refused(Tag::Function) || refusals.refused(Tag::IdempotencyRecord) {
            // The new identifier is taken by an earlier attempt of this request. Another request's
            // attempt has written its source under a key of its own.
            let completed = already_completed(claim, &refusals);
            let existing = refusals.item(Tag::Function).cloned().map(FunctionRecord::read);
            if existing.transpose()?.is_none_or(|function| function.code.code_key != key) {
                self.discard_all(&sources).await;
            }
            return Ok(if completed? { Completion::Replayed } else { Completion::New });
        }
        self.discard_all(&sources).await;
        let quota = Error::Quota(Quota::Functions(self.quotas.functions));
        let workspace = refusals.item(Tag::Workspace);
        Err(match workspace.filter(|item| is_visible_to(owner, item)) {
            Some(_) => quota,
            None => ws.not_found().into(),
        })
    }

    /// The function `id` of a workspace.
    ///
    /// # Errors
    /// [`Error::NotFound`] where this owner doesn't see both.
    pub async fn function(
        &self,
        owner: &Owner,
        ws: &WorkspaceId,
        id: &FunctionId,
    ) -> Result<Versioned<Function>, Error> {
        let usage_key = keys::function_usage(ws, id);
        let mut items = self.function_items(ws, id, Some(&usage_key)).await?;
        let usage = self.usage_in(items.remove(&usage_key.sk));
        let record = visible_function(owner, ws, id, items)?;
        let found = self.load(owner, record).await?.ok_or_else(|| id.not_found())?;
        Ok(found.map(|function| function.with_usage(usage)))
    }

    /// The functions of a workspace with their sources, in creation order.
    ///
    /// # Errors
    /// [`Error::NotFound`] where this owner doesn't see the workspace.
    pub async fn functions_of_workspace(
        &self,
        owner: &Owner,
        ws: &WorkspaceId,
        page: &PageRequest,
    ) -> Result<Page<Function>, Error> {
        let after = page.after(|position| position.parse::<FunctionId>().ok())?;
        let mut found = self
            .items_below(keys::workspace_partition(ws), FUNCTION_PREFIX)
            .set_exclusive_start_key(after.as_ref().map(|id| keys::function(ws, id).into_item()))
            .set_limit(page_size(page))
            .into_paginator()
            .send();
        // All at once. Reading stops when the workspace turns out to be invisible.
        let ((), mut next, mut usage) = tokio::try_join!(
            self.workspace_exists(owner, ws),
            async { Ok(found.next().await) },
            self.first_usage(ws, page, after.as_ref())
        )?;
        let mut builder = PageBuilder::new(page);
        while let Some(items) = next {
            let items = items.map_err(failure("DynamoDB Query, functions"))?;
            let records: Vec<_> = readable(items.items, FunctionRecord::read).collect();
            if let Some(last) = records.last() {
                self.read_usage_up_to(ws, &last.id, &mut usage).await?;
            }
            let mut functions = stream::iter(records)
                .map(|record| self.load_for_list(owner, record))
                .buffered(CONCURRENT_SOURCES);
            while !builder.is_full()
                && let Some(function) = functions.try_next().await?
            {
                if let Some(Versioned { value, .. }) = function {
                    let usage = usage.of(&value.id);
                    builder.offer(value.with_usage(usage));
                }
            }
            if builder.is_full() {
                break;
            }
            next = found.next().await;
        }
        Ok(builder.finish(page, |function: &Function| function.id.to_string()))
    }

    /// Changes a function that has an `expected` version, and returns it.
    ///
    /// # Errors
    /// [`Error::NotFound`] where this owner doesn't see it or its workspace;
    /// [`Error::PreconditionFailed`] where it has another version.
    pub async fn patch_function(
        &self,
        owner: &Owner,
        ws: &WorkspaceId,
        id: &FunctionId,
        expected: &Expected,
        patch: PatchFunction,
    ) -> Result<Versioned<Function>, Error> {
        let (patched, usage) = tokio::join!(
            self.patched_function(owner, ws, id, expected, patch),
            self.usage_at(keys::function_usage(ws, id))
        );
        let (patched, usage) = (patched?, usage?);
        Ok(patched.map(|function| function.with_usage(usage)))
    }

    async fn patched_function(
        &self,
        owner: &Owner,
        ws: &WorkspaceId,
        id: &FunctionId,
        expected: &Expected,
        mut patch: PatchFunction,
    ) -> Result<Versioned<Function>, Error> {
        if let Some(upload) = patch.upload.take() {
            self.take_upload(owner, ws, id, &upload, &mut patch).await?;
        }
        let mut changes = Changes::default();
        let change = SourceChange::of(&mut patch);
        // Their null is a value too.
        if let Some(entry_point) = patch.entry_point.take() {
            changes.require("entryPoint", &entry_point)?;
        }
        if let Some(requirements) = patch.requirements.take() {
            changes.require("requirements", &requirements)?;
        }
        changes.require_all(&patch)?;
        changes.side_effect("lastModified", &self.now())?;
        let record = match change {
            Some(change) => {
                return self.patch_handler(owner, ws, id, expected, changes, change).await;
            }
            None if changes.is_empty() => {
                let record = self.function_record(owner, ws, id).await?;
                if !expected.allows(record.version) {
                    return Err(Error::PreconditionFailed);
                }
                record
            }
            None => {
                // Both at once. In a deleted workspace, nobody sees the function or the change.
                let key = keys::function(ws, id);
                let (exists, item) = tokio::join!(
                    self.workspace_exists(owner, ws),
                    self.update("DynamoDB UpdateItem, function", key, owner, expected, &changes)
                );
                exists?;
                FunctionRecord::read(item?.ok_or_else(|| id.not_found())?)?
            }
        };
        Ok(self.load(owner, record).await?.ok_or_else(|| id.not_found())?)
    }

    /// Deletes a function that has an `expected` version, and counts one less in its workspace.
    ///
    /// # Errors
    /// [`Error::NotFound`] where this owner doesn't see it or its workspace;
    /// [`Error::PreconditionFailed`] where it has another version.
    pub async fn delete_function(
        &self,
        owner: &Owner,
        ws: &WorkspaceId,
        id: &FunctionId,
        expected: &Expected,
    ) -> Result<(), Error> {
        let condition = visible_to(owner, expected);
        let delete = Delete::builder()
            .table_name(&*self.table)
            .set_key(Some(keys::function(ws, id).into_item()))
            .condition_expression(condition.condition)
            .set_expression_attribute_names(Some(condition.names))
            .set_expression_attribute_values(Some(condition.values))
            .return_values_on_condition_check_failure(OnFailure::AllOld);
        let items = vec![
            self.count_deleted_function(owner, ws)?,
            TransactionItem::delete(Tag::Function, delete)?,
        ];
        match self.transact("DynamoDB TransactWriteItems, delete function", items).await? {
            TransactionResult::Committed => Ok(()),
            TransactionResult::Refused(refusals) => {
                Err(refusal(owner, ws, id, &refusals, Error::PreconditionFailed))
            }
        }
    }

    /// The item of a function, if `owner` sees it and its workspace.
    pub(super) async fn function_record(
        &self,
        owner: &Owner,
        ws: &WorkspaceId,
        id: &FunctionId,
    ) -> Result<FunctionRecord, Error> {
        visible_function(owner, ws, id, self.function_items(ws, id, None).await?)
    }

    /// The items of a workspace and of its function, and one more, by their sort keys.
    pub(super) async fn function_items(
        &self,
        ws: &WorkspaceId,
        id: &FunctionId,
        third: Option<&Key>,
    ) -> Result<HashMap<String, Item>, Error> {
        let mut keys = vec![keys::workspace(ws), keys::function(ws, id)];
        keys.extend(third.cloned());
        self.items(&keys).await
    }

    /// The function of `record` with its source; `None` if the function was deleted meanwhile.
    async fn load(
        &self,
        owner: &Owner,
        mut record: FunctionRecord,
    ) -> Result<Option<Versioned<Function>>, Error> {
        // A source that is gone was replaced between the two reads. The item, read again, names the
        // new one.
        for _ in 0..5 {
            if let Some((code, files)) = self.shown_source(&record).await? {
                return Ok(Some(record.with_code(code, files)));
            }
            let gone = (record.code.code_key.clone(), record.files.files_key.clone());
            record = match self.function_record(owner, &record.workspace_id, &record.id).await {
                Ok(record) => record,
                Err(Error::NotFound(_)) => return Ok(None),
                Err(error) => return Err(error),
            };
            if (&record.code.code_key, &record.files.files_key) == (&gone.0, &gone.1) {
                let gone = gone.0;
                return Err(Error::internal(format!("{}: {gone} is not in the bucket", record.id)));
            }
        }
        Err(Error::Unavailable(format!("{}: its source keeps changing", record.id).into()))
    }

    /// The same for a list, which must not fail for one function whose source was taken out of the
    /// bucket: that function is logged and left out.
    async fn load_for_list(
        &self,
        owner: &Owner,
        record: FunctionRecord,
    ) -> Result<Option<Versioned<Function>>, Error> {
        // A list has no files.
        if !record.files.is_empty()
            && let Some(code) = self.source(&record.code).await?
        {
            return Ok(Some(record.with_code(code, None)));
        }
        match self.load(owner, record).await {
            Err(Error::Internal(cause)) => {
                tracing::error!(cause, "a function can't be listed");
                Ok(None)
            }
            loaded => loaded,
        }
    }
}

/// Why a transaction on a function and its workspace was refused: `owner` doesn't see one of them,
/// or, if they see both, `otherwise`.
pub(super) fn refusal(
    owner: &Owner,
    ws: &WorkspaceId,
    id: &FunctionId,
    refusals: &Refusals,
    otherwise: Error,
) -> Error {
    if refusals.refused(Tag::Workspace) {
        return ws.not_found().into();
    }
    match refusals.item(Tag::Function).filter(|item| is_visible_to(owner, item)) {
        Some(_) => otherwise,
        None => id.not_found().into(),
    }
}
