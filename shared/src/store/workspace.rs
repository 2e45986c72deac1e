//! Workspaces in the table.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use serde::{Deserialize, Serialize};

use super::failure::failure;
use super::keys::{self, INDEX, INDEX_PK, INDEX_SK, INDEX_WORKSPACE_PREFIX};
use super::transaction::Outcome;
use super::update::{Changes, Updated};
use super::{Item, Store};
use crate::domain::{
    Description, Filling, Listing, Name, Owner, Page, PatchWorkspace, Timestamp, Workspace,
    WorkspaceId,
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
    /// When it was deleted. Until the purge ends, the item is still there.
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted_at: Option<Timestamp>,
}

impl WorkspaceRecord {
    fn new(owner: &Owner, workspace: Workspace) -> Self {
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
            deleted_at: None,
        }
    }

    /// Whether it is there for `owner`: neither somebody else's nor deleted.
    fn is_visible_to(&self, owner: &Owner) -> bool {
        self.owner == owner.as_str() && self.deleted_at.is_none()
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
            // Nothing runs functions yet, so there is nothing to count.
            invocations_24h: 0,
            error_rate: 0.0,
        }
    }
}

/// What every write to a workspace, or to something in it, asks of the workspace.
pub(super) const IS_VISIBLE: &str = "#owner = :owner AND attribute_not_exists(deletedAt)";

impl Store {
    /// Puts a new workspace. Its identifier is new, so to repeat this is harmless.
    pub async fn create_workspace(&self, owner: &Owner, new: Workspace) -> Result<(), Error> {
        let item = serde_dynamo::to_item(WorkspaceRecord::new(owner, new));
        self.dynamodb
            .put_item()
            .table_name(&*self.table)
            .set_item(Some(item.map_err(Error::internal)?))
            .send()
            .await
            .map_err(failure("DynamoDB PutItem, workspace"))?;
        Ok(())
    }

    /// The workspace `id`.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none of this owner's.
    pub async fn workspace(&self, owner: &Owner, id: &WorkspaceId) -> Result<Workspace, Error> {
        let got = self
            .dynamodb
            .get_item()
            .table_name(&*self.table)
            .set_key(Some(keys::workspace(id).into_item()))
            .consistent_read(true)
            .send()
            .await
            .map_err(failure("DynamoDB GetItem, workspace"))?;
        visible_workspace(owner, id, got.item)
    }

    /// The workspaces of `owner`, in the order in which they were made.
    ///
    /// Read from the index, which follows the table within moments.
    pub async fn workspaces_of_owner(
        &self,
        owner: &Owner,
        page: &Page,
    ) -> Result<Listing<Workspace>, Error> {
        let after = page.after(|position| WorkspaceId::parse(position).ok())?;
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
            .set_limit(super::page_size(page))
            .into_paginator()
            .send();
        let mut filling = Filling::new(page);
        while !filling.is_full() {
            let Some(items) = found.next().await else { break };
            let items = items.map_err(failure("DynamoDB Query, workspaces"))?;
            for item in items.items.unwrap_or_default() {
                filling.offer(WorkspaceRecord::read(item)?.into());
            }
        }
        Ok(filling.finish(page, |workspace: &Workspace| workspace.id.to_string()))
    }

    /// Changes a workspace, and gives it as it is then.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none of this owner's.
    pub async fn patch_workspace(
        &self,
        owner: &Owner,
        id: &WorkspaceId,
        patch: PatchWorkspace,
    ) -> Result<Workspace, Error> {
        let mut changes = Changes::default();
        changes.set("name", &patch.name)?;
        changes.set("description", &patch.description)?;
        if changes.is_empty() {
            return self.workspace(owner, id).await;
        }
        let key = keys::workspace(id);
        match self.update("DynamoDB UpdateItem, workspace", key, owner, &changes).await? {
            Updated::Changed { new: item, .. } | Updated::Unchanged(item) => {
                Ok(WorkspaceRecord::read(item)?.into())
            }
            Updated::Missing => Err(id.not_found()),
        }
    }

    /// Deletes a workspace: it and all that is in it are gone for callers at once.
    ///
    /// The items and objects behind it are then removed, as far as there is
    /// time; what is left can't be reached any more.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is none of this owner's.
    pub async fn delete_workspace(&self, owner: &Owner, id: &WorkspaceId) -> Result<(), Error> {
        let mark = Update::builder()
            .table_name(&*self.table)
            .set_key(Some(keys::workspace(id).into_item()))
            .update_expression(format!(
                "SET deletedAt = :now REMOVE {INDEX_PK}, {INDEX_SK} ADD version :one"
            ))
            .condition_expression(IS_VISIBLE)
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":owner", AttributeValue::S(owner.to_string()))
            .expression_attribute_values(":now", AttributeValue::S(Timestamp::now().to_string()))
            .expression_attribute_values(":one", AttributeValue::N("1".into()))
            .build()
            .map_err(Error::internal)?;
        // A transaction of one, because it carries a token: when its answer is
        // lost and the client tries again, it still answers that it succeeded.
        let items = vec![TransactWriteItem::builder().update(mark).build()];
        match self.transact("DynamoDB TransactWriteItems, delete workspace", items).await? {
            Outcome::Committed => {
                self.purge_workspace_while_time(id).await;
                Ok(())
            }
            Outcome::Refused(_) => Err(id.not_found()),
        }
    }

    /// A write that changes the number of functions of a workspace that `owner` can see.
    pub(super) fn count_functions(
        &self,
        owner: &Owner,
        id: &WorkspaceId,
        by: i8,
    ) -> Result<TransactWriteItem, Error> {
        let update = Update::builder()
            .table_name(&*self.table)
            .set_key(Some(keys::workspace(id).into_item()))
            .update_expression("ADD functionCount :by, version :one")
            .condition_expression(IS_VISIBLE)
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":owner", AttributeValue::S(owner.to_string()))
            .expression_attribute_values(":by", AttributeValue::N(by.to_string()))
            .expression_attribute_values(":one", AttributeValue::N("1".into()))
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
) -> Result<Workspace, Error> {
    let record = item.map(WorkspaceRecord::read).transpose()?;
    match record.filter(|record| record.is_visible_to(owner)) {
        Some(record) => Ok(record.into()),
        None => Err(id.not_found()),
    }
}
