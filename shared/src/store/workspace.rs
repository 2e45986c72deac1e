//! Workspaces in the table.

use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Put, ReturnValuesOnConditionCheckFailure as OnFailure,
    TransactWriteItem, Update,
};
use serde::{Deserialize, Serialize};

use super::idempotency::already_completed;
use super::keys::{self, INDEX, INDEX_PK, INDEX_SK, INDEX_WORKSPACE_PREFIX, PK, SK};
use super::transaction::TransactionResult;
use super::update::{Changes, Expression, is_visible_to, visible_to};
use super::{Created, IdempotencyRecord, Item, Store};
use crate::aws::failure::failure;
use crate::domain::{
    Description, Expected, Name, Owner, Page, PageBuilder, PageRequest, PatchWorkspace, Quota,
    Timestamp, Usage, Versioned, Workspace, WorkspaceId,
};
use crate::error::Error;

/// A workspace's item. A name in here was checked when it was written.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WorkspaceRecord {
    #[serde(rename = "PK")]
    pk: String,
    #[serde(rename = "SK")]
    sk: String,
    #[serde(rename = "GSI1PK", skip_serializing_if = "Option::is_none")]
    index_pk: Option<String>,
    #[serde(rename = "GSI1SK", skip_serializing_if = "Option::is_none")]
    index_sk: Option<String>,
    owner: String,
    id: WorkspaceId,
    name: Name,
    description: Description,
    created_at: Timestamp,
    function_count: u64,
    /// Counts the writes, so that one can be told from the next.
    version: u64,
}

impl WorkspaceRecord {
    pub(super) fn new(owner: &Owner, workspace: Workspace) -> Self {
        let key = keys::workspace(&workspace.id);
        let index = keys::workspace_in_index(owner, &workspace.id);
        Self {
            pk: key.pk,
            sk: key.sk,
            index_pk: Some(index.pk),
            index_sk: Some(index.sk),
            owner: owner.to_string(),
            id: workspace.id,
            name: workspace.name,
            description: workspace.description,
            created_at: workspace.created_at,
            function_count: workspace.function_count,
            version: 1,
        }
    }

    fn read(item: Item) -> Result<Self, Error> {
        serde_dynamo::from_item(item).map_err(Error::internal)
    }
}

impl From<WorkspaceRecord> for Workspace {
    fn from(record: WorkspaceRecord) -> Self {
        Self {
            id: record.id,
            name: record.name,
            description: record.description,
            created_at: record.created_at,
            function_count: record.function_count,
            // Not stored here: see usage.rs.
            invocations_24h: 0,
            error_rate: 0.0,
        }
    }
}

/// An item of an owner's list: workspaces, each followed by its figures.
enum Listed {
    Workspace(Workspace),
    Usage(WorkspaceId, Usage),
}

impl Store {
    /// Puts a new workspace, and counts it among its owner's; nothing, where that is done.
    ///
    /// # Errors
    /// [`Error::Quota`] where the owner has as many as are allowed.
    pub async fn create_workspace(
        &self,
        owner: &Owner,
        claim: &IdempotencyRecord,
        new: Workspace,
    ) -> Result<Created<Versioned<Workspace>>, Error> {
        let mut is_replayed = claim.is_done;
        if !claim.is_done {
            let put = self.put_workspace(owner, claim, &new).await;
            is_replayed = self.release_on_error(claim, put).await?;
        }
        Ok(Created { made: Versioned { value: new, version: 1 }, is_replayed })
    }

    /// Whether an earlier request has put it.
    async fn put_workspace(
        &self,
        owner: &Owner,
        claim: &IdempotencyRecord,
        new: &Workspace,
    ) -> Result<bool, Error> {
        let item = serde_dynamo::to_item(WorkspaceRecord::new(owner, new.clone()));
        let put = Put::builder()
            .table_name(&*self.table)
            .set_item(Some(item.map_err(Error::internal)?))
            .condition_expression(format!("attribute_not_exists({PK})"))
            .build()
            .map_err(Error::internal)?;
        // It carries a token: an attempt that arrives late can't bring back what was
        // deleted meanwhile.
        let mut items =
            vec![self.count_new_workspace(owner)?, TransactWriteItem::builder().put(put).build()];
        items.extend(self.mark_completed(claim)?);
        match self.transact("DynamoDB TransactWriteItems, create workspace", items).await? {
            TransactionResult::Committed => Ok(false),
            TransactionResult::Refused(refused) if already_completed(claim, &refused)? => Ok(true),
            TransactionResult::Refused(refused)
                if refused.iter().all(|refusal| refusal.index == 0) =>
            {
                Err(Error::Quota(Quota::Workspaces(self.quotas.workspaces)))
            }
            // A workspace of this new identifier can only be this one.
            TransactionResult::Refused(_) => Ok(false),
        }
    }

    /// The workspace `id`.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none of this owner's.
    pub async fn workspace(
        &self,
        owner: &Owner,
        id: &WorkspaceId,
    ) -> Result<Versioned<Workspace>, Error> {
        let metrics = keys::workspace_usage(id);
        let mut items = self.items(&[keys::workspace(id), metrics.clone()]).await?;
        let figures = self.usage_in(items.remove(&metrics.sk));
        let found = visible_workspace(owner, id, items.remove(&keys::workspace(id).sk))?;
        Ok(found.map(|workspace| workspace.with_usage(figures)))
    }

    /// Whether the workspace `id` is there for `owner`: an error where it isn't.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none of this owner's.
    pub(super) async fn workspace_exists(
        &self,
        owner: &Owner,
        id: &WorkspaceId,
    ) -> Result<(), Error> {
        let got = self
            .dynamodb
            .get_item()
            .table_name(&*self.table)
            .set_key(Some(keys::workspace(id).into_item()))
            .consistent_read(true)
            .send()
            .await
            .map_err(failure("DynamoDB GetItem, workspace"))?;
        is_there(owner, id, got.item).map(drop)
    }

    /// The workspaces of `owner`, in the order in which they were made.
    ///
    /// Read from the index, which follows the table within moments.
    pub async fn workspaces_of_owner(
        &self,
        owner: &Owner,
        page: &PageRequest,
    ) -> Result<Page<Workspace>, Error> {
        let after = page.after(|position| position.parse().ok())?;
        let start = after.map(|id| {
            keys::workspace(&id).into_item_with_index(keys::workspace_in_index(owner, &id))
        });
        let mut found = self
            .dynamodb
            .query()
            .table_name(&*self.table)
            .index_name(INDEX)
            .key_condition_expression(format!(
                "{INDEX_PK} = :pk AND begins_with({INDEX_SK}, :prefix)"
            ))
            .expression_attribute_values(":pk", AttributeValue::S(keys::owner_partition(owner)))
            .expression_attribute_values(
                ":prefix",
                AttributeValue::S(INDEX_WORKSPACE_PREFIX.into()),
            )
            .set_exclusive_start_key(start)
            // Each may be followed by its figures.
            .set_limit(super::page_size(page).map(|size| 2 * size))
            .into_paginator()
            .send();
        let mut filling = PageBuilder::new(page);
        let mut last: Option<Workspace> = None;
        while !filling.is_full() {
            let Some(items) = found.next().await else { break };
            let items = items.map_err(failure("DynamoDB Query, workspaces"))?;
            for item in super::readable(items.items, |item| self.listed(item)) {
                match item {
                    Listed::Workspace(workspace) => {
                        last.replace(workspace).into_iter().for_each(|w| filling.offer(w));
                    }
                    Listed::Usage(of, figures) => {
                        last = last.map(|w| if w.id == of { w.with_usage(figures) } else { w });
                    }
                }
            }
        }
        last.into_iter().for_each(|workspace| filling.offer(workspace));
        Ok(filling.finish(page, |workspace: &Workspace| workspace.id.to_string()))
    }

    /// Changes a workspace of an `expected` version, and gives it as it is then.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none of this owner's;
    /// [`Error::PreconditionFailed`] where it is of another version.
    pub async fn patch_workspace(
        &self,
        owner: &Owner,
        id: &WorkspaceId,
        expected: &Expected,
        patch: PatchWorkspace,
    ) -> Result<Versioned<Workspace>, Error> {
        let mut changes = Changes::default();
        changes.require_all(&patch)?;
        if changes.is_empty() {
            let workspace = self.workspace(owner, id).await?;
            let allowed = expected.allows(workspace.version);
            return if allowed { Ok(workspace) } else { Err(Error::PreconditionFailed) };
        }
        let what = "DynamoDB UpdateItem, workspace";
        let (item, figures) = tokio::join!(
            self.update(what, keys::workspace(id), owner, expected, &changes),
            self.usage_at(keys::workspace_usage(id))
        );
        let patched = visible_workspace(owner, id, item?)?;
        let figures = figures?;
        Ok(patched.map(|workspace| workspace.with_usage(figures)))
    }

    /// Deletes a workspace of an `expected` version: it and all that is in it
    /// are gone for callers at once.
    ///
    /// What is behind it is removed by whoever follows the stream.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none of this owner's;
    /// [`Error::PreconditionFailed`] where it is of another version.
    pub async fn delete_workspace(
        &self,
        owner: &Owner,
        id: &WorkspaceId,
        expected: &Expected,
    ) -> Result<(), Error> {
        let mut mark = Changes::default();
        mark.side_effect("deletedAt", &Timestamp::now())?;
        mark.remove(INDEX_PK);
        mark.remove(INDEX_SK);
        // It carries a token: when its answer is lost and it is sent again, it still
        // answers that it succeeded.
        let items = vec![
            self.update_in_transaction(keys::workspace(id), owner, expected, &mark)?,
            self.count_deleted_workspace(owner)?,
        ];
        match self.transact("DynamoDB TransactWriteItems, delete workspace", items).await? {
            TransactionResult::Committed => Ok(()),
            TransactionResult::Refused(refused) => {
                match refused.into_iter().find_map(|refusal| refusal.item) {
                    Some(item) if is_visible_to(owner, &item) => Err(Error::PreconditionFailed),
                    _ => Err(id.not_found().into()),
                }
            }
        }
    }

    /// What an item of the index is, in an owner's list.
    fn listed(&self, item: Item) -> Result<Listed, Error> {
        let pk = item.get(PK).and_then(|pk| keys::workspace_of_partition(pk.as_s().ok()?));
        let of =
            pk.ok_or_else(|| Error::internal("an item without a workspace is in its index"))?;
        let is_metrics = item.get(SK) == Some(&AttributeValue::S(keys::workspace_usage(&of).sk));
        if is_metrics {
            return Ok(Listed::Usage(of, self.usage_in(Some(item))));
        }
        Ok(Listed::Workspace(WorkspaceRecord::read(item)?.into()))
    }

    /// A part of a transaction that asks whether the workspace is there for `owner`.
    pub(super) fn workspace_is_there(
        &self,
        owner: &Owner,
        id: &WorkspaceId,
    ) -> Result<TransactWriteItem, Error> {
        let condition = visible_to(owner, &Expected::Any);
        let check = ConditionCheck::builder()
            .table_name(&*self.table)
            .set_key(Some(keys::workspace(id).into_item()))
            .condition_expression(condition.condition)
            .set_expression_attribute_names(Some(condition.names))
            .set_expression_attribute_values(Some(condition.values))
            .build()
            .map_err(Error::internal)?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
    }

    /// A write that counts a new function of a workspace that `owner` can see, if there may
    /// be one more.
    pub(super) fn count_new_function(
        &self,
        owner: &Owner,
        id: &WorkspaceId,
    ) -> Result<TransactWriteItem, Error> {
        let mut condition = visible_to(owner, &Expected::Any);
        condition.condition.push_str(" AND functionCount < :most");
        let most = AttributeValue::N(self.quotas.functions.to_string());
        condition.values.insert(":most".into(), most);
        self.count_functions(id, 1, condition)
    }

    /// A write that counts one more function of a workspace that `owner` can see, whatever is
    /// allowed.
    pub(super) fn count_adopted_function(
        &self,
        owner: &Owner,
        id: &WorkspaceId,
    ) -> Result<TransactWriteItem, Error> {
        self.count_functions(id, 1, visible_to(owner, &Expected::Any))
    }

    /// A write that counts one function less of a workspace that `owner` can see.
    pub(super) fn count_deleted_function(
        &self,
        owner: &Owner,
        id: &WorkspaceId,
    ) -> Result<TransactWriteItem, Error> {
        self.count_functions(id, -1, visible_to(owner, &Expected::Any))
    }

    fn count_functions(
        &self,
        id: &WorkspaceId,
        by: i8,
        mut condition: Expression,
    ) -> Result<TransactWriteItem, Error> {
        condition.values.insert(":by".into(), AttributeValue::N(by.to_string()));
        condition.values.insert(":one".into(), AttributeValue::N("1".into()));
        let update = Update::builder()
            .table_name(&*self.table)
            .set_key(Some(keys::workspace(id).into_item()))
            .update_expression("ADD functionCount :by, version :one")
            .condition_expression(condition.condition)
            .set_expression_attribute_names(Some(condition.names))
            .set_expression_attribute_values(Some(condition.values))
            .return_values_on_condition_check_failure(OnFailure::AllOld)
            .build()
            .map_err(Error::internal)?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

/// The workspace in `item`, if `owner` can see it.
pub(super) fn visible_workspace(
    owner: &Owner,
    id: &WorkspaceId,
    item: Option<Item>,
) -> Result<Versioned<Workspace>, Error> {
    let record = WorkspaceRecord::read(is_there(owner, id, item)?)?;
    Ok(Versioned { version: record.version, value: record.into() })
}

/// The workspace's item, if `owner` can see it: what is below it needs no more of it.
pub(super) fn is_there(owner: &Owner, id: &WorkspaceId, item: Option<Item>) -> Result<Item, Error> {
    Ok(item.filter(|item| is_visible_to(owner, item)).ok_or_else(|| id.not_found())?)
}
