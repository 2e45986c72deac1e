//! The packages of a function: what it requires, and what is installed for it.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::{PartialSchema, ToSchema};

use super::error::ValidationError;
use super::inline_metadata::InlineMetadata;
use super::{InvalidField, Owner, Requirements, Runtime, sha256_of_parts};

/// The most bytes of a function's code and packages together, unzipped: AWS Lambda's limit.
pub const MAX_UNZIPPED_BYTES: u64 = 262_144_000;

/// The requirements that a client gives; none by default, and then the inline metadata of the source
/// counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct RequirementsSetting(Option<Requirements>);

impl RequirementsSetting {
    /// The requirements, if there are some.
    pub fn given(&self) -> Option<&Requirements> {
        self.0.as_ref()
    }
}

impl From<Requirements> for RequirementsSetting {
    fn from(requirements: Requirements) -> Self {
        Self(Some(requirements))
    }
}

impl TryFrom<Value> for RequirementsSetting {
    type Error = ValidationError;

    fn try_from(value: Value) -> Result<Self, ValidationError> {
        match value {
            Value::Null => Ok(Self(None)),
            value => Requirements::try_from(value).map(Self::from),
        }
    }
}

impl PartialSchema for RequirementsSetting {
    fn schema() -> RefOr<Schema> {
        let text = "The packages to install, as text of a requirements file, 16 KB at the most. \
                    Without it, the `dependencies` of the source's inline metadata (PEP 723) are.";
        ObjectBuilder::new()
            .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
            .max_length(Some(Requirements::MAX_BYTES))
            .description(Some(text))
            .into()
    }
}

impl ToSchema for RequirementsSetting {}

/// The requirements that are resolved for a function, one each. None: it needs no packages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct RequiredPackages(Vec<String>);

impl RequiredPackages {
    /// What `source` needs under this runtime: the `given` requirements, or else those of its inline
    /// metadata; `None` where it has neither.
    ///
    /// # Errors
    /// [`InvalidField`] where the inline metadata can't be read, or asks for another Python.
    pub(super) fn of(
        given: &RequirementsSetting,
        source: &str,
        runtime: Runtime,
    ) -> Result<Option<Self>, InvalidField> {
        if let Some(requirements) = given.given() {
            return Ok(Some(Self(requirements.effective().to_vec())));
        }
        let metadata = InlineMetadata::of(source).map_err(|e| e.of("code"))?;
        let Some(metadata) = metadata else { return Ok(None) };
        metadata.check_python(runtime.number()).map_err(|e| e.of("code"))?;
        Ok(Some(Self(metadata.requirements().effective().to_vec())))
    }

    /// With the packages that its platform has, as far as it doesn't name them itself.
    #[must_use]
    pub(super) fn with_platform(mut self, platform: &[&'static str]) -> Self {
        for package in platform {
            // Names of both are normalized.
            let is_named = |line: &String| {
                let rest = line.strip_prefix(package);
                rest.is_some_and(|rest| {
                    !rest.starts_with(|c: char| c == '-' || c.is_alphanumeric())
                })
            };
            if !self.0.iter().any(is_named) {
                self.0.push((*package).to_owned());
            }
        }
        self
    }

    /// Whether no package is needed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text of a requirements file.
    pub fn text(&self) -> String {
        self.0.iter().map(|line| format!("{line}\n")).collect()
    }

    /// Tells two needs apart: a digest of the requirements and of the Python for which they are
    /// resolved.
    pub fn digest(&self, runtime: Runtime) -> RequirementsDigest {
        let parts = [runtime.name()].into_iter().chain(self.0.iter().map(String::as_str));
        RequirementsDigest(hex::encode(&sha256_of_parts(parts)[..16]))
    }
}

/// The digest of requirements and their Python: 32 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct RequirementsDigest(String);

impl fmt::Display for RequirementsDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Exact versions of packages with the hashes of their files, as `uv pip compile` writes them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Lock(String);

impl Lock {
    /// A lock of this text.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text of a requirements file with hashes.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The SHA-256 of the text, in hexadecimal.
    pub fn hash(&self) -> String {
        hex::encode(sha256_of_parts([self.text()]))
    }
}

/// The layer of a lock: 32 hexadecimal digits. An owner's functions that have the same lock and the
/// same Python share it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub struct LayerKey(String);

impl LayerKey {
    /// The key of the layer of a lock for an owner's functions. Layers of an AWS account have their
    /// names in common, so the `table` tells two deployments apart.
    pub fn of(table: &str, owner: &Owner, lock_hash: &str, runtime: Runtime) -> Self {
        let parts = [table, owner.as_str(), lock_hash, runtime.name()];
        Self(hex::encode(&sha256_of_parts(parts)[..16]))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key of this text, if it has the form of one.
    pub fn parse(text: &str) -> Option<Self> {
        let is_digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        (text.len() == 32 && text.chars().all(is_digit)).then(|| Self(text.to_owned()))
    }
}

impl fmt::Display for LayerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A package of a lock.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct LockedPackage {
    /// Its name, in lower case and with hyphens.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// How far the packages of a function are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DependencyStatus {
    /// It needs none.
    #[default]
    None,
    /// They are resolved and installed.
    Resolving,
    /// They are there.
    Ready,
    /// They can't be had.
    Failed,
}

/// The packages of a function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Dependencies {
    /// How far they are.
    pub status: DependencyStatus,
    /// What is installed, by name.
    pub packages: Vec<LockedPackage>,
    /// The bytes of what is installed, unzipped.
    #[schema(minimum = 0)]
    pub unzipped_bytes: u64,
    /// The most bytes that code and packages may have together, unzipped.
    #[schema(minimum = 0)]
    pub limit_bytes: u64,
    /// The SHA-256 of the lock; null before there is one.
    #[schema(required)]
    pub lock_hash: Option<String>,
    /// Why they can't be had; null where they can.
    #[schema(required)]
    pub message: Option<String>,
}

impl Default for Dependencies {
    fn default() -> Self {
        Self {
            status: DependencyStatus::None,
            packages: Vec::new(),
            unzipped_bytes: 0,
            limit_bytes: MAX_UNZIPPED_BYTES,
            lock_hash: None,
            message: None,
        }
    }
}

impl Dependencies {
    /// Those of a function that needs packages, before they are there.
    pub fn resolving() -> Self {
        Self { status: DependencyStatus::Resolving, ..Self::default() }
    }

    /// Those that can't be had, for the reason in this sentence.
    pub fn failed(message: String) -> Self {
        Self { status: DependencyStatus::Failed, message: Some(message), ..Self::default() }
    }
}

/// A layer that is published.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Layer {
    /// Its version on AWS Lambda.
    pub arn: String,
    /// The packages in it, by name.
    pub packages: Vec<LockedPackage>,
    /// The bytes of its files.
    pub unzipped_bytes: u64,
    /// The SHA-256 of its lock.
    pub lock_hash: String,
}

impl From<Layer> for Dependencies {
    fn from(layer: Layer) -> Self {
        Self {
            status: DependencyStatus::Ready,
            packages: layer.packages,
            unzipped_bytes: layer.unzipped_bytes,
            lock_hash: Some(layer.lock_hash),
            ..Self::default()
        }
    }
}

/// A request that writes one object, for somebody without permissions.
#[derive(Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct PresignedPut {
    /// Where it goes. Whoever has it may write.
    pub url: String,
    /// The headers that it must have.
    pub headers: BTreeMap<String, String>,
}

impl fmt::Debug for PresignedPut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PresignedPut").finish_non_exhaustive()
    }
}

/// The packages of a function, for its deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packages {
    /// It needs none.
    None,
    /// They must be resolved and installed first.
    Wanted,
    /// They are in a layer.
    Ready {
        /// Its key.
        key: LayerKey,
        /// What it is.
        layer: Layer,
    },
    /// They can't be had.
    Failed {
        /// Why: a sentence.
        message: String,
        /// Whether another attempt doesn't help.
        is_final: bool,
    },
}
