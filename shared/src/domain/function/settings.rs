//! The settings of a function, and what is found in its source under them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::form::platform_packages;
use crate::domain::{
    Auth, Code, Description, EntryPoint, EnvironmentVariables, Fields, FilesSummary, FormSetting,
    Handler, HttpMethods, InvalidField, MainFile, Memory, Name, RequiredPackages,
    RequirementsSetting, Runtime, Timeout, sha256_of_parts, syntax,
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
    pub(super) fn named(name: Name) -> Self {
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
