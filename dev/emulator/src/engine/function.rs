//! A function and its versions, and how they are told to callers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::code::Code;
use super::crew::Crew;
use super::refusal::Refusal;
use super::settings::Settings;
use crate::ids;

/// How far a version got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It is new, and can't be invoked yet.
    Pending,
    /// It is being changed; what was there before still runs.
    Updating,
    /// It is as it says.
    Settled,
}

/// One version of a function: `$LATEST`, or one that was published and never changes.
#[derive(Clone, Debug)]
pub(super) struct Version {
    pub(super) settings: Settings,
    pub(super) code: Arc<Code>,
    /// Changes with every change.
    pub(super) revision: String,
    /// In the form that AWS writes it in.
    pub(super) last_modified: String,
    pub(super) stage: Stage,
    /// Its workers; of `$LATEST` those of the code before while it is updating.
    pub(super) crew: Arc<Crew>,
}

/// A function by its name.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) latest: Version,
    pub(super) published: BTreeMap<u64, Version>,
    /// The highest number that was ever published; numbers aren't used twice.
    pub(super) last_number: u64,
    pub(super) tags: Value,
    pub(super) concurrency: Concurrency,
}

/// How often a function runs at once, in all of its versions, and how often it may.
#[derive(Clone, Debug, Default)]
pub(super) struct Concurrency {
    /// `None` is as often as the engine can.
    pub(super) reserved: Option<usize>,
    running: Arc<AtomicUsize>,
}

/// A place among those that run at once, until it is dropped.
#[derive(Debug)]
pub(super) struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Concurrency {
    /// The same without anybody who runs, as it is after a start.
    pub(super) fn reserved(reserved: Option<usize>) -> Self {
        Self { reserved, running: Arc::default() }
    }

    /// Takes a place.
    ///
    /// # Errors
    /// AWS's refusal, where all that are reserved are taken.
    pub(super) fn enter(&self) -> Result<Place, Refusal> {
        let most = self.reserved.unwrap_or(usize::MAX);
        let more = |running| (running < most).then(|| running + 1);
        match self.running.fetch_update(Ordering::AcqRel, Ordering::Acquire, more) {
            Ok(_) => Ok(Place(self.running.clone())),
            Err(_) => Err(Refusal::at_reserved_concurrency()),
        }
    }
}

/// What is written down of a version.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Saved {
    pub(super) settings: Settings,
    pub(super) code: String,
    pub(super) revision: String,
    pub(super) last_modified: String,
}

impl Version {
    /// The version as it is written down.
    pub(super) fn saved(&self) -> Saved {
        Saved {
            settings: self.settings.clone(),
            code: self.code.file_name(),
            revision: self.revision.clone(),
            last_modified: self.last_modified.clone(),
        }
    }

    /// Whether publishing one after the other would give two equal versions.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        // A published version may have been given a description of its own.
        let with_description =
            Settings { description: other.settings.description.clone(), ..self.settings.clone() };
        self.code.sha256() == other.code.sha256() && with_description == other.settings
    }

    /// A new revision, made now.
    pub(super) fn revised(&mut self) {
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
        let mut more = Map::new();
        if !settings.environment.is_empty() {
            more.insert("Environment".to_owned(), json!({"Variables": settings.environment}));
        }
        let stage = match self.stage {
            Stage::Pending => json!({
                "State": "Pending",
                "StateReason": "The function is being created.",
                "StateReasonCode": "Creating",
            }),
            Stage::Updating => json!({
                "State": "Active",
                "LastUpdateStatus": "InProgress",
                "LastUpdateStatusReason": "The function is being created.",
                "LastUpdateStatusReasonCode": "Creating",
            }),
            Stage::Settled => json!({"State": "Active", "LastUpdateStatus": "Successful"}),
        };
        if let Value::Object(stage) = stage {
            more.extend(stage);
        }
        more.extend(settings.other.clone());
        if let Value::Object(all) = &mut all {
            all.extend(more);
        }
        all
    }

    /// Refuses what can't be done while the version `arn` is not settled.
    pub(super) fn settled(&self, arn: &str) -> Result<(), Refusal> {
        match self.stage {
            Stage::Settled => Ok(()),
            Stage::Pending => Err(Refusal::conflict(format!(
                "The operation cannot be performed at this time. The function is currently in \
                 the following state: Pending: {arn}"
            ))),
            Stage::Updating => Err(Refusal::conflict(format!(
                "The operation cannot be performed at this time. An update is in progress for \
                 resource: {arn}"
            ))),
        }
    }
}

impl Function {
    /// A version by what it is called: a number, or `$LATEST`, which is also meant
    /// where nothing is said.
    pub(super) fn version(&self, label: Option<&str>) -> Option<(String, &Version)> {
        match label {
            None | Some("$LATEST") => Some(("$LATEST".to_owned(), &self.latest)),
            Some(number) => {
                let number: u64 = number.parse().ok()?;
                Some((number.to_string(), self.published.get(&number)?))
            }
        }
    }

    /// The version that was published last, if there is one.
    pub(super) fn newest(&self) -> Option<(u64, &Version)> {
        self.published.last_key_value().map(|(number, version)| (*number, version))
    }
}
