//! Changes of a function.

use serde::Serialize;
use utoipa::ToSchema;

use super::{Detected, FunctionSettings};
use crate::domain::{
    Auth, Code, Description, EntryPoint, EnvironmentVariables, Fields, FormSetting, HttpMethods,
    InvalidField, MainFile, Memory, Name, NewFiles, Project, ProjectFiles, RequirementsSetting,
    Runtime, Status, Timeout, UploadId, ValidationError, syntax,
};

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
        if let Some(files) = &patch.files {
            files.check_size(patch.code.as_ref())?;
            if patch.requirements.is_none() {
                let listed = files.0.requirements().map_err(|e| e.of("files"))?;
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
            Some(files) => main_file.check_apart_from(files),
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
