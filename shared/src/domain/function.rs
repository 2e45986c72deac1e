//! Functions.

mod schema;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use schema::SettingsInSchemas;

use super::{
    Auth, Code, CreationSeed, Dependencies, Description, EntryPoint, EnvironmentVariables, Fields,
    Form, FormSetting, FunctionId, Handler, HttpMethods, InvalidField, Memory, Name,
    RequiredPackages, RequirementsSetting, Runtime, Status, Timeout, Timestamp, Usage, WorkspaceId,
    sha256_of_parts, syntax,
};

/// The settings that a client gives to a function, and may change.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FunctionSettings {
    /// Its name.
    pub name: Name,
    /// What it does; may be empty.
    pub description: Description,
    /// The Python that runs it.
    pub runtime: Runtime,
    /// Its memory, in MB.
    pub memory: Memory,
    /// Its timeout, in seconds.
    pub timeout: Timeout,
    /// The methods that its URL answers.
    pub http_methods: HttpMethods,
    /// Who may call its URL.
    // Items that were written before there was this setting don't have it.
    #[serde(default)]
    #[schema(required = true)]
    pub auth: Auth,
    /// Its environment.
    pub environment_variables: EnvironmentVariables,
    /// What its handler was written for.
    #[serde(default)]
    #[schema(required = true)]
    pub form: FormSetting,
    /// The name of its handler; null where the source leaves no choice.
    #[serde(default)]
    #[schema(required = true)]
    pub entry_point: EntryPoint,
    /// The packages that it needs; null where its source tells them.
    #[serde(default)]
    #[schema(required = true)]
    pub requirements: RequirementsSetting,
}

/// What is found in a source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Detected {
    /// What is called.
    pub handler: Handler,
    /// What must be installed.
    pub packages: RequiredPackages,
}

impl FunctionSettings {
    /// The settings of a function of which only the name is given.
    fn named(name: Name) -> Self {
        Self {
            name,
            description: Description::default(),
            runtime: Runtime::default(),
            memory: Memory::default(),
            timeout: Timeout::default(),
            http_methods: HttpMethods::default(),
            auth: Auth::default(),
            environment_variables: EnvironmentVariables::default(),
            form: FormSetting::default(),
            entry_point: EntryPoint::default(),
            requirements: RequirementsSetting::default(),
        }
    }

    /// Takes the settings of a new function out of `fields`.
    ///
    /// # Errors
    /// [`InvalidField`] for the first field that is refused; the name is required.
    pub fn take(fields: &mut Fields) -> Result<Self, InvalidField> {
        let default = Self::named(fields.required("name")?);
        Ok(Self {
            name: default.name,
            description: fields.optional("description")?.unwrap_or(default.description),
            runtime: fields.optional("runtime")?.unwrap_or(default.runtime),
            memory: fields.optional("memory")?.unwrap_or(default.memory),
            timeout: fields.optional("timeout")?.unwrap_or(default.timeout),
            http_methods: fields.optional("httpMethods")?.unwrap_or(default.http_methods),
            auth: fields.optional("auth")?.unwrap_or(default.auth),
            environment_variables: fields
                .optional("environmentVariables")?
                .unwrap_or(default.environment_variables),
            form: fields.optional("form")?.unwrap_or(default.form),
            entry_point: fields.optional("entryPoint")?.unwrap_or(default.entry_point),
            requirements: fields.optional("requirements")?.unwrap_or(default.requirements),
        })
    }

    /// What is found in `code` under these settings.
    ///
    /// # Errors
    /// [`InvalidField`] where the code is not Python of the runtime, has several handlers, or has
    /// inline metadata that can't be used.
    pub fn detect(&self, code: &Code) -> Result<Detected, InvalidField> {
        let module = syntax::parse(code.as_str(), self.runtime)?;
        let handler = Handler::find(&module, self.form, &self.entry_point)?;
        let packages = RequiredPackages::of(&self.requirements, code.as_str(), self.runtime)?;
        Ok(Detected { handler, packages })
    }
}

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

impl FunctionSettings {
    /// Tells two deployments of a function apart: a digest of what its client decides of them. Its
    /// name, and who may call it, are not part of that.
    pub fn deployment_digest(&self, source_sha256: &str, detected: &Detected) -> String {
        let Detected { handler, packages } = detected;
        let (memory, timeout) = (self.memory.mb().to_string(), self.timeout.seconds().to_string());
        let required = packages.digest(self.runtime).to_string();
        let mut parts = vec![
            source_sha256,
            self.runtime.name(),
            &memory,
            &timeout,
            handler.form.name(),
            handler.entry_point.as_deref().unwrap_or_default(),
        ];
        parts.extend(self.environment_variables.iter().flat_map(|(name, value)| [name, value]));
        if !packages.is_empty() {
            // No variable has an empty name.
            parts.extend(["", &required]);
        }
        hex::encode(&sha256_of_parts(parts)[..16])
    }
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
        self.settings.deployment_digest(&self.code.sha256(), &self.detected())
    }

    /// A function as it is before its first deployment and its first execution.
    pub fn new(
        id: FunctionId,
        workspace_id: WorkspaceId,
        settings: FunctionSettings,
        code: Code,
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
    /// What is found in it.
    #[schema(ignore)]
    detected: Detected,
}

impl CreateFunction {
    /// The function to create in `workspace_id`.
    pub fn create(self, workspace_id: WorkspaceId, seed: &CreationSeed) -> Function {
        let id = FunctionId::of(seed.ulid);
        let Self { settings, code, detected } = self;
        Function::new(id, workspace_id, settings, code, detected, Status::Active, seed.at)
    }
}

impl TryFrom<Fields> for CreateFunction {
    type Error = InvalidField;

    /// The code is checked last, as Python of the runtime.
    fn try_from(mut fields: Fields) -> Result<Self, InvalidField> {
        let settings = FunctionSettings::take(&mut fields)?;
        let code: Code = fields.required("code")?;
        let detected = settings.detect(&code)?;
        Ok(Self { settings, code, detected })
    }
}

/// A change of a function: a field that is absent stays as it is.
#[derive(Debug, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PatchFunction {
    /// The new name.
    #[schema(nullable = false)]
    pub name: Option<Name>,
    /// The new description; `null` clears it.
    pub description: Option<Description>,
    /// The new runtime.
    #[schema(nullable = false)]
    pub runtime: Option<Runtime>,
    /// The new memory.
    #[schema(nullable = false)]
    pub memory: Option<Memory>,
    /// The new timeout.
    #[schema(nullable = false)]
    pub timeout: Option<Timeout>,
    /// The new methods, all of them.
    #[schema(nullable = false)]
    pub http_methods: Option<HttpMethods>,
    /// Who may call its URL from now on.
    #[schema(nullable = false)]
    pub auth: Option<Auth>,
    /// The new environment, all of it.
    #[schema(nullable = false)]
    pub environment_variables: Option<EnvironmentVariables>,
    /// The new form.
    #[schema(nullable = false)]
    pub form: Option<FormSetting>,
    /// The new name of the handler; `null` clears it.
    pub entry_point: Option<EntryPoint>,
    /// The new requirements; `null` clears them.
    pub requirements: Option<RequirementsSetting>,
    /// The new source.
    #[schema(nullable = false)]
    pub code: Option<Code>,
    /// The new status.
    #[schema(nullable = false)]
    pub status: Option<Status>,
}

impl TryFrom<Fields> for PatchFunction {
    type Error = InvalidField;

    /// The code is checked last, as Python of the runtime that is named beside it. Without one it is
    /// checked as the newest: the function's own runtime isn't known before the function is read.
    /// A runtime alone checks no code. An error that slips through shows when the function runs.
    fn try_from(mut fields: Fields) -> Result<Self, InvalidField> {
        let patch = Self {
            name: fields.optional("name")?,
            description: fields.optional("description")?,
            runtime: fields.optional("runtime")?,
            memory: fields.optional("memory")?,
            timeout: fields.optional("timeout")?,
            http_methods: fields.optional("httpMethods")?,
            auth: fields.optional("auth")?,
            environment_variables: fields.optional("environmentVariables")?,
            form: fields.optional("form")?,
            entry_point: fields.optional("entryPoint")?,
            requirements: fields.optional("requirements")?,
            code: fields.optional("code")?,
            status: fields.optional("status")?,
        };
        if let Some(code) = &patch.code {
            syntax::parse(code.as_str(), patch.runtime.unwrap_or(Runtime::NEWEST))?;
        }
        Ok(patch)
    }
}

/// A change of a function's source, or of the settings by which it is read.
#[derive(Debug)]
pub struct SourceChange {
    /// The new source.
    pub code: Option<Code>,
    runtime: Option<Runtime>,
    form: Option<FormSetting>,
    entry_point: Option<EntryPoint>,
    requirements: Option<RequirementsSetting>,
}

impl SourceChange {
    /// The part of `patch` that changes what is found in the source; `None` where nothing does. The
    /// new source is taken out of the patch.
    pub fn of(patch: &mut PatchFunction) -> Option<Self> {
        let code = patch.code.take();
        let PatchFunction { runtime, form, entry_point, requirements, .. } = patch;
        let changes =
            code.is_some() || form.is_some() || entry_point.is_some() || requirements.is_some();
        let (runtime, form) = (*runtime, *form);
        let (entry_point, requirements) = (entry_point.clone(), requirements.clone());
        changes.then_some(Self { code, runtime, form, entry_point, requirements })
    }

    /// What is found in `code` under the changed `settings`.
    ///
    /// # Errors
    /// As [`FunctionSettings::detect`].
    pub fn detect(
        &self,
        code: &Code,
        settings: &FunctionSettings,
    ) -> Result<Detected, InvalidField> {
        let mut settings = settings.clone();
        settings.runtime = self.runtime.unwrap_or(settings.runtime);
        settings.form = self.form.unwrap_or(settings.form);
        settings.entry_point = self.entry_point.clone().unwrap_or(settings.entry_point);
        settings.requirements = self.requirements.clone().unwrap_or(settings.requirements);
        settings.detect(code)
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
