//! The packages of a function, in its item.

use serde::{Deserialize, Serialize};

use crate::domain::{Layer, LayerKey, Packages, RequirementsDigest};

/// What became of requirements. Writing it leaves the version of the function as it is.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::store) struct DependenciesRecord {
    /// Of which requirements. Later ones of the function aren't resolved yet.
    pub(in crate::store) digest: RequirementsDigest,
    #[serde(flatten)]
    pub(in crate::store) outcome: Outcome,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(in crate::store) enum Outcome {
    Ready {
        key: LayerKey,
        layer: Layer,
    },
    /// Of this version of the function: a later one is tried again.
    Failed {
        message: String,
        version: u64,
        /// Whether another attempt at this version doesn't help.
        is_final: bool,
    },
    /// The function needs none, and the use of its layers is to end.
    Released {},
}

/// Packages that are installed.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::store) struct InstalledRecord {
    pub(in crate::store) digest: RequirementsDigest,
    pub(in crate::store) key: LayerKey,
    pub(in crate::store) layer: Layer,
}

impl DependenciesRecord {
    /// The packages of a function's `version` whose requirements have this digest, as far as they are
    /// known.
    pub(in crate::store) fn of(
        &self,
        digest: &RequirementsDigest,
        version: u64,
    ) -> Option<Packages> {
        let outcome = (self.digest == *digest).then(|| self.outcome.clone())?;
        match outcome {
            Outcome::Ready { key, layer } => Some(Packages::Ready { key, layer }),
            Outcome::Failed { message, version: failed, is_final } => {
                (failed == version).then_some(Packages::Failed { message, is_final })
            }
            Outcome::Released {} => None,
        }
    }
}

impl InstalledRecord {
    /// These packages, if they are of requirements with this digest.
    pub(in crate::store) fn of(&self, digest: &RequirementsDigest) -> Option<Packages> {
        let (key, layer) = (self.key.clone(), self.layer.clone());
        (self.digest == *digest).then_some(Packages::Ready { key, layer })
    }
}
