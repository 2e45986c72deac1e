//! The table's stream: what a record of it means.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;

use super::Item;
use super::code::SourceKey;
use super::keys::{self, INDEX_PK, PK, SK};
use super::usage::{Executed, SequenceNumber};
use crate::domain::{ExecutionStatus, FunctionId, WorkspaceId};

/// Something that happened to the table, and has to be followed.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A function was made or changed by a client.
    FunctionSaved {
        /// Its workspace.
        workspace: WorkspaceId,
        /// The function.
        function: FunctionId,
        /// Whether its source is another one than before.
        has_new_source: bool,
        /// The source that it had before, if that was another one.
        replaced: Option<SourceKey>,
    },
    /// A function was deleted.
    FunctionDeleted {
        /// Its workspace.
        workspace: WorkspaceId,
        /// The function.
        function: FunctionId,
    },
    /// Following a function isn't done: it is to be deployed, or purged, as the table says.
    RetryMarked {
        /// Its workspace.
        workspace: WorkspaceId,
        /// The function.
        function: FunctionId,
        /// How often that has failed.
        failures: u32,
    },
    /// A workspace was deleted, or not all that was in it is removed yet.
    WorkspaceDeleted(WorkspaceId),
    /// A function ran.
    Executed(Executed),
}

impl Change {
    /// What a record means: the item's `keys`, and the item before and after,
    /// empty where there was none. `None` for what needs nothing to be done, our
    /// own reports included.
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
            // Only what was just written ran; the rest was removed.
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
                // The reconciler's own reports leave the version as it is.
                Some(_) if attribute(&old, "version") == attribute(&new, "version") => None,
                Some(_) => {
                    let (before, now) = (attribute(&old, "codeKey"), attribute(&new, "codeKey"));
                    let has_new_source = before != now;
                    let before = before.filter(|_| has_new_source);
                    let replaced = before.and_then(|key| Some(SourceKey(key.as_s().ok()?.clone())));
                    Some(Self::FunctionSaved { workspace, function, has_new_source, replaced })
                }
            };
        }
        if let Some(function) = keys::function_of_retry_marker(sk) {
            let note = new?;
            let failures = note.get("failures").and_then(|n| n.as_n().ok()?.parse().ok());
            let failures = failures.unwrap_or_default();
            return Some(Self::RetryMarked { workspace, function, failures });
        }
        let is_deleted = |item: &Item| item.contains_key("deletedAt");
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

fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name).and_then(|value: &AttributeValue| value.as_s().ok()).map(String::as_str)
}
