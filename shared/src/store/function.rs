//! Functions in the table.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{
    Delete, Put, ReturnValuesOnConditionCheckFailure as OnFailure, TransactWriteItem,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};

use super::code::CodeRecord;
use super::deployment::{CallSettings, Callable, DeploymentRecord};
use super::idempotency::already_completed;
use super::invocation_key::KeyRecord;
use super::keys::{self, FUNCTION_PREFIX, Key, PK};
use super::transaction::{Refusal, TransactionResult};
use super::update::{Changes, is_visible_to, visible_to};
use super::workspace::is_there;
use super::{Created, IdempotencyRecord, Item, Store, invocation_key};
use crate::aws::failure::failure;
use crate::domain::{
    Access, Code, Expected, Function, FunctionId, FunctionSettings, Owner, Page, PageBuilder,
    PageRequest, PatchFunction, Quota, Status, Timestamp, Versioned, WorkspaceId,
};
use crate::error::Error;

/// How many sources a list reads from the bucket at a time.
const SOURCES_AT_A_TIME: usize = 8;

/// A function's item. What is in here was checked when it was written.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FunctionRecord {
    #[serde(rename = "PK")]
    pk: String,
    #[serde(rename = "SK")]
    sk: String,
    pub(super) owner: String,
    id: FunctionId,
    workspace_id: WorkspaceId,
    #[serde(flatten)]
    settings: FunctionSettings,
    status: Status,
    last_modified: Timestamp,
    /// Counts the writes, so that one can be told from the next.
    pub(super) version: u64,
    /// Attributes by their own names: see invocation_key.rs.
    #[serde(skip)]
    pub(super) invocation_keys: Vec<KeyRecord>,
    #[serde(flatten)]
    pub(super) code: CodeRecord,
    #[serde(flatten)]
    pub(super) deployment: DeploymentRecord,
}

impl FunctionRecord {
    pub(super) fn new(owner: &Owner, function: &Function, code: CodeRecord) -> Self {
        let key = keys::function(&function.workspace_id, &function.id);
        let function = function.clone();
        Self {
            pk: key.pk,
            sk: key.sk,
            owner: owner.to_string(),
            id: function.id,
            workspace_id: function.workspace_id,
            settings: function.settings,
            status: function.status,
            last_modified: function.last_modified,
            version: 1,
            invocation_keys: Vec::new(),
            code,
            deployment: DeploymentRecord::default(),
        }
    }

    pub(super) fn read(mut item: Item) -> Result<Self, Error> {
        let invocation_keys = invocation_key::taken_from(&mut item);
        let record: Self = serde_dynamo::from_item(item).map_err(Error::internal)?;
        Ok(Self { invocation_keys, ..record })
    }

    pub(super) fn with_code(self, code: Code) -> Versioned<Function> {
        let version = self.version;
        let mut value = Function::new(
            self.id,
            self.workspace_id,
            self.settings,
            code,
            self.status,
            self.last_modified,
        );
        value.deployment_error = self.deployment.error_of(version);
        value.last_deployed = self.deployment.last_deployed;
        Versioned { value, version }
    }

    pub(super) fn into_callable(self) -> Callable {
        let keys = self.invocation_keys.into_iter().map(|record| record.hash);
        let access = Access::new(self.settings.auth, keys.collect());
        Callable {
            deployment_error: self.deployment.error_of(self.version),
            settings: CallSettings {
                status: self.status,
                methods: self.settings.http_methods,
                timeout: self.settings.timeout,
                access,
            },
            engine_version: self.deployment.engine_version,
        }
    }
}

impl Store {
    /// Puts a new function into its workspace, which counts it in the same transaction; nothing,
    /// where that is done.
    ///
    /// # Errors
    /// [`Error::NotFound`] where the workspace isn't there for this owner; [`Error::Quota`]
    /// where it has as many functions as are allowed.
    pub async fn create_function(
        &self,
        owner: &Owner,
        claim: &IdempotencyRecord,
        new: Function,
    ) -> Result<Created<Versioned<Function>>, Error> {
        let mut is_replayed = claim.is_done;
        if !claim.is_done {
            let put = self.put_function(owner, claim, &new).await;
            is_replayed = self.release_on_error(claim, put).await?;
        }
        Ok(Created { made: Versioned { value: new, version: 1 }, is_replayed })
    }

    /// Whether an earlier request has put it.
    async fn put_function(
        &self,
        owner: &Owner,
        claim: &IdempotencyRecord,
        new: &Function,
    ) -> Result<bool, Error> {
        let (ws, id) = (&new.workspace_id.clone(), &new.id.clone());
        let code = CodeRecord::new(ws, id, &new.code);
        let key = code.code_key.clone();
        self.put_object(&key, &new.code).await?;
        let item = serde_dynamo::to_item(FunctionRecord::new(owner, new, code));
        let put = Put::builder()
            .table_name(&*self.table)
            .set_item(Some(item.map_err(Error::internal)?))
            .condition_expression(format!("attribute_not_exists({PK})"))
            .return_values_on_condition_check_failure(OnFailure::AllOld)
            .build()
            .map_err(Error::internal)?;
        let mut items = vec![
            self.count_new_function(owner, ws)?,
            TransactWriteItem::builder().put(put).build(),
        ];
        items.extend(self.mark_completed(claim)?);
        match self.transact("DynamoDB TransactWriteItems, create function", items).await? {
            TransactionResult::Committed => Ok(false),
            // A function of this new identifier can only be this one, made by an earlier attempt,
            // which wrote its source under a key of its own.
            TransactionResult::Refused(refused)
                if refused.iter().any(|refusal| refusal.index > 0) =>
            {
                let already_completed = already_completed(claim, &refused);
                let there = refused.into_iter().filter(|refusal| refusal.index == 1);
                let there = there.filter_map(|refusal| refusal.item).map(FunctionRecord::read);
                if !there.collect::<Result<Vec<_>, _>>()?.iter().any(|f| f.code.code_key == key) {
                    self.discard(&key).await;
                }
                already_completed
            }
            TransactionResult::Refused(refused) => {
                self.discard(&key).await;
                let item = refused.into_iter().find_map(|refusal| refusal.item);
                match item.filter(|item| is_visible_to(owner, item)) {
                    Some(_) => Err(Error::Quota(Quota::Functions(self.quotas.functions))),
                    None => Err(ws.not_found().into()),
                }
            }
        }
    }

    /// The function `id` of a workspace.
    ///
    /// # Errors
    /// [`Error::NotFound`] where either isn't there for this owner.
    pub async fn function(
        &self,
        owner: &Owner,
        ws: &WorkspaceId,
        id: &FunctionId,
    ) -> Result<Versioned<Function>, Error> {
        let metrics = keys::function_usage(ws, id);
        let mut items = self.function_items(ws, id, Some(&metrics)).await?;
        let figures = self.usage_in(items.remove(&metrics.sk));
        let record = visible_function(owner, ws, id, items)?;
        let found = self.load(owner, record).await?.ok_or_else(|| id.not_found())?;
        Ok(found.map(|function| function.with_usage(figures)))
    }

    /// The functions of a workspace with their sources, in the order in which they were made.
    ///
    /// # Errors
    /// [`Error::NotFound`] where the workspace isn't there for this owner.
    pub async fn functions_of_workspace(
        &self,
        owner: &Owner,
        ws: &WorkspaceId,
        page: &PageRequest,
    ) -> Result<Page<Function>, Error> {
        let after = page.after(|position| position.parse().ok())?;
        let mut found = self
            .items_below(keys::workspace_partition(ws), FUNCTION_PREFIX)
            .set_exclusive_start_key(after.as_ref().map(|id| keys::function(ws, id).into_item()))
            .set_limit(super::page_size(page))
            .into_paginator()
            .send();
        // All at once: whether the workspace is there, what is in it, and their figures,
        // which go no further once the first is known to be wrong.
        let ((), mut next, figures) = tokio::try_join!(
            self.workspace_exists(owner, ws),
            async { Ok(found.next().await) },
            self.figures_of_functions(ws, page, after.as_ref())
        )?;
        let mut filling = PageBuilder::new(page);
        while let Some(items) = next {
            let items = items.map_err(failure("DynamoDB Query, functions"))?;
            let records = super::readable(items.items, FunctionRecord::read);
            let mut functions = stream::iter(records)
                .map(|record| self.load_for_list(owner, record))
                .buffered(SOURCES_AT_A_TIME);
            while !filling.is_full()
                && let Some(function) = functions.try_next().await?
            {
                if let Some(Versioned { value, .. }) = function {
                    let figures = figures.get(&value.id).copied().unwrap_or_default();
                    filling.offer(value.with_usage(figures));
                }
            }
            if filling.is_full() {
                break;
            }
            next = found.next().await;
        }
        Ok(filling.finish(page, |function: &Function| function.id.to_string()))
    }

    /// Changes a function of an `expected` version, and gives it as it is then.
    ///
    /// # Errors
    /// [`Error::NotFound`] where it, or its workspace, isn't there for this
    /// owner; [`Error::PreconditionFailed`] where it is of another version.
    pub async fn patch_function(
        &self,
        owner: &Owner,
        ws: &WorkspaceId,
        id: &FunctionId,
        expected: &Expected,
        patch: PatchFunction,
    ) -> Result<Versioned<Function>, Error> {
        let (patched, figures) = tokio::join!(
            self.patched_function(owner, ws, id, expected, patch),
            self.usage_at(keys::function_usage(ws, id))
        );
        let (patched, figures) = (patched?, figures?);
        Ok(patched.map(|function| function.with_usage(figures)))
    }

    async fn patched_function(
        &self,
        owner: &Owner,
        ws: &WorkspaceId,
        id: &FunctionId,
        expected: &Expected,
        mut patch: PatchFunction,
    ) -> Result<Versioned<Function>, Error> {
        let mut changes = Changes::default();
        let code = patch.code.take();
        changes.require_all(&patch)?;
        changes.side_effect("lastModified", &Timestamp::now())?;
        let record = match code {
            Some(code) => {
                return self.patch_with_code(owner, ws, id, expected, changes, code).await;
            }
            None if changes.is_empty() => {
                let record = self.function_record(owner, ws, id).await?;
                if !expected.allows(record.version) {
                    return Err(Error::PreconditionFailed);
                }
                record
            }
            None => {
                // Both at once. If the workspace turns out to be deleted, the function
                // was already out of everyone's reach, and so is what was changed.
                let key = keys::function(ws, id);
                let (there, item) = tokio::join!(
                    self.workspace_exists(owner, ws),
                    self.update("DynamoDB UpdateItem, function", key, owner, expected, &changes)
                );
                there?;
                FunctionRecord::read(item?.ok_or_else(|| id.not_found())?)?
            }
        };
        Ok(self.load(owner, record).await?.ok_or_else(|| id.not_found())?)
    }

    /// Deletes a function of an `expected` version, which its workspace stops
    /// counting in the same transaction.
    ///
    /// # Errors
    /// [`Error::NotFound`] where it, or its workspace, isn't there for this
    /// owner; [`Error::PreconditionFailed`] where it is of another version.
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
            .return_values_on_condition_check_failure(OnFailure::AllOld)
            .build()
            .map_err(Error::internal)?;
        let items = vec![
            self.count_deleted_function(owner, ws)?,
            TransactWriteItem::builder().delete(delete).build(),
        ];
        match self.transact("DynamoDB TransactWriteItems, delete function", items).await? {
            TransactionResult::Committed => Ok(()),
            TransactionResult::Refused(refused) => {
                Err(why_refused(owner, ws, id, refused, Error::PreconditionFailed))
            }
        }
    }

    /// The item of a function, if both it and its workspace are there for `owner`.
    pub(super) async fn function_record(
        &self,
        owner: &Owner,
        ws: &WorkspaceId,
        id: &FunctionId,
    ) -> Result<FunctionRecord, Error> {
        visible_function(owner, ws, id, self.function_items(ws, id, None).await?)
    }

    /// The items of a function and of its workspace, and a third one if wanted.
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

    /// The function of `record` with its source; `None` if it was deleted meanwhile.
    async fn load(
        &self,
        owner: &Owner,
        mut record: FunctionRecord,
    ) -> Result<Option<Versioned<Function>>, Error> {
        // A source that is gone was replaced between the two reads: the item,
        // read again, names the one that replaced it.
        for _ in 0..5 {
            if let Some(code) = self.source(&record.code).await? {
                return Ok(Some(record.with_code(code)));
            }
            let gone = record.code.code_key.clone();
            record = match self.function_record(owner, &record.workspace_id, &record.id).await {
                Ok(record) => record,
                Err(Error::NotFound(_)) => return Ok(None),
                Err(error) => return Err(error),
            };
            if record.code.code_key == gone {
                return Err(Error::internal(format!("{}: {gone} is not in the bucket", record.id)));
            }
        }
        Err(Error::Unavailable(format!("{}: its source keeps changing", record.id).into()))
    }

    /// The same for a list, which must not fail for one function whose source
    /// was taken out of the bucket: that one is told to our log and left out.
    async fn load_for_list(
        &self,
        owner: &Owner,
        record: FunctionRecord,
    ) -> Result<Option<Versioned<Function>>, Error> {
        match self.load(owner, record).await {
            Err(Error::Internal(cause)) => {
                tracing::error!(cause, "a function can't be listed");
                Ok(None)
            }
            loaded => loaded,
        }
    }
}

/// Why a transaction was refused whose first part is about the workspace, and whose second about
/// the function: either isn't there for `owner`, or, if both are, `otherwise`.
pub(super) fn why_refused(
    owner: &Owner,
    ws: &WorkspaceId,
    id: &FunctionId,
    refused: Vec<Refusal>,
    otherwise: Error,
) -> Error {
    if refused.iter().any(|refusal| refusal.index == 0) {
        return ws.not_found().into();
    }
    let item = refused.into_iter().find_map(|refusal| refusal.item);
    match item.filter(|item| is_visible_to(owner, item)) {
        Some(_) => otherwise,
        None => id.not_found().into(),
    }
}

/// The function in `items`, if it and its workspace are there for `owner`.
pub(super) fn visible_function(
    owner: &Owner,
    ws: &WorkspaceId,
    id: &FunctionId,
    mut items: HashMap<String, Item>,
) -> Result<FunctionRecord, Error> {
    is_there(owner, ws, items.remove(&keys::workspace(ws).sk))?;
    let item = items.remove(&keys::function(ws, id).sk);
    let item = item.filter(|item| is_visible_to(owner, item));
    FunctionRecord::read(item.ok_or_else(|| id.not_found())?)
}
