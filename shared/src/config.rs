//! What the environment says, read once, at start.

use std::env;
use std::ops::RangeInclusive;

use crate::domain::Quotas;

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
    /// How much an owner may have (`MAX_WORKSPACES_PER_OWNER`, `MAX_FUNCTIONS_PER_WORKSPACE`) and
    /// ask for (`MAX_REQUESTS_PER_SECOND`, where 0 is no limit).
    pub quotas: Quotas,
    /// How often a function may run at once (`MAX_CONCURRENT_EXECUTIONS`); `None`, for 0, leaves
    /// that to the limits of the AWS account.
    pub concurrency: Option<u32>,
    /// What the metrics of this deployment are told apart by (`STACK_NAME`).
    pub stack: String,
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
        Ok(Self {
            table: variable("TABLE_NAME", "sfbank-blue-FaaSData")?,
            bucket: variable("BUCKET_NAME", "sfbank-blue-functions-code-bucket")?,
            // Only the reconciler needs one, and is given one.
            engine_role: variable("ENGINE_ROLE", "")?,
            execution_log_days: number("EXECUTION_LOG_DAYS", 30, 1..=3653)?,
            quotas: Quotas {
                workspaces: number("MAX_WORKSPACES_PER_OWNER", 1000, 1..=u32::MAX)?,
                functions: number("MAX_FUNCTIONS_PER_WORKSPACE", 1000, 1..=u32::MAX)?,
                requests_per_second: limit("MAX_REQUESTS_PER_SECOND")?,
            },
            concurrency: limit("MAX_CONCURRENT_EXECUTIONS")?,
            stack: variable("STACK_NAME", "local")?,
            region: variable("AWS_REGION", "ap-northeast-2")?,
            sign_in: !variable("JWT_ISSUER", "")?.is_empty(),
            allowed_origins: origins
                .split(',')
                .map(|origin| origin.trim().to_owned())
                .filter(|origin| !origin.is_empty())
                .collect(),
            log_level: level.parse().map_err(|_| ConfigError {
                variable: "LOG_LEVEL",
                problem: "must be error, warn, info, debug or trace".into(),
            })?,
        })
    }
}

/// A setting that can't be used.
#[derive(Debug, thiserror::Error)]
#[error("the environment variable {variable} {problem}")]
pub struct ConfigError {
    variable: &'static str,
    problem: String,
}

fn number(
    name: &'static str,
    default: u32,
    allowed: RangeInclusive<u32>,
) -> Result<u32, ConfigError> {
    let text = variable(name, &default.to_string())?;
    let (least, most) = (allowed.start(), allowed.end());
    text.parse().ok().filter(|number| allowed.contains(number)).ok_or_else(|| ConfigError {
        variable: name,
        problem: format!("must be a whole number from {least} to {most}"),
    })
}

/// A limit, which 0 lifts.
fn limit(name: &'static str) -> Result<Option<u32>, ConfigError> {
    Ok(Some(number(name, 0, 0..=u32::MAX)?).filter(|limit| *limit > 0))
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
fn variable(name: &'static str, default: &str) -> Result<String, ConfigError> {
    match env::var(name) {
        Ok(value) if !value.is_empty() => Ok(value),
        Ok(_) | Err(env::VarError::NotPresent) => Ok(default.to_owned()),
        Err(env::VarError::NotUnicode(_)) => {
            Err(ConfigError { variable: name, problem: "is not UTF-8".into() })
        }
    }
}
