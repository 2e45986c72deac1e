//! Making, changing and removing a function's Lambda function.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_lambda::config::http::HttpResponse;
use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{
    Architecture, Environment, FunctionCode, FunctionConfiguration, LastUpdateStatus,
    Runtime as LambdaRuntime, State,
};
use backon::{ExponentialBuilder, Retryable};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::package::{HANDLER, package};
use super::{Engine, name};
use crate::aws::failure::failure;
use crate::domain::{Function, FunctionId, Runtime};
use crate::error::Error;

/// What came of deploying a function.
#[derive(Debug, PartialEq, Eq)]
pub enum Deployed {
    /// It can be called, as this version.
    Version(String),
    /// It can't be deployed as it is, now or later: why, as a sentence for its owner.
    Refused(String),
}

/// What Lambda calls the number that a function's latest, changeable state has.
const LATEST: &str = "$LATEST";

type Sdk<E> = SdkError<E, HttpResponse>;

impl Engine {
    /// Deploys a function: makes its Lambda function, or brings it to this
    /// state, and publishes it as a version.
    ///
    /// Only versions are ever called, so no caller meets new code with old
    /// settings, or the reverse. Each step asks what is there, so a deployment
    /// that was cut short is taken up by deploying again; deploying what is
    /// deployed changes nothing and gives the same version.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where Lambda is throttled or busy;
    /// [`Error::Internal`] where it refuses us, such as for a permission.
    pub async fn deploy(&self, function: &Function) -> Result<Deployed, Error> {
        match self.steps(function).await {
            Ok(version) => Ok(Deployed::Version(version)),
            Err(Stopped::Refused(reason)) => Ok(Deployed::Refused(reason)),
            Err(Stopped::Failed(error)) => Err(error),
        }
    }

    async fn steps(&self, function: &Function) -> Result<String, Stopped> {
        let zip = package(&function.code)?;
        let hash = STANDARD.encode(Sha256::digest(&zip));
        let zip = Blob::new(zip);
        let before = self.settled(&function.id).await?;
        // One that is made anew has nothing reserved.
        let may_have_reserved = before.is_some();
        let mut there = match before {
            // Lambda could not make it, and nothing but making it anew helps.
            Some(there) if there.state() == Some(&State::Failed) => {
                self.remove(&function.id).await?;
                self.create(function, zip.clone()).await?
            }
            Some(there) => there,
            None => self.create(function, zip.clone()).await?,
        };
        // One that failed is made again, though Lambda may show what it was to become.
        if has_failed(&there) || there.code_sha256() != Some(&*hash) {
            self.update_code(&function.id, zip).await?;
            there = self.settled_again(&function.id).await?;
        }
        if !self.is_configured(&there, function) {
            self.update_configuration(function).await?;
            there = self.settled_again(&function.id).await?;
        }
        let is_as_told =
            there.code_sha256() == Some(&*hash) && self.is_configured(&there, function);
        if has_failed(&there) || !is_as_told {
            let cause = "a Lambda function is not what it was told to become";
            return Err(Stopped::Failed(Error::Unavailable(cause.into())));
        }
        if self.concurrency.is_some() || may_have_reserved {
            self.reserve(&function.id).await?;
        }
        self.publish(&function.id, &hash).await
    }

    /// Removes the versions of a function but for those to keep: the one that
    /// is called, and the one before, for those who have just read its number.
    pub async fn remove_versions_but(&self, id: &FunctionId, keep: &[&str]) -> Result<(), Error> {
        let mut found = self
            .lambda
            .list_versions_by_function()
            .function_name(name(id))
            .into_paginator()
            .items()
            .send();
        while let Some(version) = found.next().await {
            let version = version.map_err(failure("Lambda ListVersionsByFunction"))?;
            let Some(version) = version.version().filter(|v| *v != LATEST && !keep.contains(v))
            else {
                continue;
            };
            let delete = self.lambda.delete_function().function_name(name(id)).qualifier(version);
            match delete.send().await {
                Ok(_) => {}
                Err(error) if is_not_found(&error) => {}
                Err(error) => return Err(failure("Lambda DeleteFunction, version")(error)),
            }
        }
        Ok(())
    }

    /// Removes a function's Lambda function with all its versions; none there is as good.
    pub async fn remove(&self, id: &FunctionId) -> Result<(), Error> {
        match self.lambda.delete_function().function_name(name(id)).send().await {
            Ok(_) => Ok(()),
            Err(error) if is_not_found(&error) => Ok(()),
            Err(error) => Err(failure("Lambda DeleteFunction")(error)),
        }
    }

    async fn create(
        &self,
        function: &Function,
        zip: Blob,
    ) -> Result<FunctionConfiguration, Stopped> {
        let made = self
            .lambda
            .create_function()
            .function_name(name(&function.id))
            .role(&*self.role)
            .runtime(runtime(function.settings.runtime))
            .architectures(Architecture::Arm64)
            .handler(HANDLER)
            .memory_size(function.settings.memory.mb().into())
            .timeout(function.settings.timeout.seconds().into())
            .environment(environment(function))
            .code(FunctionCode::builder().zip_file(zip).build())
            .send()
            .await;
        match made {
            Ok(_) => {}
            // Made by an attempt of ours whose answer was lost.
            Err(error) if error.code() == Some("ResourceConflictException") => {}
            Err(error) => return Err(stopped("Lambda CreateFunction", error)),
        }
        self.settled_again(&function.id).await
    }

    async fn update_code(&self, id: &FunctionId, zip: Blob) -> Result<(), Stopped> {
        let update = self.lambda.update_function_code().function_name(name(id)).zip_file(zip);
        let sent = update.send().await;
        sent.map(drop).map_err(|error| stopped("Lambda UpdateFunctionCode", error))
    }

    async fn update_configuration(&self, function: &Function) -> Result<(), Stopped> {
        self.lambda
            .update_function_configuration()
            .function_name(name(&function.id))
            .role(&*self.role)
            .runtime(runtime(function.settings.runtime))
            .handler(HANDLER)
            .memory_size(function.settings.memory.mb().into())
            .timeout(function.settings.timeout.seconds().into())
            .environment(environment(function))
            .send()
            .await
            .map(drop)
            .map_err(|error| stopped("Lambda UpdateFunctionConfiguration", error))
    }

    /// Lets a function run as often at once as a deployment allows: reserved of the account's
    /// concurrency, which is how AWS Lambda limits a function.
    async fn reserve(&self, id: &FunctionId) -> Result<(), Stopped> {
        let Some(most) = self.concurrency else {
            let freed = self.lambda.delete_function_concurrency().function_name(name(id));
            return match freed.send().await {
                Ok(_) => Ok(()),
                Err(error) => Err(stopped("Lambda DeleteFunctionConcurrency", error)),
            };
        };
        let most = i32::try_from(most).unwrap_or(i32::MAX);
        let reserve = self.lambda.put_function_concurrency().function_name(name(id));
        let sent = reserve.reserved_concurrent_executions(most).send().await;
        sent.map(drop).map_err(|error| stopped("Lambda PutFunctionConcurrency", error))
    }

    /// Publishes the latest state, if its code is the one of `hash`. Lambda
    /// gives the version that is there if nothing changed since.
    async fn publish(&self, id: &FunctionId, hash: &str) -> Result<String, Stopped> {
        let publish = self.lambda.publish_version().function_name(name(id)).code_sha256(hash);
        let published =
            publish.send().await.map_err(|error| stopped("Lambda PublishVersion", error))?;
        let version = published.version().unwrap_or_default().to_owned();
        let found = self.until_settled(id, Some(&version)).await?;
        found.map(|_| version).ok_or_else(vanished)
    }

    /// The latest state of a function, once Lambda is done with what it was told
    /// before; `None` if there is no such function.
    async fn settled(&self, id: &FunctionId) -> Result<Option<FunctionConfiguration>, Stopped> {
        self.until_settled(id, None).await
    }

    /// The same where there must be one: without it, somebody removed it meanwhile.
    async fn settled_again(&self, id: &FunctionId) -> Result<FunctionConfiguration, Stopped> {
        self.settled(id).await?.ok_or_else(vanished)
    }

    /// Whether the settings that Lambda has are the function's.
    fn is_configured(&self, found: &FunctionConfiguration, function: &Function) -> bool {
        let none = HashMap::new();
        let variables = found.environment().and_then(|e| e.variables()).unwrap_or(&none);
        let same_variables = variables.len()
            == function.settings.environment_variables.iter().count()
            && function
                .settings
                .environment_variables
                .iter()
                .all(|(name, value)| variables.get(name).is_some_and(|found| found == value));
        same_variables
            && found.runtime() == Some(&runtime(function.settings.runtime))
            && found.role() == Some(&*self.role)
            && found.handler() == Some(HANDLER)
            && found.memory_size() == Some(function.settings.memory.mb().into())
            && found.timeout() == Some(function.settings.timeout.seconds().into())
    }

    async fn until_settled(
        &self,
        id: &FunctionId,
        version: Option<&str>,
    ) -> Result<Option<FunctionConfiguration>, Stopped> {
        // Lambda takes from tenths of a second to some seconds. It allows 100 calls of GetFunction
        // a second an account, and 15 of all others together, GetFunctionConfiguration among them.
        let pauses = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(50))
            .with_max_delay(Duration::from_secs(1))
            .with_max_times(30)
            .with_jitter();
        let look = || async {
            let get = self.lambda.get_function().function_name(name(id));
            match get.qualifier(version.unwrap_or(LATEST)).send().await {
                Ok(found) => match found.configuration {
                    Some(found) if is_busy(&found) => Err(None),
                    Some(found) => Ok(Some(found)),
                    None => Err(Some(Error::internal("Lambda GetFunction told nothing"))),
                },
                Err(error) if is_not_found(&error) => Ok(None),
                Err(error) => Err(Some(failure("Lambda GetFunction")(error))),
            }
        };
        match look.retry(pauses).when(Option::is_none).await {
            Ok(found) => Ok(found),
            Err(Some(error)) => Err(Stopped::Failed(error)),
            Err(None) => {
                let cause = "a Lambda function did not settle in 30 s";
                Err(Stopped::Failed(Error::Unavailable(cause.into())))
            }
        }
    }
}

/// Why a deployment went no further.
#[derive(Debug)]
enum Stopped {
    /// It will never go further: why, for the function's owner.
    Refused(String),
    /// It may go further later.
    Failed(Error),
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// What Lambda's refusal of the call `what` means.
fn stopped<E>(what: &'static str, error: Sdk<E>) -> Stopped
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let says = |part: &str| error.message().is_some_and(|text| text.contains(part));
    let code = error.code();
    let reason = match code {
        // First of all, because Lambda quotes the variables, which may say anything.
        Some("InvalidParameterValueException") if says("environment variables") => Some(
            "its environment variables are too large: with quotes and commas, as JSON, they may \
             have 4 KB in all",
        ),
        Some("InvalidParameterValueException") if says("UnreservedConcurrentExecution") => Some(
            "the AWS account has no concurrency left to reserve for it; delete functions or ask \
             AWS for more, then change this one",
        ),
        Some("ValidationException") if says("environment") => Some(
            "AWS Lambda takes environment variables only whose names have two characters or more",
        ),
        // A role that was made a moment ago, and an update that was overtaken, pass.
        Some("InvalidParameterValueException")
            if says("cannot be assumed by Lambda") || says("CodeSHA256") =>
        {
            let cause = format!("{what}: not yet, for the role or the code");
            return Stopped::Failed(Error::Unavailable(cause.into()));
        }
        Some("InvalidParameterValueException" | "ValidationException") => {
            Some("AWS Lambda does not take its settings")
        }
        Some("CodeStorageExceededException") => {
            Some("AWS Lambda has no room for more code in this account")
        }
        Some("RequestTooLargeException" | "RequestEntityTooLargeException") => {
            Some("its code is larger than AWS Lambda takes")
        }
        _ => None,
    };
    match reason {
        Some(reason) => {
            // Not the message: Lambda quotes what it refuses, with variables' values.
            tracing::warn!(what, code, "a function can't be deployed as it is");
            Stopped::Refused(format!("the function could not be deployed: {reason}"))
        }
        None => Stopped::Failed(failure(what)(error)),
    }
}

fn is_not_found<E: ProvideErrorMetadata>(error: &Sdk<E>) -> bool {
    error.code() == Some("ResourceNotFoundException")
}

/// Somebody removed it meanwhile, or Lambda doesn't show it everywhere yet.
fn vanished() -> Stopped {
    Stopped::Failed(Error::Unavailable("a Lambda function vanished while it was deployed".into()))
}

fn has_failed(found: &FunctionConfiguration) -> bool {
    found.last_update_status() == Some(&LastUpdateStatus::Failed)
}

fn is_busy(found: &FunctionConfiguration) -> bool {
    found.state() == Some(&State::Pending)
        || found.last_update_status() == Some(&LastUpdateStatus::InProgress)
}

fn environment(function: &Function) -> Environment {
    let variables = function.settings.environment_variables.iter();
    let owned = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Environment::builder().set_variables(Some(owned)).build()
}

pub(super) fn runtime(runtime: Runtime) -> LambdaRuntime {
    match runtime {
        Runtime::Python311 => LambdaRuntime::Python311,
        Runtime::Python312 => LambdaRuntime::Python312,
        Runtime::Python313 => LambdaRuntime::Python313,
    }
}
