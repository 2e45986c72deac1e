//! Finding the workspace of a function, for routes that don't name it.

use super::Store;
use super::item::{Item, text};
use super::keys::{self, INDEX_PK, LOG_PREFIX, PK, SK};
use crate::aws::failure::failure;
use crate::domain::{FunctionId, Owner, WorkspaceId};
use crate::error::Error;

/// The most keys that one BatchGetItem takes.
const BATCH: usize = 100;

impl Store {
    /// Checks that `owner` sees the function `id` and its workspace.
    ///
    /// A log of it that was read, or else its newest one, tells where it is: that is as cheap as
    /// knowing. A function that never ran is looked for in every workspace of the owner.
    ///
    /// # Errors
    /// [`Error::NotFound`] where they don't see it.
    pub(super) async fn function_is_visible(
        &self,
        owner: &Owner,
        id: &FunctionId,
        log: Option<&Item>,
    ) -> Result<(), Error> {
        let ws = match log.and_then(workspace_of_log) {
            Some(ws) => Some(ws),
            None => self.workspace_of_newest_log(id).await?,
        };
        let ws = match ws {
            Some(ws) => Some(ws),
            None => self.workspace_with(owner, id).await?,
        };
        let ws = ws.ok_or_else(|| id.not_found())?;
        match self.function_record(owner, &ws, id).await {
            // The caller named no workspace, and isn't told of one.
            Err(Error::NotFound(_)) => Err(id.not_found().into()),
            found => found.map(drop),
        }
    }

    async fn workspace_of_newest_log(&self, id: &FunctionId) -> Result<Option<WorkspaceId>, Error> {
        let found = self
            .items_below(keys::log_partition(id), LOG_PREFIX)
            .projection_expression(INDEX_PK)
            .scan_index_forward(false)
            .limit(1)
            .send()
            .await
            .map_err(failure("DynamoDB Query, newest log"))?;
        Ok(found.items().first().and_then(workspace_of_log))
    }

    /// The workspace of `owner` that has the function `id`.
    async fn workspace_with(
        &self,
        owner: &Owner,
        id: &FunctionId,
    ) -> Result<Option<WorkspaceId>, Error> {
        let mut found = self
            .workspaces_in_index(owner)
            .projection_expression(format!("{PK}, {SK}"))
            .into_paginator()
            .items()
            .send();
        let mut workspaces = Vec::new();
        while let Some(item) = found.next().await {
            let item = item.map_err(failure("DynamoDB Query, workspaces with a function"))?;
            let ws = text(&item, PK).and_then(keys::workspace_of_partition);
            // Each may be followed by its usage.
            workspaces
                .extend(ws.filter(|ws| text(&item, SK) == Some(keys::workspace(ws).sk.as_str())));
        }
        for some in workspaces.chunks(BATCH) {
            let keys: Vec<_> = some.iter().map(|ws| keys::function(ws, id)).collect();
            // At most one of them is there.
            let found = self.items(&keys).await?.into_values().next();
            if let Some(ws) = found.as_ref().and_then(|item| text(item, PK)) {
                return Ok(keys::workspace_of_partition(ws));
            }
        }
        Ok(None)
    }
}

/// The workspace of the function that a log is of.
fn workspace_of_log(log: &Item) -> Option<WorkspaceId> {
    keys::workspace_of_log_partition(text(log, INDEX_PK)?)
}
