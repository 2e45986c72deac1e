//! The earlier backend's workspaces.

use super::{EarlierTime, MigrationAction, Orphan, fields, is_ghost, is_present, patiently};
use crate::domain::{Owner, Workspace, WorkspaceId};
use crate::error::Error;
use crate::store::workspace::WorkspaceRecord;
use crate::store::{Item, Store, keys};

/// A workspace of the earlier backend, as it is to be.
#[derive(Debug)]
pub struct LegacyWorkspace {
    read: Item,
    workspace: Workspace,
}

impl Store {
    /// What is to become of the workspace `id`.
    pub async fn fate_of_workspace(
        &self,
        id: &WorkspaceId,
    ) -> Result<MigrationAction<LegacyWorkspace>, Error> {
        let key = keys::workspace(id);
        let mut items = patiently(|| self.items(std::slice::from_ref(&key))).await?;
        let Some(read) = items.remove(&key.sk).filter(|item| !is_present(item)) else {
            return Ok(MigrationAction::Stays);
        };
        if is_ghost(&read) {
            return Ok(MigrationAction::Removed(Orphan(key)));
        }
        Ok(match workspace(id, &read) {
            Ok(workspace) => MigrationAction::Rewritten(LegacyWorkspace { read, workspace }),
            Err(refusal) => MigrationAction::Left(refusal.to_string()),
        })
    }

    /// Brings a workspace to the present form, as one of `owner`, and counts it among theirs, be
    /// they more than are allowed. Whether that is done; if not, it was changed since.
    ///
    /// It begins without functions, since lists leave out those in the earlier form.
    /// Each is counted in the transaction that brings it to the present form.
    pub async fn rewrite_workspace(
        &self,
        owner: &Owner,
        earlier: &LegacyWorkspace,
    ) -> Result<bool, Error> {
        let record = WorkspaceRecord::new(owner, earlier.workspace.clone());
        let new = serde_dynamo::to_item(record).map_err(Error::internal)?;
        let same = ["name", "description"];
        let what = "DynamoDB TransactWriteItems, migrate workspace";
        self.replace(what, &earlier.read, &same, new, vec![self.count_adopted_workspace(owner)?])
            .await
    }
}

fn workspace(id: &WorkspaceId, item: &Item) -> Result<Workspace, Error> {
    let mut fields = fields(item)?;
    let EarlierTime(created_at) = fields.required("createdAt")?;
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
