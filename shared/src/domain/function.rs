//! Functions.

mod change;
mod schema;
mod settings;

use serde::Serialize;
use utoipa::ToSchema;

pub use change::{PatchFunction, SourceChange};
pub use schema::SettingsInSchemas;
pub use settings::{Detected, FunctionSettings};

use super::{
    Code, CreationSeed, Dependencies, Fields, Form, FunctionFiles, FunctionId, Handler,
    InvalidField, NewFiles, RequiredPackages, Status, Timestamp, Usage, WorkspaceId,
};

/// A function.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Function {
    /// Its identifier.
    pub id: FunctionId,
    /// The workspace that it belongs to.
    pub workspace_id: WorkspaceId,
    /// What its client set.
    #[serde(flatten)]
    #[schema(ignore)]
    pub settings: FunctionSettings,
    /// Its source.
    pub code: Code,
    /// Its other files.
    pub files: FunctionFiles,
    /// How many other files it has.
    #[schema(minimum = 0)]
    pub file_count: usize,
    /// The form of its handler.
    pub detected_form: Form,
    /// The name of its handler, where the form leaves a choice.
    #[serde(skip)]
    pub detected_entry_point: Option<String>,
    /// What must be installed for it.
    #[serde(skip)]
    pub required_packages: RequiredPackages,
    /// Its packages.
    pub dependencies: Dependencies,
    /// Whether it may be called.
    pub status: Status,
    /// Its public URL; null until it is deployed.
    #[schema(required)]
    pub invocation_url: Option<String>,
    /// Why its latest change could not be deployed, if it couldn't.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub deployment_error: Option<String>,
    /// When it was made, or last changed.
    pub last_modified: Timestamp,
    /// When it was last deployed; null until then.
    #[schema(required)]
    pub last_deployed: Option<Timestamp>,
    /// Executions over the last 24 hours.
    #[serde(rename = "invocations24h")]
    pub invocations_24h: u64,
    /// Executions over the last 24 hours that failed.
    #[serde(rename = "errors24h")]
    pub errors_24h: u64,
    /// Mean duration of those executions in milliseconds, to 2 decimals; 0 when there were none.
    #[schema(minimum = 0)]
    pub avg_duration: f64,
}

impl Function {
    /// The handler of its source.
    pub fn handler(&self) -> Handler {
        Handler { form: self.detected_form, entry_point: self.detected_entry_point.clone() }
    }

    /// What is found in its source.
    pub fn detected(&self) -> Detected {
        Detected { handler: self.handler(), packages: self.required_packages.clone() }
    }

    /// [`FunctionSettings::deployment_digest`] of this function.
    pub fn deployment_digest(&self) -> String {
        let files = self.files.summary();
        self.settings.deployment_digest(&self.code.sha256(), files, &self.detected())
    }

    /// A function as it is before its first deployment and its first execution.
    #[expect(clippy::too_many_arguments, reason = "the parts of a function")]
    pub fn new(
        id: FunctionId,
        workspace_id: WorkspaceId,
        settings: FunctionSettings,
        code: Code,
        files: FunctionFiles,
        detected: Detected,
        status: Status,
        last_modified: Timestamp,
    ) -> Self {
        let Detected { handler, packages } = detected;
        let dependencies = match packages.is_empty() {
            true => Dependencies::default(),
            false => Dependencies::resolving(),
        };
        Self {
            id,
            workspace_id,
            settings,
            code,
            file_count: files.summary().count,
            files,
            detected_form: handler.form,
            detected_entry_point: handler.entry_point,
            required_packages: packages,
            dependencies,
            status,
            invocation_url: None,
            deployment_error: None,
            last_modified,
            last_deployed: None,
            invocations_24h: 0,
            errors_24h: 0,
            avg_duration: 0.0,
        }
    }

    /// The same function with its usage.
    #[must_use]
    pub fn with_usage(mut self, usage: Usage) -> Self {
        self.invocations_24h = usage.invocations;
        self.errors_24h = usage.errors;
        self.avg_duration = usage.average_duration;
        self
    }
}

/// A new function. It starts active.
#[derive(Debug, ToSchema)]
pub struct CreateFunction {
    /// What it is to be.
    #[schema(ignore)]
    settings: FunctionSettings,
    /// Its source. A handler of another platform runs as it is.
    code: Code,
    /// Its other files.
    #[schema(required = false)]
    files: NewFiles,
    /// What is found in it.
    #[schema(ignore)]
    detected: Detected,
}

impl CreateFunction {
    /// The function to create in `workspace_id`.
    pub fn create(self, workspace_id: WorkspaceId, seed: &CreationSeed) -> Function {
        let id = FunctionId::of(seed.ulid);
        let Self { settings, code, files: NewFiles(files), detected } = self;
        let (files, status) = (files.into(), Status::Active);
        Function::new(id, workspace_id, settings, code, files, detected, status, seed.at)
    }
}

impl TryFrom<Fields> for CreateFunction {
    type Error = InvalidField;

    /// The code is checked last, as Python of the runtime.
    fn try_from(mut fields: Fields) -> Result<Self, InvalidField> {
        let mut settings = FunctionSettings::take(&mut fields)?;
        let code: Code = fields.required("code")?;
        let files: NewFiles = fields.optional("files")?.unwrap_or_default();
        if settings.requirements.given().is_none() {
            let listed = files.0.requirements().map_err(|e| e.of("files"))?;
            settings.requirements = listed.map(Into::into).unwrap_or_default();
        }
        settings.main_file.check_apart_from(&files.0)?;
        files.check_size(Some(&code))?;
        let detected = settings.detect(&code)?;
        Ok(Self { settings, code, files, detected })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn created(body: &Value) -> Result<Function, String> {
        let fields = Fields::parse(body.to_string().as_bytes()).unwrap();
        CreateFunction::try_from(fields)
            .map(|create| {
                create.create(WorkspaceId::generate(), &CreationSeed::new(Timestamp::now()))
            })
            .map_err(|e| e.to_string())
    }

    #[test]
    fn defaults_are_the_contracts_and_what_is_ours_is_ignored() {
        let function = created(&json!({
            "name": "hello", "code": "cHJpbnQoMSk=",
            "id": "fn-mine", "status": "disabled", "invocationUrl": "http://evil.example",
            "lastDeployed": "2020-01-01T00:00:00.000Z", "invocations24h": 9
        }))
        .unwrap();
        let mut read = serde_json::to_value(function).unwrap();
        for ours in ["id", "workspaceId", "lastModified"] {
            assert!(read[ours].take().is_string(), "{ours}");
        }
        assert_eq!(
            read,
            json!({
                "id": null, "workspaceId": null, "lastModified": null,
                "name": "hello", "description": "", "code": "cHJpbnQoMSk=",
                "runtime": "Python 3.12", "memory": 256, "timeout": 30,
                "httpMethods": ["GET"], "auth": "none", "environmentVariables": {},
                "form": "auto", "entryPoint": null, "requirements": null,
                "mainFile": "function.py", "files": {}, "fileCount": 0,
                "detectedForm": "native",
                "dependencies": {
                    "status": "none", "packages": [], "unzippedBytes": 0, "limitBytes": 262144000,
                    "lockHash": null, "message": null
                },
                "status": "active", "invocationUrl": null, "lastDeployed": null,
                "invocations24h": 0, "errors24h": 0, "avgDuration": 0.0
            })
        );
    }

    #[test]
    fn a_refusal_names_the_field() {
        let code = "cHJpbnQoMSk=";
        for (body, message) in [
            (json!({"code": code}), "name is required"),
            (json!({"name": "a"}), "code is required"),
            (json!({"name": "a", "code": code, "memory": null}), "memory must be a whole number"),
            (
                json!({"name": "a", "code": code, "httpMethods": []}),
                "httpMethods must hold at least one method",
            ),
        ] {
            assert_eq!(created(&body).unwrap_err(), message);
        }
    }
}
