//! What the environment says, read once, at start.

use std::env;

/// The settings of a Lambda.
#[derive(Clone, Debug)]
pub struct Config {
    /// The DynamoDB table (`TABLE_NAME`).
    pub table: String,
    /// The S3 bucket (`BUCKET_NAME`).
    pub bucket: String,
    /// The role of users' functions, which may do nothing (`ENGINE_ROLE`, an ARN).
    pub engine_role: String,
    /// For how many days an execution is kept (`EXECUTION_LOG_DAYS`).
    pub execution_log_days: u32,
    /// The AWS region (`AWS_REGION`).
    pub region: String,
    /// Whether callers of the API are signed in (`JWT_ISSUER` is not empty), and
    /// whoever isn't must not get through.
    pub sign_in: bool,
    /// Origins that may read answers in a browser (`ALLOWED_ORIGINS`, separated by commas).
    pub allowed_origins: Vec<String>,
    /// The least severe lines that are logged (`LOG_LEVEL`: `error` to `trace`).
    pub log_level: tracing::Level,
}

impl Config {
    /// Reads the environment; what it leaves out is as the contract says.
    ///
    /// # Errors
    /// A sentence, where a variable is not UTF-8 or says something impossible.
    pub fn from_env() -> Result<Self, ConfigError> {
        let origins = variable("ALLOWED_ORIGINS", "http://localhost:3000,http://localhost:5173")?;
        let level = variable("LOG_LEVEL", "info")?;
        let days = variable("EXECUTION_LOG_DAYS", "30")?;
        Ok(Self {
            table: variable("TABLE_NAME", "sfbank-blue-FaaSData")?,
            bucket: variable("BUCKET_NAME", "sfbank-blue-functions-code-bucket")?,
            // Only the reconciler needs one, and is given one.
            engine_role: variable("ENGINE_ROLE", "")?,
            execution_log_days: days.parse().ok().filter(|days| (1..=3653).contains(days)).ok_or(
                ConfigError {
                    variable: "EXECUTION_LOG_DAYS",
                    problem: "must be a whole number from 1 to 3653",
                },
            )?,
            region: variable("AWS_REGION", "ap-northeast-2")?,
            sign_in: !variable("JWT_ISSUER", "")?.is_empty(),
            allowed_origins: origins
                .split(',')
                .map(|origin| origin.trim().to_owned())
                .filter(|origin| !origin.is_empty())
                .collect(),
            log_level: level.parse().map_err(|_| ConfigError {
                variable: "LOG_LEVEL",
                problem: "must be error, warn, info, debug or trace",
            })?,
        })
    }
}

/// A setting that can't be used.
#[derive(Debug, thiserror::Error)]
#[error("the environment variable {variable} {problem}")]
pub struct ConfigError {
    variable: &'static str,
    problem: &'static str,
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
fn variable(name: &'static str, default: &str) -> Result<String, ConfigError> {
    match env::var(name) {
        Ok(value) if !value.is_empty() => Ok(value),
        Ok(_) | Err(env::VarError::NotPresent) => Ok(default.to_owned()),
        Err(env::VarError::NotUnicode(_)) => {
            Err(ConfigError { variable: name, problem: "is not UTF-8" })
        }
    }
}
