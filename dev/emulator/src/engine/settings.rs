//! A function's configuration.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::ApiError;

/// The limit of a function's variables as JSON, in bytes, as on AWS.
const LARGEST_ENVIRONMENT: usize = 4096;

/// Variables that only Lambda sets.
const RESERVED: [&str; 18] = [
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
];

/// Settings that exist on AWS only, and that a function would miss.
const UNSUPPORTED: [&str; 4] =
    ["VpcConfig", "FileSystemConfigs", "ImageConfig", "CapacityProviderConfig"];

/// The configuration of a function or version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Settings {
    pub(super) runtime: String,
    pub(super) handler: String,
    pub(super) role: String,
    pub(super) description: String,
    /// Seconds.
    pub(super) timeout: u64,
    /// MB.
    pub(super) memory_size: u64,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) architectures: Vec<String>,
    /// The ARNs of its layers' versions.
    #[serde(default)]
    pub(super) layers: Vec<String>,
    /// Settings that are returned and have no effect here.
    pub(super) other: BTreeMap<String, Value>,
}

/// The settings in a request: of a new function, or of a change.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SettingsChange {
    runtime: Option<String>,
    handler: Option<String>,
    role: Option<String>,
    description: Option<String>,
    timeout: Option<u64>,
    memory_size: Option<u64>,
    environment: Option<Environment>,
    architectures: Option<Vec<String>>,
    layers: Option<Vec<String>>,
    package_type: Option<String>,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Environment {
    #[serde(default)]
    variables: BTreeMap<String, String>,
}

impl Settings {
    /// The settings of a new function.
    ///
    /// # Errors
    /// Where one is missing or can't be used.
    pub(super) fn new(change: SettingsChange) -> Result<Self, ApiError> {
        let missing = |name: &str| {
            ApiError::validation(format!(
                "1 validation error detected: Value null at '{name}' failed to satisfy \
                 constraint: Member must not be null"
            ))
        };
        let settings = Self {
            runtime: change.runtime.clone().ok_or_else(|| missing("runtime"))?,
            handler: change.handler.clone().ok_or_else(|| missing("handler"))?,
            role: change.role.clone().ok_or_else(|| missing("role"))?,
            description: String::new(),
            timeout: 3,
            memory_size: 128,
            environment: BTreeMap::new(),
            architectures: vec!["x86_64".to_owned()],
            layers: Vec::new(),
            other: BTreeMap::new(),
        };
        settings.with(change)
    }

    /// These settings with a change.
    ///
    /// # Errors
    /// Where the result can't be used.
    pub(super) fn with(&self, change: SettingsChange) -> Result<Self, ApiError> {
        for name in UNSUPPORTED {
            if change.rest.get(name).is_some_and(has_value) {
                return Err(ApiError::invalid(format!("The local engine has no {name}")));
            }
        }
        if change.package_type.as_deref().is_some_and(|kind| kind != "Zip") {
            return Err(ApiError::invalid("The local engine takes code as a zip only"));
        }
        let mut new = self.clone();
        new.runtime = change.runtime.unwrap_or(new.runtime);
        new.handler = change.handler.unwrap_or(new.handler);
        new.role = change.role.unwrap_or(new.role);
        new.description = change.description.unwrap_or(new.description);
        new.timeout = change.timeout.unwrap_or(new.timeout);
        new.memory_size = change.memory_size.unwrap_or(new.memory_size);
        new.environment = change.environment.map_or(new.environment, |e| e.variables);
        new.architectures = change.architectures.unwrap_or(new.architectures);
        new.layers = change.layers.unwrap_or(new.layers);
        let echoed = ["LoggingConfig", "TracingConfig", "EphemeralStorage", "DeadLetterConfig"];
        let rest = change.rest.into_iter();
        new.other.extend(rest.filter(|(name, _)| echoed.contains(&name.as_str())));
        new.check()?;
        Ok(new)
    }

    fn check(&self) -> Result<(), ApiError> {
        let outside = |name: &str, value: u64, constraint: &str| {
            Err(ApiError::validation(format!(
                "1 validation error detected: Value '{value}' at '{name}' failed to satisfy \
                 constraint: Member must have value {constraint}"
            )))
        };
        match (self.timeout, self.memory_size) {
            (0, _) => return outside("timeout", 0, "greater than or equal to 1"),
            (901.., _) => return outside("timeout", self.timeout, "less than or equal to 900"),
            (_, 0..128) => {
                return outside("memorySize", self.memory_size, "greater than or equal to 128");
            }
            (_, 10_241..) => {
                return outside("memorySize", self.memory_size, "less than or equal to 10240");
            }
            _ => {}
        }
        if !self.runtime.starts_with("python3.") {
            return Err(ApiError::invalid(format!(
                "The local engine runs Python, not {}: give a runtime such as python3.13",
                self.runtime
            )));
        }
        if self.handler.is_empty() || self.handler.contains(char::is_whitespace) {
            return Err(ApiError::validation(
                "1 validation error detected: Value at 'handler' failed to satisfy constraint: \
                 Member must satisfy regular expression pattern: [^\\s]+",
            ));
        }
        self.check_environment()
    }

    fn check_environment(&self) -> Result<(), ApiError> {
        const UNABLE: &str = "Lambda was unable to configure your environment variables because \
                              the environment variables you have provided";
        let names = || self.environment.keys().map(String::as_str);
        let reserved: Vec<&str> = names().filter(|name| RESERVED.contains(name)).collect();
        if !reserved.is_empty() {
            return Err(ApiError::invalid(format!(
                "{UNABLE} contains reserved keys that are currently not supported for \
                 modification. Reserved keys used in this request: {}",
                reserved.join(", ")
            )));
        }
        let is_name = |name: &str| {
            let word = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            name.len() > 1 && word && name.starts_with(|c: char| c.is_ascii_alphabetic())
        };
        if let Some(name) = names().find(|name| !is_name(name)) {
            return Err(ApiError::validation(format!(
                "1 validation error detected: Value '{name}' at 'environment.variables' failed to \
                 satisfy constraint: Map keys must satisfy constraint: [Member must satisfy \
                 regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+]"
            )));
        }
        let measured = serde_json::to_string(&self.environment).unwrap_or_default();
        if measured.len() > LARGEST_ENVIRONMENT {
            // With all values, as AWS does: a caller that logs this has logged them.
            return Err(ApiError::invalid(format!(
                "{UNABLE} exceeded the 4KB limit. String measured: {measured}"
            )));
        }
        Ok(())
    }
}

fn has_value(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(items) => items.iter().any(has_value),
        Value::Object(fields) => fields.values().any(has_value),
        _ => true,
    }
}
