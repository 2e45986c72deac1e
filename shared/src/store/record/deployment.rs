//! The deployment of a function, in its item.

use serde::{Deserialize, Serialize};

use super::dependencies::InstalledRecord;
use crate::domain::Timestamp;

/// The reconciler's attributes of a function's item. Writing them leaves the version as it is: the
/// version, and so the `ETag`, counts the writes of clients.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::store) struct DeploymentRecord {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::store) last_deployed: Option<Timestamp>,
    /// The revision of the function that is deployed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::store) deployed_revision: Option<String>,
    /// [`FunctionSettings::deployment_digest`](crate::domain::FunctionSettings::deployment_digest)
    /// of the revision that is deployed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::store) deployed_digest: Option<String>,
    /// The form of the events that its adapter takes; earlier releases did not write it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::store) adapter_protocol: Option<u32>,
    /// The packages of the revision that is deployed. Going back to their requirements finds them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::store) deployed_packages: Option<InstalledRecord>,
    /// The engine's version that is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::store) engine_version: Option<String>,
    /// Why the function's `failed_version` could not be deployed.
    #[serde(skip_serializing_if = "Option::is_none")]
    deployment_error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed_version: Option<u64>,
}

impl DeploymentRecord {
    /// Why the function's `version` could not be deployed, if it couldn't.
    pub(in crate::store) fn error_of(&self, version: u64) -> Option<String> {
        let error = self.deployment_error.as_ref();
        error.filter(|_| self.failed_version == Some(version)).cloned()
    }
}
