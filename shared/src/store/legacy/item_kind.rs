//! Telling the items of the table apart.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use crate::domain::{FunctionId, LogId, WorkspaceId};
use crate::store::item::{Item, text};
use crate::store::keys::{self, FUNCTION_PREFIX, LOG_PREFIX, PK, SK};

/// The kind of an item of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemKind {
    /// A workspace.
    Workspace {
        /// Its identifier.
        id: WorkspaceId,
        /// Whether the legacy backend wrote it.
        is_legacy: bool,
    },
    /// A function.
    Function {
        /// Its workspace.
        workspace: WorkspaceId,
        /// Its identifier.
        id: FunctionId,
        /// Whether the legacy backend wrote it.
        is_legacy: bool,
    },
    /// The log of an execution.
    Log {
        /// The function that ran.
        function: FunctionId,
        /// Whether the legacy backend wrote it.
        is_legacy: bool,
    },
    /// Usage, counts, claims, tasks or a retry marker: the legacy backend has none.
    Internal,
    /// A function or a log by the form of its key, with an invalid identifier.
    InvalidId,
    /// An item that neither backend wrote.
    Other,
}

impl ItemKind {
    /// The attributes that [`ItemKind::of`] needs, as a projection.
    pub const ATTRIBUTES: &str = "PK, SK, version";

    /// The kind of `item`.
    pub fn of(item: &HashMap<String, AttributeValue>) -> Self {
        Self::by_key(item).unwrap_or_else(|| {
            let begins = |name, with: &str| text(item, name).is_some_and(|t| t.starts_with(with));
            let is_log = begins(PK, keys::LOG_PARTITION) && begins(SK, LOG_PREFIX);
            if is_log || begins(SK, FUNCTION_PREFIX) { Self::InvalidId } else { Self::Other }
        })
    }

    fn by_key(item: &Item) -> Option<Self> {
        let (pk, sk) = (text(item, PK)?, text(item, SK)?);
        if let Some(function) = keys::function_of_log_partition(pk) {
            let is_legacy = is_legacy_log(sk);
            return sk.starts_with(LOG_PREFIX).then_some(Self::Log { function, is_legacy });
        }
        if keys::is_of_an_owner(pk) || keys::is_of_an_intent(pk) {
            return Some(Self::Internal);
        }
        let workspace = keys::workspace_of_partition(pk)?;
        let is_legacy = !is_current(item);
        if sk == keys::workspace(&workspace).sk {
            return Some(Self::Workspace { id: workspace, is_legacy });
        }
        if let Some(id) = keys::function_of(sk) {
            return Some(Self::Function { workspace, id, is_legacy });
        }
        let is_internal = sk == keys::workspace_usage(&workspace).sk
            || keys::function_of_usage(sk).is_some()
            || keys::function_of_retry_marker(sk).is_some()
            || keys::task_of(sk).is_some();
        is_internal.then_some(Self::Internal)
    }
}

/// Whether a workspace or a function is in the current form.
pub(super) fn is_current(item: &Item) -> bool {
    item.contains_key("version")
}

/// Whether a log's sort key is one of the legacy backend's.
pub(super) fn is_legacy_log(sk: &str) -> bool {
    keys::parts_of_log(sk).is_none_or(|(_, id)| id.parse::<LogId>().is_err())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(attributes: &[(&str, &str)]) -> Item {
        let attribute = |(name, value): &(&str, &str)| {
            ((*name).to_owned(), AttributeValue::S((*value).to_owned()))
        };
        attributes.iter().map(attribute).collect()
    }

    #[test]
    fn kind_is_read_from_keys_and_version() {
        let kind = |pk: &str, sk: &str| ItemKind::of(&item(&[(PK, pk), (SK, sk)]));
        let ws = "ws-7hKQxZ2m".parse::<WorkspaceId>().unwrap();
        let function = "fn-Ab3dEf9h".parse::<FunctionId>().unwrap();
        let pk = "WS#ws-7hKQxZ2m";
        let workspace = |is_legacy| ItemKind::Workspace { id: ws.clone(), is_legacy };
        assert_eq!(kind(pk, "METADATA"), workspace(true));
        let current = item(&[(PK, pk), (SK, "METADATA"), ("version", "1")]);
        assert_eq!(ItemKind::of(&current), workspace(false));
        let id = function.clone();
        let legacy = ItemKind::Function { workspace: ws.clone(), id, is_legacy: true };
        assert_eq!(kind(pk, "FN#fn-Ab3dEf9h"), legacy);
        for (sk, is_legacy) in [
            ("LOG#2025-11-08T03:04:05.123456#9kLmN2pQ", true),
            ("LOG#2025-11-08T12:04:05.123456+09:00#9kLmN2pQ", true),
            ("LOG#2025-11-08T03:04:05.123Z#log-9kLmN2pQ", false),
            ("LOG#", true),
        ] {
            let log = ItemKind::Log { function: function.clone(), is_legacy };
            assert_eq!(kind("FN#fn-Ab3dEf9h", sk), log, "{sk}");
        }
        let task = "TASK#tk-7hKQxZ2m-01kg6m4x2v8q5z7n3c9b1d0f98";
        for sk in ["METRICS", "METRICS#fn-Ab3dEf9h", "NOTE#fn-Ab3dEf9h", task] {
            assert_eq!(kind(pk, sk), ItemKind::Internal, "{sk}");
        }
        for (pk, sk) in [(pk, "FN#x"), ("WS#x y", "FN#fn-a"), ("FN#x", "LOG#2025")] {
            assert_eq!(kind(pk, sk), ItemKind::InvalidId, "{pk} {sk}");
        }
        for (pk, sk) in [(pk, "BUILD#1"), ("USER#1", "METADATA"), ("FN#fn-a", "X")] {
            assert_eq!(kind(pk, sk), ItemKind::Other, "{pk} {sk}");
        }
        assert_eq!(ItemKind::of(&Item::new()), ItemKind::Other);
    }
}
