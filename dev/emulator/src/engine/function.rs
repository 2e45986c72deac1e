//! A function and its versions, and their form in the API.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::code::Code;
use super::concurrency::Concurrency;
use super::error::ApiError;
use super::sandbox_pool::SandboxPool;
use super::settings::Settings;
use crate::ids::{self, LATEST};

/// The state of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It is new and can't be invoked yet.
    Pending,
    /// It is being changed; its former code still runs.
    Updating,
    Active,
}

/// One version of a function: `$LATEST`, or a published one, which never changes.
#[derive(Clone, Debug)]
pub(super) struct Version {
    pub(super) settings: Settings,
    pub(super) code: Arc<Code>,
    /// A new one with every change.
    pub(super) revision: String,
    /// In AWS's form.
    pub(super) last_modified: String,
    pub(super) stage: Stage,
    /// While `$LATEST` is updating, the sandboxes of its former code.
    pub(super) pool: Arc<SandboxPool>,
}

/// A function.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) latest: Version,
    pub(super) published: BTreeMap<u64, Version>,
    /// The highest number ever published; no number is used twice.
    pub(super) last_number: u64,
    pub(super) tags: Value,
    pub(super) concurrency: Concurrency,
}

/// A version as it is stored.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredVersion {
    pub(super) settings: Settings,
    pub(super) code: String,
    pub(super) revision: String,
    pub(super) last_modified: String,
}

impl Version {
    pub(super) fn to_stored(&self) -> StoredVersion {
        StoredVersion {
            settings: self.settings.clone(),
            code: self.code.file_name(),
            revision: self.revision.clone(),
            last_modified: self.last_modified.clone(),
        }
    }

    /// Whether publishing both would give two equal versions.
    pub(super) fn has_same_content(&self, other: &Self) -> bool {
        // A published version may have a description of its own.
        let with_description =
            Settings { description: other.settings.description.clone(), ..self.settings.clone() };
        self.code.sha256() == other.code.sha256() && with_description == other.settings
    }

    /// Gives it a new revision, modified now.
    pub(super) fn renew_revision(&mut self) {
        self.revision = ids::invocation_id();
        self.last_modified = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.000+0000").to_string();
    }

    /// The `FunctionConfiguration` of the API.
    pub(super) fn configuration(&self, label: &str, arn: &str, name: &str) -> Value {
        let settings = &self.settings;
        let mut all = json!({
            "FunctionName": name,
            "FunctionArn": arn,
            "Version": label,
            "Runtime": settings.runtime,
            "Handler": settings.handler,
            "Role": settings.role,
            "Description": settings.description,
            "Timeout": settings.timeout,
            "MemorySize": settings.memory_size,
            "Architectures": settings.architectures,
            "PackageType": "Zip",
            "CodeSize": self.code.zip().len(),
            "CodeSha256": self.code.sha256(),
            "RevisionId": self.revision,
            "LastModified": self.last_modified,
            "TracingConfig": {"Mode": "PassThrough"},
            "EphemeralStorage": {"Size": 512},
            "LoggingConfig": {"LogFormat": "Text", "LogGroup": format!("/aws/lambda/{name}")},
            "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        });
        if !settings.layers.is_empty() {
            let layer = |arn: &String| json!({"Arn": arn});
            all["Layers"] = settings.layers.iter().map(layer).collect();
        }
        if !settings.environment.is_empty() {
            all["Environment"] = json!({"Variables": settings.environment});
        }
        match self.stage {
            Stage::Pending => {
                all["State"] = json!("Pending");
                all["StateReason"] = json!("The function is being created.");
                all["StateReasonCode"] = json!("Creating");
            }
            Stage::Updating => {
                all["State"] = json!("Active");
                all["LastUpdateStatus"] = json!("InProgress");
                all["LastUpdateStatusReason"] = json!("The function is being created.");
                all["LastUpdateStatusReasonCode"] = json!("Creating");
            }
            Stage::Active => {
                all["State"] = json!("Active");
                all["LastUpdateStatus"] = json!("Successful");
            }
        }
        for (name, value) in &settings.other {
            all[name] = value.clone();
        }
        all
    }

    /// An error, unless the version `arn` is active.
    pub(super) fn require_active(&self, arn: &str) -> Result<(), ApiError> {
        match self.stage {
            Stage::Active => Ok(()),
            Stage::Pending => Err(ApiError::conflict(format!(
                "The operation cannot be performed at this time. The function is currently in \
                 the following state: Pending: {arn}"
            ))),
            Stage::Updating => Err(ApiError::conflict(format!(
                "The operation cannot be performed at this time. An update is in progress for \
                 resource: {arn}"
            ))),
        }
    }
}

impl Function {
    /// All of its versions.
    pub(super) fn versions(&self) -> impl Iterator<Item = &Version> {
        self.published.values().chain([&self.latest])
    }

    /// A version by its label: a number or `$LATEST`, which is also the default.
    pub(super) fn version(&self, label: Option<&str>) -> Option<(String, &Version)> {
        match label {
            None | Some(LATEST) => Some((LATEST.to_owned(), &self.latest)),
            Some(number) => {
                let number: u64 = number.parse().ok()?;
                Some((number.to_string(), self.published.get(&number)?))
            }
        }
    }
}
