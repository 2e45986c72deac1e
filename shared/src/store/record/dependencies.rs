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
#[serde(rename_all = "camelCase")]
pub(in crate::store) enum Outcome {
    Ready {
        key: LayerKey,
        layer: Layer,
    },
    /// Of this version of the function: a later one is tried again.
    Failed {
        message: String,
        version: u64,
    },
    /// The function needs none, and the use of its layers is to end.
    Released {},
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
            Outcome::Ready { layer, .. } => Some(Packages::Ready(layer)),
            Outcome::Failed { message, version: failed } => {
                (failed == version).then_some(Packages::Failed(message))
            }
            Outcome::Released {} => None,
        }
    }

    /// The layer that it names.
    pub(in crate::store) fn layer(&self) -> Option<&LayerKey> {
        match &self.outcome {
            Outcome::Ready { key, .. } => Some(key),
            Outcome::Failed { .. } | Outcome::Released {} => None,
        }
    }
}
