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
    Failed {
        message: String,
    },
    /// The function needs none, and the use of its layers is to end.
    Released {},
}

impl DependenciesRecord {
    /// The packages of the requirements with this digest, if it is of these.
    pub(in crate::store) fn of(&self, digest: &RequirementsDigest) -> Option<Packages> {
        let outcome = (self.digest == *digest).then(|| self.outcome.clone())?;
        match outcome {
            Outcome::Ready { layer, .. } => Some(Packages::Ready(layer)),
            Outcome::Failed { message } => Some(Packages::Failed(message)),
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
