//! Invocation keys, in their function's item, where a call finds them without another read.
//!
//! Each key is an attribute under its own identifier, so creating or revoking a key is one write
//! without a read before it. The attribute `keyCount` counts them. The function's version doesn't:
//! clients don't see keys in a function.

use serde::{Deserialize, Serialize};

use crate::domain::{InvocationKey, KeyId, SecretHash};
use crate::store::item::Item;

/// The attribute in which all keys of a function were once stored as a set. Keys are still read and
/// revoked there.
pub(in crate::store) const LEGACY_KEYS: &str = "invocationKeys";

/// A key, stored as JSON.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(in crate::store) struct InvocationKeyRecord {
    #[serde(flatten)]
    pub(in crate::store) key: InvocationKey,
    pub(in crate::store) hash: SecretHash,
}

impl InvocationKeyRecord {
    /// Reads a key. An unreadable one is logged and opens nothing.
    fn read(text: &str) -> Option<Self> {
        let record = serde_json::from_str(text).ok();
        if record.is_none() {
            tracing::error!("an invocation key can't be read");
        }
        record
    }

    /// Takes all keys out of a function's item.
    pub(super) fn take_all(item: &mut Item) -> Vec<Self> {
        let legacy = item.remove(LEGACY_KEYS);
        let legacy = legacy.iter().filter_map(|set| set.as_ss().ok()).flatten();
        let mut keys: Vec<_> = legacy.filter_map(|text| Self::read(text)).collect();
        let own = item.extract_if(|name, _| name.parse::<KeyId>().is_ok());
        keys.extend(own.filter_map(|(_, value)| Self::read(value.as_s().ok()?)));
        keys
    }
}

/// The element of [`LEGACY_KEYS`] that holds `key`.
pub(in crate::store) fn legacy_element(item: &Item, key: &KeyId) -> Option<String> {
    let is_key = |text: &&String| {
        InvocationKeyRecord::read(text).is_some_and(|record| record.key.id == *key)
    };
    item.get(LEGACY_KEYS)?.as_ss().ok()?.iter().find(is_key).cloned()
}
