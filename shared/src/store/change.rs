//! The meaning of the table's stream records.

use std::time::Duration;

use super::item::{Item, is_deleted, text};
use super::keys::{self, INDEX_PK, PK, SK};
use super::record::SourceKey;
use super::usage::{Executed, SequenceNumber};
use crate::domain::{ExecutionStatus, FunctionId, WorkspaceId};

/// A change of the table that has to be processed.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A client created or changed a function.
    FunctionSaved {
        /// Its workspace.
        workspace: WorkspaceId,
        /// The function.
        function: FunctionId,
        /// Whether its source changed.
        has_new_source: bool,
        /// The source, and the other files, before, as far as they changed.
        replaced: Vec<SourceKey>,
    },
    /// A function was deleted.
    FunctionDeleted {
        /// Its workspace.
        workspace: WorkspaceId,
        /// The function.
        function: FunctionId,
    },
    /// A function is to be deployed or purged once more, as the table says.
    RetryMarked {
        /// Its workspace.
        workspace: WorkspaceId,
        /// The function.
        function: FunctionId,
        /// How often it has failed.
        failures: u32,
    },
    /// A workspace was deleted, or its purge goes on.
    WorkspaceDeleted(WorkspaceId),
    /// A function ran.
    Executed(Executed),
}

impl Change {
    /// The change of a record with the item's `keys`, and the item before and after it, empty where
    /// there was none. `None` for records that need no processing, such as the reconciler's own
    /// writes.
    pub fn of(
        sequence: &str,
        keys: serde_dynamo::Item,
        old: serde_dynamo::Item,
        new: serde_dynamo::Item,
    ) -> Option<Self> {
        let [keys, old, new] = [keys, old, new].map(Item::from);
        let (pk, sk) = (text(&keys, PK)?, text(&keys, SK)?);
        let [old, new] = [old, new].map(|item| Some(item).filter(|item| !item.is_empty()));
        if let Some(function) = keys::function_of_log_partition(pk) {
            // A new log is an execution; everything else is a deletion.
            return match (old, new) {
                (None, Some(new)) => executed(sequence, function, sk, &new).map(Self::Executed),
                _ => None,
            };
        }
        let workspace = keys::workspace_of_partition(pk)?;
        if let Some(function) = keys::function_of(sk) {
            let attribute = |item: &Option<Item>, name: &str| {
                item.as_ref().and_then(|item| item.get(name)).cloned()
            };
            return match &new {
                None => Some(Self::FunctionDeleted { workspace, function }),
                // The reconciler's own writes leave the version as it is.
                Some(_) if attribute(&old, "version") == attribute(&new, "version") => None,
                Some(_) => {
                    let has_changed = |name: &&str| attribute(&old, name) != attribute(&new, name);
                    let changed: Vec<_> =
                        ["codeKey", "filesKey"].into_iter().filter(has_changed).collect();
                    let before =
                        |name| Some(SourceKey(attribute(&old, name)?.as_s().ok()?.clone()));
                    let has_new_source = !changed.is_empty();
                    let replaced = changed.into_iter().filter_map(before).collect();
                    Some(Self::FunctionSaved { workspace, function, has_new_source, replaced })
                }
            };
        }
        if let Some(function) = keys::function_of_retry_marker(sk) {
            let failures =
                new?.get("failures").and_then(|n| n.as_n().ok()?.parse().ok()).unwrap_or_default();
            return Some(Self::RetryMarked { workspace, function, failures });
        }
        let is_workspace = sk == keys::workspace(&workspace).sk;
        let deleted = is_workspace && new.as_ref().is_some_and(is_deleted);
        deleted.then_some(Self::WorkspaceDeleted(workspace))
    }

    /// The workspace that it concerns.
    pub fn workspace(&self) -> &WorkspaceId {
        match self {
            Self::FunctionSaved { workspace, .. }
            | Self::FunctionDeleted { workspace, .. }
            | Self::RetryMarked { workspace, .. } => workspace,
            Self::WorkspaceDeleted(workspace) => workspace,
            Self::Executed(executed) => &executed.workspace,
        }
    }
}

fn executed(sequence: &str, function: FunctionId, sk: &str, log: &Item) -> Option<Executed> {
    let milliseconds: f64 = log.get("duration")?.as_n().ok()?.parse().ok()?;
    let failed = text(log, "status")? == "error";
    Some(Executed {
        workspace: keys::workspace_of_log_partition(text(log, INDEX_PK)?)?,
        function,
        at: keys::time_of_log(sk)?,
        outcome: if failed { ExecutionStatus::Error } else { ExecutionStatus::Success },
        took: Duration::try_from_secs_f64(milliseconds / 1000.0).ok()?,
        sequence: SequenceNumber::new(sequence),
        log_sk: sk.to_owned(),
    })
}
