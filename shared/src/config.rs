//! What the environment says, read once, at start.

use std::env::{self, VarError};
use std::fmt;
use std::ops::RangeInclusive;

use aws_credential_types::Credentials;

use crate::domain::Quotas;
use crate::time_budget::TimeBudget;

/// The settings of a Lambda.
#[derive(Clone, Debug)]
pub struct Config {
    /// The DynamoDB table (`TABLE_NAME`).
    pub table: String,
    /// The S3 bucket (`BUCKET_NAME`).
    pub bucket: String,
    /// The role of users' functions, which may do nothing (`ENGINE_ROLE`, an ARN).
    pub engine_role: String,
    /// The Lambda that has packages installed (`PACKAGES_FUNCTION`, a name or an ARN).
    pub packages_function: String,
    /// The Lambda that installs packages (`BUILDER_FUNCTION`, a name or an ARN).
    pub builder_function: String,
    /// The package index, maybe with credentials (`PACKAGE_INDEX`); `None` is PyPI.
    pub package_index: Option<IndexUrl>,
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
    /// The keys that Lambda gives a process for its whole life (`AWS_ACCESS_KEY_ID`,
    /// `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`).
    pub credentials: Credentials,
    /// Where services are that aren't AWS's own.
    pub endpoints: Endpoints,
    /// Whether services are trusted by other roots than Amazon's: those in the file that
    /// `SSL_CERT_FILE` names.
    pub has_own_roots: bool,
    /// Whether callers of the API are signed in (`JWT_ISSUER` is not empty), and
    /// whoever isn't must not get through.
    pub sign_in: bool,
    /// Origins that may read answers in a browser (`ALLOWED_ORIGINS`, separated by commas).
    pub allowed_origins: Vec<String>,
    /// The least severe lines that are logged (`LOG_LEVEL`: `error` to `trace`).
    pub log_level: tracing::Level,
    /// How long each part of a request may take. No variable: tests alone widen it.
    pub time_budget: TimeBudget,
}

/// The URLs of services that stand in for AWS's; `None` is AWS. `AWS_ENDPOINT_URL` is of all that
/// have none of their own.
#[derive(Clone, Debug, Default)]
pub struct Endpoints {
    /// DynamoDB's (`AWS_ENDPOINT_URL_DYNAMODB`).
    pub dynamodb: Option<String>,
    /// S3's (`AWS_ENDPOINT_URL_S3`).
    pub s3: Option<String>,
    /// Lambda's (`AWS_ENDPOINT_URL_LAMBDA`).
    pub lambda: Option<String>,
}

impl Config {
    /// Reads the environment; what it leaves out is as the contract says.
    ///
    /// # Errors
    /// A sentence, where a variable is not UTF-8 or says something impossible.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads them")]
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::read(&|name| env::var(name))
    }

    /// The same of other variables than the environment's.
    ///
    /// # Errors
    /// As [`Config::from_env`].
    pub fn read(variables: &Variables<'_>) -> Result<Self, ConfigError> {
        let text = |name, default| text(variables, name, default);
        let number = |name, default, allowed| number(variables, name, default, allowed);
        // 0 lifts it.
        let limit = |name| Ok(Some(number(name, 0, 0..=u32::MAX)?).filter(|limit| *limit > 0));
        let given = |name| Ok(Some(text(name, "")?).filter(|text| !text.is_empty()));
        let key = |name| {
            given(name)?.ok_or_else(|| ConfigError {
                variable: name,
                problem: "must be set: Lambda does that, and here eval \"$(cargo local env)\""
                    .into(),
            })
        };
        let all = given("AWS_ENDPOINT_URL")?;
        let endpoint = |name| Ok(given(name)?.or_else(|| all.clone()));
        let origins = text("ALLOWED_ORIGINS", "http://localhost:3000,http://localhost:5173")?;
        let level = text("LOG_LEVEL", "info")?;
        Ok(Self {
            table: text("TABLE_NAME", "sfbank-blue-FaaSData")?,
            bucket: text("BUCKET_NAME", "sfbank-blue-functions-code-bucket")?,
            // Only the reconciler needs one, and is given one.
            engine_role: text("ENGINE_ROLE", "")?,
            // Only those that invoke them need these, and are given them.
            packages_function: text("PACKAGES_FUNCTION", "")?,
            builder_function: text("BUILDER_FUNCTION", "")?,
            package_index: given("PACKAGE_INDEX")?.map(IndexUrl),
            execution_log_days: number("EXECUTION_LOG_DAYS", 30, 1..=3653)?,
            quotas: Quotas {
                workspaces: number("MAX_WORKSPACES_PER_OWNER", 1000, 1..=u32::MAX)?,
                functions: number("MAX_FUNCTIONS_PER_WORKSPACE", 1000, 1..=u32::MAX)?,
                requests_per_second: limit("MAX_REQUESTS_PER_SECOND")?,
            },
            concurrency: limit("MAX_CONCURRENT_EXECUTIONS")?,
            stack: text("STACK_NAME", "local")?,
            region: text("AWS_REGION", "ap-northeast-2")?,
            credentials: Credentials::new(
                key("AWS_ACCESS_KEY_ID")?,
                key("AWS_SECRET_ACCESS_KEY")?,
                given("AWS_SESSION_TOKEN")?,
                None,
                "environment",
            ),
            endpoints: Endpoints {
                dynamodb: endpoint("AWS_ENDPOINT_URL_DYNAMODB")?,
                s3: endpoint("AWS_ENDPOINT_URL_S3")?,
                lambda: endpoint("AWS_ENDPOINT_URL_LAMBDA")?,
            },
            has_own_roots: given("SSL_CERT_FILE")?.is_some(),
            sign_in: !text("JWT_ISSUER", "")?.is_empty(),
            allowed_origins: origins
                .split(',')
                .map(|origin| origin.trim().to_owned())
                .filter(|origin| !origin.is_empty())
                .collect(),
            log_level: level.parse().map_err(|_| ConfigError {
                variable: "LOG_LEVEL",
                problem: "must be error, warn, info, debug or trace".into(),
            })?,
            time_budget: TimeBudget::PRODUCT,
        })
    }
}

/// The URL of a package index, which may hold credentials.
#[derive(Clone)]
pub struct IndexUrl(pub String);

impl fmt::Debug for IndexUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IndexUrl")
    }
}

/// A setting that can't be used.
#[derive(Debug, thiserror::Error)]
#[error("the environment variable {variable} {problem}")]
pub struct ConfigError {
    variable: &'static str,
    problem: String,
}

/// Where variables are read from.
pub type Variables<'a> = dyn Fn(&str) -> Result<String, VarError> + 'a;

fn text(
    variables: &Variables<'_>,
    name: &'static str,
    default: &str,
) -> Result<String, ConfigError> {
    match variables(name) {
        Ok(value) if !value.is_empty() => Ok(value),
        Ok(_) | Err(VarError::NotPresent) => Ok(default.to_owned()),
        Err(VarError::NotUnicode(_)) => {
            Err(ConfigError { variable: name, problem: "is not UTF-8".into() })
        }
    }
}

fn number(
    variables: &Variables<'_>,
    name: &'static str,
    default: u32,
    allowed: RangeInclusive<u32>,
) -> Result<u32, ConfigError> {
    let text = text(variables, name, &default.to_string())?;
    let (least, most) = (allowed.start(), allowed.end());
    text.parse().ok().filter(|number| allowed.contains(number)).ok_or_else(|| ConfigError {
        variable: name,
        problem: format!("must be a whole number from {least} to {most}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(given: &[(&str, &str)]) -> Result<Config, String> {
        let keys = [("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "a secret")];
        let read = |name: &str| {
            let found = given.iter().chain(&keys).find(|(given, _)| *given == name);
            found.map(|(_, value)| (*value).to_owned()).ok_or(VarError::NotPresent)
        };
        Config::read(&read).map_err(|error| error.to_string())
    }

    #[test]
    fn people_are_signed_in_where_there_is_an_issuer() {
        assert!(!config(&[]).unwrap().sign_in);
        assert!(!config(&[("JWT_ISSUER", "")]).unwrap().sign_in, "as the template gives it");
        assert!(config(&[("JWT_ISSUER", "https://id.test")]).unwrap().sign_in);
    }

    #[test]
    fn limits_have_defaults_and_0_lifts_some() {
        let unsaid = config(&[]).unwrap();
        let Quotas { workspaces, functions, requests_per_second } = unsaid.quotas;
        assert_eq!((workspaces, functions, requests_per_second), (1000, 1000, None));
        assert_eq!((unsaid.concurrency, unsaid.execution_log_days), (None, 30));
        let said = config(&[
            ("MAX_WORKSPACES_PER_OWNER", "2"),
            ("MAX_FUNCTIONS_PER_WORKSPACE", "3"),
            ("MAX_REQUESTS_PER_SECOND", "4"),
            ("MAX_CONCURRENT_EXECUTIONS", "0"),
        ]);
        let said = said.unwrap();
        let Quotas { workspaces, functions, requests_per_second } = said.quotas;
        assert_eq!((workspaces, functions, requests_per_second), (2, 3, Some(4)));
        assert_eq!(said.concurrency, None);
    }

    #[test]
    fn what_is_impossible_is_told_with_what_is_allowed() {
        for (name, value, told) in [
            ("MAX_FUNCTIONS_PER_WORKSPACE", "0", "must be a whole number from 1 to 4294967295"),
            ("MAX_REQUESTS_PER_SECOND", "-1", "must be a whole number from 0 to 4294967295"),
            ("EXECUTION_LOG_DAYS", "4000", "must be a whole number from 1 to 3653"),
            ("LOG_LEVEL", "loud", "must be error, warn, info, debug or trace"),
        ] {
            let told = format!("the environment variable {name} {told}");
            assert_eq!(config(&[(name, value)]).unwrap_err(), told);
        }
    }

    #[test]
    fn keys_are_asked_for_and_not_shown() {
        let told = config(&[("AWS_ACCESS_KEY_ID", "")]).unwrap_err();
        assert!(
            told.starts_with("the environment variable AWS_ACCESS_KEY_ID must be set"),
            "{told}"
        );
        let read = config(&[("AWS_SESSION_TOKEN", "a token")]).unwrap();
        assert_eq!(read.credentials.session_token(), Some("a token"));
        assert!(!format!("{read:?}").contains("a secret"));
    }

    #[test]
    fn an_endpoint_of_all_services_is_of_those_without_their_own() {
        let read = config(&[("AWS_ENDPOINT_URL", "http://a"), ("AWS_ENDPOINT_URL_S3", "http://b")]);
        let Endpoints { dynamodb, s3, lambda } = read.unwrap().endpoints;
        let [a, b] = ["http://a", "http://b"].map(|url| Some(url.to_owned()));
        assert_eq!((dynamodb, s3, lambda), (a.clone(), b, a));
        let Endpoints { dynamodb, .. } = config(&[]).unwrap().endpoints;
        assert_eq!(dynamodb, None);
    }
}
