//! The item of a build's task.

use serde::{Deserialize, Serialize};

use super::expires_at;
use super::function::FunctionRecord;
use crate::domain::{
    Build, DeploymentState, FileName, FunctionId, ImageRef, Name, Owner, SourceDigest, Task,
    TaskId, TaskStatus, Timestamp,
};
use crate::error::Error;
use crate::store::item::Item;
use crate::store::keys;

/// How long a task, and the source of its build, are kept. The bucket's lifecycle has the same.
const KEEP_DAYS: u32 = 7;

/// A task's item. It never changes: how far the build is follows from its function.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::store) struct TaskRecord {
    #[serde(rename = "PK")]
    pk: String,
    #[serde(rename = "SK")]
    sk: String,
    owner: String,
    id: TaskId,
    app_name: Name,
    file_name: FileName,
    /// Of the source and the other files.
    code_sha256: String,
    /// The function that the build was for, where that was clear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::store) function: Option<FunctionId>,
    created_at: Timestamp,
    /// When DynamoDB may delete it, in seconds since 1970.
    expires_at: i64,
}

impl TaskRecord {
    pub(in crate::store) fn new(
        owner: &Owner,
        build: &Build,
        function: Option<FunctionId>,
    ) -> Self {
        let key = keys::task(&build.id);
        Self {
            pk: key.pk,
            sk: key.sk,
            owner: owner.to_string(),
            id: build.id.clone(),
            app_name: build.app_name.clone(),
            file_name: build.file.name.clone(),
            code_sha256: build.file.sha256(),
            function,
            created_at: build.created_at,
            expires_at: expires_at(build.created_at, KEEP_DAYS),
        }
    }

    pub(in crate::store) fn read(item: Item) -> Result<Self, Error> {
        serde_dynamo::from_item(item).map_err(Error::internal)
    }

    /// The task, with the `function` that the build was for as it is now, if it is there.
    pub(in crate::store) fn with_function(self, function: Option<&FunctionRecord>) -> Task {
        let has_source = |function: &&FunctionRecord| function.source_sha256() == self.code_sha256;
        let (mut status, mut updated_at) = (TaskStatus::Done, self.created_at);
        if let Some(function) = function.filter(has_source) {
            status = match function.deployment_state() {
                DeploymentState::Deployed => TaskStatus::Done,
                DeploymentState::Pending => TaskStatus::Running,
                DeploymentState::Failed(reason) => TaskStatus::Failed(reason),
            };
            updated_at =
                function.deployment.last_deployed.max(Some(updated_at)).unwrap_or(updated_at);
        }
        let image = ImageRef {
            workspace: self.id.workspace().clone(),
            app_name: self.app_name,
            source: SourceDigest::of(&self.code_sha256),
        };
        let (id, file_name, created_at) = (self.id, self.file_name, self.created_at);
        Task { id, image, file_name, created_at, updated_at, status }
    }
}
