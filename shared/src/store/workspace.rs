//! Workspaces in the table.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Put, ReturnValuesOnConditionCheckFailure as OnFailure, Update,
};

use super::Store;
use super::expression::{Changes, Expression, visible_to};
use super::idempotency::{Completion, Created, IdempotencyRecord, already_completed};
use super::item::{Item, is_visible_to, number, readable, text};
use super::keys::{self, INDEX, INDEX_PK, INDEX_SK, INDEX_WORKSPACE_PREFIX, PK, SK};
use super::query::page_size;
use super::record::{WorkspaceRecord, visible_workspace, visible_workspace_item};
use super::transaction::{Tag, TransactionItem, TransactionResult};
use crate::aws::failure::failure;
use crate::domain::{
    Expected, Owner, Page, PageBuilder, PageRequest, PatchWorkspace, Quota, Usage, Versioned,
    Workspace, WorkspaceId,
};
use crate::error::Error;

/// An item of the index of an owner: workspaces, each followed by its usage.
enum Indexed {
    Workspace(Workspace),
    Usage(WorkspaceId, Usage),
}

impl Store {
    /// Creates a workspace and counts it, unless an earlier request has.
    ///
    /// # Errors
    /// [`Error::Quota`] where the owner has as many as are allowed.
    pub async fn create_workspace(
        &self,
        owner: &Owner,
        claim: &IdempotencyRecord,
        new: Workspace,
    ) -> Result<Created<Versioned<Workspace>>, Error> {
        let completion = self.complete(claim, self.put_workspace(owner, claim, &new)).await?;
        Ok(completion.of(Versioned { value: new, version: 1 }))
    }

    async fn put_workspace(
        &self,
        owner: &Owner,
        claim: &IdempotencyRecord,
        new: &Workspace,
    ) -> Result<Completion, Error> {
        let item = serde_dynamo::to_item(WorkspaceRecord::new(owner, new.clone()));
        let put = Put::builder()
            .table_name(&*self.table)
            .set_item(Some(item.map_err(Error::internal)?))
            .condition_expression(format!("attribute_not_exists({PK})"));
        // A transaction carries a token, so a late attempt can't bring back a workspace that was
        // deleted meanwhile.
        let mut items =
            vec![self.count_new_workspace(owner)?, TransactionItem::put(Tag::Workspace, put)?];
        items.extend(self.mark_completed(claim)?);
        match self.transact("DynamoDB TransactWriteItems, create workspace", items).await? {
            TransactionResult::Committed => Ok(Completion::New),
            TransactionResult::Refused(refusals) if already_completed(claim, &refusals)? => {
                Ok(Completion::Replayed)
            }
            // The new identifier is taken by an earlier attempt of this request.
            TransactionResult::Refused(refusals) if refusals.refused(Tag::Workspace) => {
                Ok(Completion::New)
            }
            TransactionResult::Refused(_) => {
                Err(Error::Quota(Quota::Workspaces(self.quotas.workspaces)))
            }
        }
    }

    /// The workspace `id`.
    ///
    /// # Errors
    /// [`Error::NotFound`] where this owner doesn't see it.
    pub async fn workspace(
        &self,
        owner: &Owner,
        id: &WorkspaceId,
    ) -> Result<Versioned<Workspace>, Error> {
        let usage_key = keys::workspace_usage(id);
        let mut items = self.items(&[keys::workspace(id), usage_key.clone()]).await?;
        let usage = self.usage_in(items.remove(&usage_key.sk));
        let found = visible_workspace(owner, id, items.remove(&keys::workspace(id).sk))?;
        Ok(found.map(|workspace| workspace.with_usage(usage)))
    }

    /// Checks that `owner` sees the workspace `id`.
    ///
    /// # Errors
    /// [`Error::NotFound`] where they don't.
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
        visible_workspace_item(owner, id, got.item).map(drop)
    }

    /// A query for the workspaces of an owner and their usage, in creation order.
    pub(super) fn workspaces_in_index(&self, owner: &Owner) -> QueryFluentBuilder {
        let prefix = AttributeValue::S(INDEX_WORKSPACE_PREFIX.into());
        self.dynamodb
            .query()
            .table_name(&*self.table)
            .index_name(INDEX)
            .key_condition_expression(format!(
                "{INDEX_PK} = :pk AND begins_with({INDEX_SK}, :prefix)"
            ))
            .expression_attribute_values(":pk", AttributeValue::S(keys::owner_partition(owner)))
            .expression_attribute_values(":prefix", prefix)
    }

    /// The workspaces of `owner`, in creation order.
    ///
    /// Read from the index, which is eventually consistent.
    pub async fn workspaces_of_owner(
        &self,
        owner: &Owner,
        page: &PageRequest,
    ) -> Result<Page<Workspace>, Error> {
        let after = page.after(|position| position.parse::<WorkspaceId>().ok())?;
        let start = after.map(|id| {
            keys::workspace(&id).into_item_with_index(keys::workspace_in_index(owner, &id))
        });
        let mut found = self
            .workspaces_in_index(owner)
            .set_exclusive_start_key(start)
            // Each may be followed by its usage.
            .set_limit(page_size(page).map(|size| 2 * size))
            .into_paginator()
            .send();
        let mut builder = PageBuilder::new(page);
        let mut last: Option<Workspace> = None;
        while !builder.is_full() {
            let Some(items) = found.next().await else { break };
            let items = items.map_err(failure("DynamoDB Query, workspaces"))?;
            for item in readable(items.items, |item| self.indexed(item)) {
                match item {
                    Indexed::Workspace(workspace) => {
                        last.replace(workspace).into_iter().for_each(|w| builder.offer(w));
                    }
                    Indexed::Usage(of, usage) => {
                        last = last.map(|w| if w.id == of { w.with_usage(usage) } else { w });
                    }
                }
            }
        }
        last.into_iter().for_each(|workspace| builder.offer(workspace));
        Ok(builder.finish(page, |workspace: &Workspace| workspace.id.to_string()))
    }

    /// Changes a workspace that has an `expected` version, and returns it.
    ///
    /// # Errors
    /// [`Error::NotFound`] where this owner doesn't see it; [`Error::PreconditionFailed`] where it
    /// has another version.
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
        let (item, usage) = tokio::join!(
            self.update(what, keys::workspace(id), owner, expected, &changes),
            self.usage_at(keys::workspace_usage(id))
        );
        let patched = visible_workspace(owner, id, item?)?;
        let usage = usage?;
        Ok(patched.map(|workspace| workspace.with_usage(usage)))
    }

    /// Deletes a workspace that has an `expected` version: callers don't see it or its contents any
    /// more. The reconciler purges them.
    ///
    /// # Errors
    /// [`Error::NotFound`] where this owner doesn't see it; [`Error::PreconditionFailed`] where it
    /// has another version.
    pub async fn delete_workspace(
        &self,
        owner: &Owner,
        id: &WorkspaceId,
        expected: &Expected,
    ) -> Result<(), Error> {
        let mut mark = Changes::default();
        mark.side_effect("deletedAt", &self.now())?;
        mark.remove(INDEX_PK);
        mark.remove(INDEX_SK);
        // A transaction carries a token: sent again after a lost response, it still succeeds.
        let key = keys::workspace(id);
        let items = vec![
            self.update_in_transaction(Tag::Workspace, key, owner, expected, &mark)?,
            self.count_deleted_workspace(owner)?,
        ];
        match self.transact("DynamoDB TransactWriteItems, delete workspace", items).await? {
            TransactionResult::Committed => Ok(()),
            TransactionResult::Refused(refusals) => match refusals.item(Tag::Workspace) {
                Some(item) if is_visible_to(owner, item) => Err(Error::PreconditionFailed),
                _ => Err(id.not_found().into()),
            },
        }
    }

    /// Reads an item of the index.
    fn indexed(&self, item: Item) -> Result<Indexed, Error> {
        let pk = text(&item, PK).and_then(keys::workspace_of_partition);
        let of =
            pk.ok_or_else(|| Error::internal("an item without a workspace is in its index"))?;
        if text(&item, SK) == Some(&*keys::workspace_usage(&of).sk) {
            return Ok(Indexed::Usage(of, self.usage_in(Some(item))));
        }
        Ok(Indexed::Workspace(WorkspaceRecord::read(item)?.into()))
    }

    /// The condition of a transaction that `owner` sees the workspace.
    pub(super) fn check_workspace(
        &self,
        owner: &Owner,
        id: &WorkspaceId,
    ) -> Result<TransactionItem, Error> {
        let condition = visible_to(owner, &Expected::Any);
        let check = ConditionCheck::builder()
            .table_name(&*self.table)
            .set_key(Some(keys::workspace(id).into_item()))
            .condition_expression(condition.condition)
            .set_expression_attribute_names(Some(condition.names))
            .set_expression_attribute_values(Some(condition.values));
        TransactionItem::check(Tag::Workspace, check)
    }

    /// A write that counts a new function of a workspace that `owner` sees, within its quota.
    pub(super) fn count_new_function(
        &self,
        owner: &Owner,
        id: &WorkspaceId,
    ) -> Result<TransactionItem, Error> {
        let mut condition = visible_to(owner, &Expected::Any);
        condition.condition.push_str(" AND functionCount < :most");
        condition.values.insert(":most".into(), number(self.quotas.functions));
        self.count_functions(id, 1, condition)
    }

    /// A write that counts a migrated function of a workspace that `owner` sees, whatever its quota.
    pub(super) fn count_migrated_function(
        &self,
        owner: &Owner,
        id: &WorkspaceId,
    ) -> Result<TransactionItem, Error> {
        self.count_functions(id, 1, visible_to(owner, &Expected::Any))
    }

    /// A write that counts one function less of a workspace that `owner` sees.
    pub(super) fn count_deleted_function(
        &self,
        owner: &Owner,
        id: &WorkspaceId,
    ) -> Result<TransactionItem, Error> {
        self.count_functions(id, -1, visible_to(owner, &Expected::Any))
    }

    fn count_functions(
        &self,
        id: &WorkspaceId,
        by: i8,
        mut condition: Expression,
    ) -> Result<TransactionItem, Error> {
        condition.values.insert(":by".into(), number(by));
        condition.values.insert(":one".into(), number(1));
        let update = Update::builder()
            .table_name(&*self.table)
            .set_key(Some(keys::workspace(id).into_item()))
            .update_expression("ADD functionCount :by, version :one")
            .condition_expression(condition.condition)
            .set_expression_attribute_names(Some(condition.names))
            .set_expression_attribute_values(Some(condition.values))
            .return_values_on_condition_check_failure(OnFailure::AllOld);
        TransactionItem::update(Tag::Workspace, update)
    }
}
