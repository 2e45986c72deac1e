//! Functions in the table.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, Delete, KeysAndAttributes, Put, TransactWriteItem};
use backon::Retryable;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};

use super::failure::failure;
use super::keys::{self, FUNCTION_PREFIX, PK, SK};
use super::transaction::{Outcome, patience};
use super::update::{Changes, Updated};
use super::workspace::{IS_VISIBLE, visible_workspace};
use super::{Item, Store, code};
use crate::domain::{
    Code, Description, EnvironmentVariables, Filling, Function, FunctionId, HttpMethods, Listing,
    Memory, Name, Owner, Page, PatchFunction, Runtime, Status, Timeout, Timestamp, WorkspaceId,
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
    owner: String,
    id: FunctionId,
    workspace_id: WorkspaceId,
    name: Name,
    description: Description,
    runtime: Runtime,
    memory: Memory,
    timeout: Timeout,
    http_methods: HttpMethods,
    environment_variables: EnvironmentVariables,
    status: Status,
    last_modified: Timestamp,
    /// Counts the writes, so that one can be told from the next.
    version: u64,
    #[serde(flatten)]
    code: CodeRecord,
}

/// Where a function's source is.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct CodeRecord {
    code_sha256: String,
    /// The object that holds it.
    code_key: String,
    /// The source itself, compressed, where it is small enough.
    #[serde(default, with = "serde_bytes", skip_serializing_if = "Option::is_none")]
    code_inline: Option<Vec<u8>>,
}

impl FunctionRecord {
    fn new(owner: &Owner, function: &Function, code: CodeRecord) -> Self {
        let key = keys::function(&function.workspace_id, &function.id);
        let function = function.clone();
        Self {
            pk: key.pk,
            sk: key.sk,
            owner: owner.to_string(),
            id: function.id,
            workspace_id: function.workspace_id,
            name: function.name,
            description: function.description,
            runtime: function.runtime,
            memory: function.memory,
            timeout: function.timeout,
            http_methods: function.http_methods,
            environment_variables: function.environment_variables,
            status: function.status,
            last_modified: function.last_modified,
            version: 1,
            code,
        }
    }

    fn read(item: Item) -> Result<Self, Error> {
        serde_dynamo::from_item(item).map_err(Error::internal)
    }

    fn with_code(self, code: Code) -> Function {
        Function {
            id: self.id,
            workspace_id: self.workspace_id,
            name: self.name,
            description: self.description,
            runtime: self.runtime,
            memory: self.memory,
            timeout: self.timeout,
            http_methods: self.http_methods,
            environment_variables: self.environment_variables,
            code,
            status: self.status,
            // Nothing deploys or runs functions yet.
            invocation_url: None,
            last_modified: self.last_modified,
            last_deployed: None,
            invocations_24h: 0,
            errors_24h: 0,
            avg_duration: 0.0,
        }
    }
}

impl Store {
    /// Puts a new function into its workspace, which counts it in the same transaction.
    ///
    /// # Errors
    /// [`Error::NotFound`] where the workspace isn't there for this owner.
    pub async fn create_function(&self, owner: &Owner, new: &Function) -> Result<(), Error> {
        let (ws, id) = (&new.workspace_id, &new.id);
        let code = self.put_code_version(ws, id, &new.code).await?;
        let key = code.code_key.clone();
        let item = serde_dynamo::to_item(FunctionRecord::new(owner, new, code));
        let put = Put::builder()
            .table_name(&*self.table)
            .set_item(Some(item.map_err(Error::internal)?))
            .condition_expression(format!("attribute_not_exists({PK})"))
            .build()
            .map_err(Error::internal)?;
        let items = vec![
            self.count_functions(owner, ws, 1)?,
            TransactWriteItem::builder().put(put).build(),
        ];
        match self.transact("DynamoDB TransactWriteItems, create function", items).await? {
            Outcome::Committed => {
                self.publish_code(ws, id, &key, &new.code).await;
                Ok(())
            }
            Outcome::Refused(_) => {
                // Nothing names the object. Where the outcome isn't known it
                // stays, because the transaction may have named it.
                self.delete_object(&key).await?;
                Err(ws.not_found())
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
    ) -> Result<Function, Error> {
        let record = self.function_record(owner, ws, id).await?;
        self.load(owner, record).await?.ok_or_else(|| id.not_found())
    }

    /// The functions of a workspace with their sources, in the order in which they were made.
    ///
    /// # Errors
    /// [`Error::NotFound`] where the workspace isn't there for this owner.
    pub async fn functions_of_workspace(
        &self,
        owner: &Owner,
        ws: &WorkspaceId,
        page: &Page,
    ) -> Result<Listing<Function>, Error> {
        let after = page.after(|position| FunctionId::parse(position).ok())?;
        let mut found = self
            .dynamodb
            .query()
            .table_name(&*self.table)
            .consistent_read(true)
            .key_condition_expression(format!("{PK} = :pk AND begins_with({SK}, :prefix)"))
            .expression_attribute_values(":pk", AttributeValue::S(keys::workspace_partition(ws)))
            .expression_attribute_values(":prefix", AttributeValue::S(FUNCTION_PREFIX.into()))
            .set_exclusive_start_key(after.map(|id| keys::function(ws, &id).into_item()))
            .set_limit(super::page_size(page))
            .into_paginator()
            .send();
        // Both at once: whether the workspace is there, and what is in it.
        let (there, mut next) = tokio::join!(self.workspace(owner, ws), found.next());
        there?;
        let mut filling = Filling::new(page);
        while let Some(items) = next {
            let items = items.map_err(failure("DynamoDB Query, functions"))?;
            let records = items.items.unwrap_or_default().into_iter().map(FunctionRecord::read);
            let mut functions = stream::iter(records)
                .map(|record| async move { self.load(owner, record?).await })
                .buffered(SOURCES_AT_A_TIME);
            // A function that was deleted since is no longer one of the list.
            while !filling.is_full()
                && let Some(function) = functions.try_next().await?
            {
                function.into_iter().for_each(|function| filling.offer(function));
            }
            if filling.is_full() {
                break;
            }
            next = found.next().await;
        }
        Ok(filling.finish(page, |function: &Function| function.id.to_string()))
    }

    /// Changes a function, and gives it as it is then.
    ///
    /// # Errors
    /// [`Error::NotFound`] where it, or its workspace, isn't there for this owner.
    pub async fn patch_function(
        &self,
        owner: &Owner,
        ws: &WorkspaceId,
        id: &FunctionId,
        patch: PatchFunction,
    ) -> Result<Function, Error> {
        let mut changes = Changes::default();
        changes.set("name", &patch.name)?;
        changes.set("description", &patch.description)?;
        changes.set("runtime", &patch.runtime)?;
        changes.set("memory", &patch.memory)?;
        changes.set("timeout", &patch.timeout)?;
        changes.set("httpMethods", &patch.http_methods)?;
        changes.set("environmentVariables", &patch.environment_variables)?;
        changes.set("status", &patch.status)?;
        changes.set("codeSha256", &patch.code.as_ref().map(Code::sha256))?;
        if changes.is_empty() {
            return self.function(owner, ws, id).await;
        }
        changes.follow("lastModified", &Timestamp::now())?;
        let written = match &patch.code {
            None => None,
            Some(code) => {
                let record = self.put_code_version(ws, id, code).await?;
                changes.follow("codeKey", &record.code_key)?;
                match &record.code_inline {
                    Some(bytes) => changes.follow("codeInline", &serde_bytes::Bytes::new(bytes))?,
                    None => changes.drop("codeInline"),
                }
                Some((record.code_key, code))
            }
        };
        // Both at once. If the workspace turns out to be deleted, the function
        // was already out of everyone's reach, and so is what was changed.
        let key = keys::function(ws, id);
        let (there, updated) = tokio::join!(
            self.workspace(owner, ws),
            self.update("DynamoDB UpdateItem, function", key, owner, &changes)
        );
        let updated = updated?;
        let (old, item) = match updated {
            Updated::Changed { old, new } => (Some(old), Some(new)),
            Updated::Unchanged(item) => (None, Some(item)),
            Updated::Missing => (None, None),
        };
        if let Some((key, code)) = &written {
            match old {
                Some(old) => {
                    let replaced = FunctionRecord::read(old)?.code.code_key;
                    self.publish_code(ws, id, key, code).await;
                    self.remove_replaced(&replaced).await;
                }
                None => self.remove_replaced(key).await,
            }
        }
        there?;
        let record = FunctionRecord::read(item.ok_or_else(|| id.not_found())?)?;
        match patch.code {
            Some(code) => Ok(record.with_code(code)),
            None => self.load(owner, record).await?.ok_or_else(|| id.not_found()),
        }
    }

    /// Deletes a function, which its workspace stops counting in the same transaction.
    ///
    /// # Errors
    /// [`Error::NotFound`] where it, or its workspace, isn't there for this owner.
    pub async fn delete_function(
        &self,
        owner: &Owner,
        ws: &WorkspaceId,
        id: &FunctionId,
    ) -> Result<(), Error> {
        let delete = Delete::builder()
            .table_name(&*self.table)
            .set_key(Some(keys::function(ws, id).into_item()))
            .condition_expression(IS_VISIBLE)
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":owner", AttributeValue::S(owner.to_string()))
            .build()
            .map_err(Error::internal)?;
        let items = vec![
            self.count_functions(owner, ws, -1)?,
            TransactWriteItem::builder().delete(delete).build(),
        ];
        match self.transact("DynamoDB TransactWriteItems, delete function", items).await? {
            Outcome::Committed => {
                self.purge_function_while_time(ws, id).await;
                Ok(())
            }
            Outcome::Refused(refused) if refused.contains(&0) => Err(ws.not_found()),
            Outcome::Refused(_) => Err(id.not_found()),
        }
    }

    /// The item of a function, if both it and its workspace are there for `owner`.
    pub(super) async fn function_record(
        &self,
        owner: &Owner,
        ws: &WorkspaceId,
        id: &FunctionId,
    ) -> Result<FunctionRecord, Error> {
        let keys = [keys::workspace(ws).into_item(), keys::function(ws, id).into_item()];
        let mut items = self.items(keys.to_vec()).await?;
        let mut take = |sk: &str| {
            let at = items.iter().position(|item| {
                item.get(SK).is_some_and(|value| value.as_s().is_ok_and(|found| found == sk))
            });
            at.map(|at| items.swap_remove(at))
        };
        visible_workspace(owner, ws, take(&keys::workspace(ws).sk))?;
        let record = take(&keys::function(ws, id).sk).map(FunctionRecord::read).transpose()?;
        record.filter(|record| record.owner == owner.as_str()).ok_or_else(|| id.not_found())
    }

    /// The items at `keys`, all read in one call, in no order.
    async fn items(&self, keys: Vec<Item>) -> Result<Vec<Item>, Error> {
        let what = "DynamoDB BatchGetItem";
        let wanted = KeysAndAttributes::builder()
            .set_keys(Some(keys))
            .consistent_read(true)
            .build()
            .map_err(Error::internal)?;
        // A busy table may leave keys out; an answer counts when none is.
        let attempt = || async {
            let got = self
                .dynamodb
                .batch_get_item()
                .request_items(&*self.table, wanted.clone())
                .send()
                .await
                .map_err(failure(what))?;
            if got.unprocessed_keys.is_some_and(|left| !left.is_empty()) {
                return Err(Error::Unavailable(format!("{what}: keys left unprocessed").into()));
            }
            let mut found: HashMap<_, _> = got.responses.unwrap_or_default();
            Ok(found.remove(&*self.table).unwrap_or_default())
        };
        attempt.retry(patience()).when(|e| matches!(e, Error::Unavailable(_))).await
    }

    /// The function of `record` with its source; `None` if it was deleted meanwhile.
    async fn load(&self, owner: &Owner, record: FunctionRecord) -> Result<Option<Function>, Error> {
        let mut record = record;
        // A source that is gone was replaced between the two reads: the item,
        // read again, names the one that replaced it.
        for _ in 0..5 {
            if let Some(compressed) = &record.code.code_inline {
                let code = code::from_inline(compressed)?;
                return Ok(Some(record.with_code(code)));
            }
            if let Some(code) = self.get_object(&record.code.code_key).await? {
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

    async fn put_code_version(
        &self,
        ws: &WorkspaceId,
        id: &FunctionId,
        code: &Code,
    ) -> Result<CodeRecord, Error> {
        let key = keys::new_code_version(ws, id);
        self.put_object(&key, code).await?;
        let code_inline = code::inline(code)?;
        Ok(CodeRecord { code_sha256: code.sha256(), code_key: key, code_inline })
    }

    /// Copies a function's current source to where other tools look for it.
    ///
    /// The function is in force already, so a failure is logged and not the caller's.
    async fn publish_code(&self, ws: &WorkspaceId, id: &FunctionId, key: &str, code: &Code) {
        if let Err(error) = self.publish_current(ws, id, key, code).await {
            tracing::error!(function = %id, cause = error.causes(), "the source was not published");
        }
    }

    /// Writes the copy, then looks whether it is still the current one, until it is.
    ///
    /// Whoever writes last looks last, so writers at the same time agree in the end.
    async fn publish_current(
        &self,
        ws: &WorkspaceId,
        id: &FunctionId,
        key: &str,
        code: &Code,
    ) -> Result<(), Error> {
        let published = keys::published_code(ws, id);
        let (mut key, mut code) = (key.to_owned(), code.clone());
        loop {
            self.put_object(&published, &code).await?;
            let items = self.items(vec![keys::function(ws, id).into_item()]).await?;
            let Some(item) = items.into_iter().next() else {
                return self.delete_object(&published).await;
            };
            let current = FunctionRecord::read(item)?.code.code_key;
            if current == key {
                return Ok(());
            }
            // Gone again already: whoever replaced it publishes what follows.
            let Some(newer) = self.get_object(&current).await? else { return Ok(()) };
            (key, code) = (current, newer);
        }
    }

    /// Removes a source that no function names. To leave one is untidy and no more.
    async fn remove_replaced(&self, key: &str) {
        if let Err(error) = self.delete_object(key).await {
            tracing::warn!(cause = error.causes(), "a replaced source was left behind");
        }
    }
}
