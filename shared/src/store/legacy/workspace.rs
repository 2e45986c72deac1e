//! Workspaces of the legacy backend.

use super::fields::{LegacyTime, fields};
use super::item_kind::is_current;
use super::migration::{MigrationAction, Orphan, Rewrite, is_orphan};
use crate::domain::{Owner, Workspace, WorkspaceId};
use crate::error::Error;
use crate::store::Store;
use crate::store::item::Item;
use crate::store::keys;
use crate::store::record::WorkspaceRecord;
use crate::store::retry::retry_unavailable;
use crate::store::transaction::Tag;

/// A workspace of the legacy backend, in its current form.
#[derive(Debug)]
pub struct LegacyWorkspace {
    read: Item,
    workspace: Workspace,
}

impl Store {
    /// Plans what becomes of the workspace `id`.
    pub async fn plan_workspace(
        &self,
        id: &WorkspaceId,
    ) -> Result<MigrationAction<LegacyWorkspace>, Error> {
        let key = keys::workspace(id);
        let mut items = retry_unavailable(|| self.items(std::slice::from_ref(&key))).await?;
        let Some(read) = items.remove(&key.sk).filter(|item| !is_current(item)) else {
            return Ok(MigrationAction::Keep);
        };
        if is_orphan(&read) {
            return Ok(MigrationAction::Delete(Orphan(key)));
        }
        Ok(match workspace(id, &read) {
            Ok(workspace) => MigrationAction::Rewrite(LegacyWorkspace { read, workspace }),
            Err(error) => MigrationAction::Skip(error.to_string()),
        })
    }

    /// Rewrites a workspace in the current form as one of `owner`, and counts it, whatever their
    /// quota.
    ///
    /// It begins with no functions, because lists leave out legacy functions. Each is counted in the
    /// transaction that rewrites it.
    pub async fn rewrite_workspace(
        &self,
        owner: &Owner,
        legacy: &LegacyWorkspace,
    ) -> Result<Rewrite, Error> {
        let record = WorkspaceRecord::new(owner, legacy.workspace.clone());
        let new = serde_dynamo::to_item(record).map_err(Error::internal)?;
        let same = ["name", "description"];
        let what = "DynamoDB TransactWriteItems, migrate workspace";
        let count = self.count_migrated_workspace(owner)?;
        self.replace(what, Tag::Workspace, &legacy.read, &same, new, [count]).await
    }
}

fn workspace(id: &WorkspaceId, item: &Item) -> Result<Workspace, Error> {
    let mut fields = fields(item)?;
    let LegacyTime(created_at) = fields.required("createdAt")?;
    Ok(Workspace {
        id: id.clone(),
        name: fields.required("name")?,
        description: fields.optional("description")?.unwrap_or_default(),
        created_at,
        function_count: 0,
        invocations_24h: 0,
        error_rate: 0.0,
    })
}
