//! A function's item.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::code::CodeRecord;
use super::dependencies::DependenciesRecord;
use super::deployment::DeploymentRecord;
use super::files::FilesRecord;
use super::invocation_key::InvocationKeyRecord;
use super::workspace::visible_workspace_item;
use crate::domain::{
    Code, Dependencies, DeploymentState, Detected, Function, FunctionFiles, FunctionId,
    FunctionSettings, Handler, Owner, Packages, ProjectFiles, RequiredPackages, RequirementsDigest,
    Status, Timestamp, Versioned, WorkspaceId, source_sha256,
};
use crate::error::Error;
use crate::store::item::{Item, is_visible_to};
use crate::store::keys;

/// A function's item.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::store) struct FunctionRecord {
    #[serde(rename = "PK")]
    pk: String,
    #[serde(rename = "SK")]
    sk: String,
    pub(in crate::store) owner: String,
    pub(in crate::store) id: FunctionId,
    pub(in crate::store) workspace_id: WorkspaceId,
    #[serde(flatten)]
    pub(in crate::store) settings: FunctionSettings,
    pub(in crate::store) status: Status,
    last_modified: Timestamp,
    /// Counts the writes by clients.
    pub(in crate::store) version: u64,
    /// Stored in attributes named by the keys' identifiers.
    #[serde(skip)]
    pub(in crate::store) invocation_keys: Vec<InvocationKeyRecord>,
    #[serde(flatten)]
    pub(in crate::store) code: CodeRecord,
    #[serde(flatten)]
    pub(in crate::store) files: FilesRecord,
    // Functions of earlier releases are all of the native form.
    #[serde(flatten)]
    pub(in crate::store) handler: Handler,
    #[serde(default, skip_serializing_if = "RequiredPackages::is_empty")]
    pub(in crate::store) required_packages: RequiredPackages,
    /// Absent before packages were first installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::store) dependencies: Option<DependenciesRecord>,
    /// Whether it uses, or has used, a layer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(in crate::store) has_layers: bool,
    /// When its packages were last asked for, and of which requirements.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::store) packages_asked: Option<PackagesAsked>,
    #[serde(flatten)]
    pub(in crate::store) deployment: DeploymentRecord,
}

/// A request for packages that may be going on.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::store) struct PackagesAsked {
    pub(in crate::store) digest: RequirementsDigest,
    pub(in crate::store) at: Timestamp,
}

impl FunctionRecord {
    pub(in crate::store) fn new(
        owner: &Owner,
        function: &Function,
        code: CodeRecord,
        files: FilesRecord,
    ) -> Self {
        let key = keys::function(&function.workspace_id, &function.id);
        let function = function.clone();
        Self {
            pk: key.pk,
            sk: key.sk,
            owner: owner.to_string(),
            id: function.id,
            workspace_id: function.workspace_id,
            settings: function.settings,
            status: function.status,
            last_modified: function.last_modified,
            version: 1,
            invocation_keys: Vec::new(),
            code,
            files,
            handler: Handler {
                form: function.detected_form,
                entry_point: function.detected_entry_point,
            },
            required_packages: function.required_packages,
            dependencies: None,
            has_layers: false,
            packages_asked: None,
            deployment: DeploymentRecord::default(),
        }
    }

    pub(in crate::store) fn read(mut item: Item) -> Result<Self, Error> {
        let invocation_keys = InvocationKeyRecord::take_all(&mut item);
        let record: Self = serde_dynamo::from_item(item).map_err(Error::internal)?;
        Ok(Self { invocation_keys, ..record })
    }

    /// How far this version is deployed.
    pub(in crate::store) fn deployment_state(&self) -> DeploymentState {
        let DeploymentRecord { deployed_digest, last_deployed, .. } = &self.deployment;
        if let Some(reason) = self.deployment.error_of(self.version) {
            return DeploymentState::Failed(reason);
        }
        let is_deployed = match deployed_digest {
            Some(deployed) => *deployed == self.deployment_digest(),
            // Not deployed, or by a release that kept no digest: whatever changed it since was
            // deployed by one that does.
            None => *last_deployed >= Some(self.last_modified),
        };
        if is_deployed { DeploymentState::Deployed } else { DeploymentState::Pending }
    }

    /// Tells its source from others, with the other files.
    pub(in crate::store) fn source_sha256(&self) -> String {
        source_sha256(self.code.sha256(), &self.settings.main_file, &self.files.summary())
    }

    fn deployment_digest(&self) -> String {
        let (code, files) = (self.code.sha256(), self.files.summary());
        self.settings.deployment_digest(code, &files, &self.detected())
    }

    fn detected(&self) -> Detected {
        Detected { handler: self.handler.clone(), packages: self.required_packages.clone() }
    }

    /// The packages of this version.
    pub(in crate::store) fn packages(&self) -> Packages {
        if self.required_packages.is_empty() {
            return Packages::None;
        }
        let digest = self.required_packages.digest(self.settings.runtime);
        // Those that are deployed first: a failure of another attempt says nothing of them.
        let deployed = self.deployment.deployed_packages.as_ref();
        let deployed = deployed.and_then(|installed| installed.of(&digest));
        let latest =
            || self.dependencies.as_ref().and_then(|found| found.of(&digest, self.version));
        deployed.or_else(latest).unwrap_or(Packages::Wanted)
    }

    /// The function with its source, and its other files if they were read.
    pub(in crate::store) fn with_code(
        self,
        code: Code,
        files: Option<ProjectFiles>,
    ) -> Versioned<Function> {
        let version = self.version;
        let (detected, packages) = (self.detected(), self.packages());
        let files = files.map(FunctionFiles::from);
        let files = files.unwrap_or_else(|| FunctionFiles::unread(self.files.summary()));
        let mut value = Function::new(
            self.id,
            self.workspace_id,
            self.settings,
            code,
            files,
            detected,
            self.status,
            self.last_modified,
        );
        value.dependencies = match packages {
            Packages::None => Dependencies::default(),
            Packages::Wanted => Dependencies::resolving(),
            Packages::Ready { layer, .. } => layer.into(),
            Packages::Failed { message, .. } => Dependencies::failed(message),
        };
        value.deployment_error = self.deployment.error_of(version);
        value.last_deployed = self.deployment.last_deployed;
        Versioned { value, version }
    }
}

/// The function in `items`, if `owner` sees it and its workspace.
///
/// # Errors
/// [`Error::NotFound`] otherwise.
pub(in crate::store) fn visible_function(
    owner: &Owner,
    ws: &WorkspaceId,
    id: &FunctionId,
    mut items: HashMap<String, Item>,
) -> Result<FunctionRecord, Error> {
    visible_workspace_item(owner, ws, items.remove(&keys::workspace(ws).sk))?;
    let item = items.remove(&keys::function(ws, id).sk);
    let item = item.filter(|item| is_visible_to(owner, item));
    FunctionRecord::read(item.ok_or_else(|| id.not_found())?)
}
