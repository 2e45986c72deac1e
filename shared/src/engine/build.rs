//! Having packages resolved and installed, by the builder: a Lambda of ours without permissions.

use std::time::Duration;

use aws_sdk_lambda::config::StalledStreamProtectionConfig;
use aws_sdk_lambda::config::timeout::TimeoutConfig;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Engine;
use crate::aws::failure::failure;
use crate::config::IndexUrl;
use crate::domain::{
    FunctionId, Lock, LockedPackage, MAX_UNZIPPED_BYTES, PresignedPut, RequiredPackages, Runtime,
    Timestamp, WorkspaceId,
};
use crate::error::Error;

/// The architecture that users' functions run on, as package indexes name it.
const ARCHITECTURE: &str = "aarch64";

/// The longest that a build takes: the timeout of the Lambda, and its start.
pub const LONGEST_BUILD: Duration = Duration::from_secs(480);

/// Whose packages are to be installed: the event of the Lambda `packages`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, Deserialize)]
pub struct PackagesWanted {
    /// The workspace of the function.
    pub workspace: WorkspaceId,
    /// The function.
    pub function: FunctionId,
}

/// What requirements were resolved to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// Exact versions and hashes.
    pub lock: Lock,
    /// The packages of the lock, by name.
    pub packages: Vec<LockedPackage>,
}

/// What was installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// The bytes of the files, unzipped.
    pub unzipped_bytes: u64,
    /// The packages, by name.
    pub packages: Vec<LockedPackage>,
}

/// How a build ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Built<T> {
    /// With this result.
    Done(T),
    /// Repeating it doesn't help. The sentence tells the function's owner why.
    Refused(String),
    /// The package index couldn't be reached, or the build broke off. The sentence tells the function's
    /// owner.
    Unreachable(String),
}

/// The builder's answer.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Answer {
    Resolved { lock: Lock, packages: Vec<LockedPackage> },
    Installed { unzipped_bytes: u64, packages: Vec<LockedPackage> },
    Refused { message: String },
    Unreachable { message: String },
}

impl Engine {
    /// Has the packages of a function installed; returns at once.
    pub async fn want_packages(&self, wanted: &PackagesWanted) -> Result<(), Error> {
        let event = serde_json::to_vec(wanted).map_err(Error::internal)?;
        self.lambda
            .invoke()
            .function_name(&*self.packages_function)
            .invocation_type(InvocationType::Event)
            .payload(Blob::new(event))
            .send()
            .await
            .map(drop)
            .map_err(failure("Lambda Invoke, packages"))
    }

    /// Resolves requirements with the versions that are published `as_of` a time.
    pub async fn resolve(
        &self,
        required: &RequiredPackages,
        runtime: Runtime,
        as_of: Timestamp,
    ) -> Result<Built<Resolved>, Error> {
        // Most indexes of one's own don't tell when a file was uploaded.
        let as_of = self.package_index.is_none().then_some(as_of);
        let request = json!({"resolve": {
            "requirements": required.text(),
            "python": runtime.number(),
            "architecture": ARCHITECTURE,
            "asOf": as_of,
            "index": self.package_index.as_ref().map(|IndexUrl(url)| url),
        }});
        Ok(match self.build(request).await? {
            Answer::Resolved { lock, packages } => Built::Done(Resolved { lock, packages }),
            Answer::Refused { message } => Built::Refused(message),
            Answer::Unreachable { message } => Built::Unreachable(message),
            Answer::Installed { .. } => {
                return Err(Error::internal("the builder has not resolved"));
            }
        })
    }

    /// Installs the packages of `lock`, and stores them as a zip by the request `put`.
    pub async fn install(
        &self,
        lock: &Lock,
        runtime: Runtime,
        put: &PresignedPut,
    ) -> Result<Built<Installed>, Error> {
        let request = json!({"install": {
            "lock": lock,
            "python": runtime.number(),
            "architecture": ARCHITECTURE,
            "index": self.package_index.as_ref().map(|IndexUrl(url)| url),
            "limitBytes": MAX_UNZIPPED_BYTES,
            "put": put,
        }});
        Ok(match self.build(request).await? {
            Answer::Installed { unzipped_bytes, packages } => {
                Built::Done(Installed { unzipped_bytes, packages })
            }
            Answer::Refused { message } => Built::Refused(message),
            Answer::Unreachable { message } => Built::Unreachable(message),
            Answer::Resolved { .. } => {
                return Err(Error::internal("the builder has not installed"));
            }
        })
    }

    async fn build(&self, request: Value) -> Result<Answer, Error> {
        // A build takes minutes, in which nothing is sent.
        let timeouts = TimeoutConfig::builder()
            .operation_timeout(LONGEST_BUILD)
            .operation_attempt_timeout(LONGEST_BUILD)
            .build();
        let config = aws_sdk_lambda::config::Builder::new()
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .timeout_config(timeouts);
        let sent = self
            .lambda
            .invoke()
            .function_name(&*self.builder_function)
            .invocation_type(InvocationType::RequestResponse)
            .payload(Blob::new(request.to_string()))
            .customize()
            .config_override(config)
            .send()
            .await
            .map_err(failure("Lambda Invoke, builder"))?;
        let payload = sent.payload().map_or(&[][..], AsRef::as_ref);
        if let Some(kind) = sent.function_error() {
            let told = String::from_utf8_lossy(payload);
            tracing::error!(kind, %told, "a build ended before it was done");
            let message = "The build of the packages ended before it was done: it may take too long, or \
                need more than 2048 MB of memory.";
            return Ok(Answer::Unreachable { message: message.to_owned() });
        }
        serde_json::from_slice(payload).map_err(Error::internal)
    }
}
