//! Functions.

mod schema;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use schema::SettingsInSchemas;

use super::form::platform_packages;
use super::{
    Auth, Code, CreationSeed, Dependencies, Description, EntryPoint, EnvironmentVariables, Fields,
    FilePath, FilesSummary, Form, FormSetting, FunctionFiles, FunctionId, Handler, HttpMethods,
    InvalidField, MainFile, Memory, Name, NewFiles, Project, ProjectFiles, RequiredPackages,
    RequirementsSetting, Runtime, Status, Timeout, Timestamp, UploadId, Usage, ValidationError,
    WorkspaceId, sha256_of_parts, syntax,
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
    /// The path of its source among its files.
    #[serde(default)]
    #[schema(required = true)]
    pub main_file: MainFile,
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
            main_file: MainFile::default(),
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
            main_file: fields.optional("mainFile")?.unwrap_or(default.main_file),
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
        let packages = match packages {
            // Empty requirements say that there are none.
            Some(none) if none.is_empty() => none,
            packages => {
                let platform = platform_packages(handler.form, &module);
                packages.unwrap_or_default().with_platform(&platform)
            }
        };
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

impl FunctionSettings {
    /// Tells two deployments of a function apart: a digest of what its client decides of them. Its
    /// name, and who may call it, are not part of that.
    pub fn deployment_digest(
        &self,
        source_sha256: &str,
        files: &FilesSummary,
        detected: &Detected,
    ) -> String {
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
        if files.count > 0 {
            parts.extend(["", "", &files.sha256]);
        }
        if !self.main_file.is_default() {
            parts.extend(["", "", "", self.main_file.path().as_str()]);
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
        check_project(&settings.main_file, &files.0, Some(&code))?;
        let detected = settings.detect(&code)?;
        Ok(Self { settings, code, files, detected })
    }
}

/// A change of a function: a field that is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
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
    /// The new path of the source.
    #[schema(nullable = false)]
    pub main_file: Option<MainFile>,
    /// The new other files, all of them.
    #[serde(skip)]
    pub files: Option<NewFiles>,
    /// The upload of a project, which has the new source and the new other files. Its main file is
    /// `mainFile`, or the file that looks like it; a `requirements.txt` in it counts as
    /// `requirements`.
    #[serde(skip)]
    #[schema(nullable = false)]
    pub upload: Option<UploadId>,
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
    /// checked as the newest here, because the function's own runtime isn't known before the function
    /// is read; then [`SourceChange::detect`] checks it as that.
    fn try_from(mut fields: Fields) -> Result<Self, InvalidField> {
        let mut patch = Self {
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
            main_file: fields.optional("mainFile")?,
            files: fields.optional("files")?,
            upload: fields.optional("upload")?,
            code: fields.optional("code")?,
            status: fields.optional("status")?,
        };
        if patch.upload.is_some() && (patch.code.is_some() || patch.files.is_some()) {
            return Err(InvalidField::new("upload", "can't be given together with code or files"));
        }
        if let Some(NewFiles(files)) = &patch.files {
            check_size(files, patch.code.as_ref())?;
            if patch.requirements.is_none() {
                let listed = files.requirements().map_err(|e| e.of("files"))?;
                patch.requirements = listed.map(Into::into);
            }
        }
        if let Some(code) = &patch.code {
            syntax::parse(code.as_str(), patch.runtime.unwrap_or(Runtime::NEWEST))?;
        }
        Ok(patch)
    }
}

impl PatchFunction {
    /// Makes a project the new source with its other files.
    ///
    /// # Errors
    /// [`ValidationError`] where its source is refused.
    pub fn take_project(&mut self, project: Project) -> Result<(), ValidationError> {
        self.code = Some(Code::try_from(project.code)?);
        self.main_file = Some(project.main.into());
        self.files = Some(NewFiles(project.files));
        if self.requirements.is_none() {
            self.requirements = project.requirements.map(Into::into);
        }
        Ok(())
    }
}

/// Checks that the source is no other file too, and that both fit into one request.
fn check_project(
    main_file: &MainFile,
    files: &ProjectFiles,
    code: Option<&Code>,
) -> Result<(), InvalidField> {
    check_main_file(main_file, files)?;
    check_size(files, code)
}

fn check_main_file(main_file: &MainFile, files: &ProjectFiles) -> Result<(), InvalidField> {
    let path = main_file.path();
    let clashes = |other: &FilePath| {
        let (path, other) = (path.as_str(), other.as_str());
        let is_folder_of = |folder: &str, path: &str| {
            path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
        };
        path == other || is_folder_of(path, other) || is_folder_of(other, path)
    };
    if files.names().iter().any(clashes) {
        return Err(InvalidField::new(
            "files",
            format!("must not hold {path}, which is the path of the source: see mainFile"),
        ));
    }
    Ok(())
}

fn check_size(files: &ProjectFiles, code: Option<&Code>) -> Result<(), InvalidField> {
    let code = code.map_or(0, |code| code.as_bytes().len() as u64);
    let (bytes, most) = (files.unzipped_bytes() + code, ProjectFiles::MAX_JSON_BYTES);
    if bytes > most {
        return Err(InvalidField::new(
            "files",
            format!(
                "must have at most {most} bytes with the source, and have {bytes}: upload a zip"
            ),
        ));
    }
    Ok(())
}

/// A change of a function's source, or of the settings by which it is read.
#[derive(Debug)]
pub struct SourceChange {
    /// The new source.
    pub code: Option<Code>,
    /// The new other files.
    pub files: Option<ProjectFiles>,
    runtime: Option<Runtime>,
    form: Option<FormSetting>,
    entry_point: Option<EntryPoint>,
    requirements: Option<RequirementsSetting>,
    main_file: Option<MainFile>,
}

impl SourceChange {
    /// The part of `patch` that changes the source, the other files, or what is found in them;
    /// `None` where nothing does. New source and files are taken out of the patch.
    pub fn of(patch: &mut PatchFunction) -> Option<Self> {
        let (code, files) = (patch.code.take(), patch.files.take().map(|NewFiles(files)| files));
        let PatchFunction { runtime, form, entry_point, requirements, main_file, .. } =
            patch.clone();
        let changes = code.is_some()
            || files.is_some()
            || runtime.is_some()
            || form.is_some()
            || entry_point.is_some()
            || requirements.is_some()
            || main_file.is_some();
        changes.then_some(Self { code, files, runtime, form, entry_point, requirements, main_file })
    }

    /// Checks the other files against the main file.
    ///
    /// # Errors
    /// [`InvalidField`] where one of `files`, which the function has, or of the new ones is the main
    /// file.
    pub fn check_files(
        &self,
        settings: &FunctionSettings,
        files: Option<&ProjectFiles>,
    ) -> Result<(), InvalidField> {
        let main_file = self.main_file.as_ref().unwrap_or(&settings.main_file);
        match self.files.as_ref().or(files) {
            Some(files) => check_main_file(main_file, files),
            None => Ok(()),
        }
    }

    /// Whether the files that the function has must be known.
    pub fn needs_files(&self) -> bool {
        self.main_file.is_some() && self.files.is_none()
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
