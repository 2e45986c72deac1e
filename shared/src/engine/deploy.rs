//! Deploying and removing the Lambda function of a function.

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

use super::package::{HANDLER, Package, package};
use super::{Engine, lambda_name};
use crate::aws::failure::failure;
use crate::domain::{Function, FunctionId, Layer, MAX_UNZIPPED_BYTES, Runtime};
use crate::error::Error;

/// The outcome of a deployment.
#[derive(Debug, PartialEq, Eq)]
pub enum Deployed {
    /// The function can be called, as this version.
    Version(String),
    /// The function can't be deployed as it is, now or later. The sentence tells its owner why.
    Refused(String),
}

/// The bytes of files from which a package is large.
const LARGE: u64 = 5_000_000;

/// Lambda's name for the version of a function that can be changed.
const LATEST: &str = "$LATEST";

type Sdk<E> = SdkError<E, HttpResponse>;

impl Engine {
    /// Deploys a function with the layer of its packages: creates or updates its Lambda function, and publishes a version of it.
    ///
    /// Only versions are called, so no caller meets new code with old settings, or the reverse. Each
    /// step reads the state first, so an interrupted deployment continues when it is repeated. A
    /// repeated deployment changes nothing, and gives the same version.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where Lambda is throttled or busy;
    /// [`Error::Internal`] where it refuses us, such as for a permission.
    pub async fn deploy(
        &self,
        function: &Function,
        layer: Option<&Layer>,
    ) -> Result<Deployed, Error> {
        match self.steps(function, layer).await {
            Ok(version) => Ok(Deployed::Version(version)),
            Err(DeployError::Refused(reason)) => Ok(Deployed::Refused(reason)),
            Err(DeployError::Failed(error)) => Err(error),
        }
    }

    async fn steps(
        &self,
        function: &Function,
        layer: Option<&Layer>,
    ) -> Result<String, DeployError> {
        // One at a time: each is held several times while it is sent.
        let is_large = function.files.summary().bytes > LARGE;
        let _turn = match is_large {
            true => Some(self.large_packages.acquire().await.map_err(Error::internal)?),
            false => None,
        };
        let Package { zip, unzipped_bytes } = package(function)?;
        let unzipped_bytes = unzipped_bytes + layer.map_or(0, |layer| layer.unzipped_bytes);
        if unzipped_bytes > MAX_UNZIPPED_BYTES {
            return Err(DeployError::Refused(format!(
                "the function could not be deployed: its code and packages have {unzipped_bytes} \
                 bytes unzipped, and may have {MAX_UNZIPPED_BYTES}"
            )));
        }
        let hash = STANDARD.encode(Sha256::digest(&zip));
        let zip = Blob::new(zip);
        let before = self.settled(&function.id).await?;
        // A new Lambda function has no concurrency reserved.
        let may_have_reserved = before.is_some();
        let mut there = match before {
            // Lambda could not create it. It can only be removed and created again.
            Some(there) if there.state() == Some(&State::Failed) => {
                self.remove(&function.id).await?;
                self.create(function, layer, zip.clone()).await?
            }
            Some(there) => there,
            None => self.create(function, layer, zip.clone()).await?,
        };
        // After a failed update Lambda may show the new state, so the update is repeated.
        if has_failed(&there) || there.code_sha256() != Some(&*hash) {
            self.update_code(&function.id, zip).await?;
            there = self.settled_existing(&function.id).await?;
        }
        if !self.is_configured(&there, function, layer) {
            self.update_configuration(function, layer).await?;
            there = self.settled_existing(&function.id).await?;
        }
        let is_as_requested =
            there.code_sha256() == Some(&*hash) && self.is_configured(&there, function, layer);
        if has_failed(&there) || !is_as_requested {
            let cause = "a Lambda function is not what it was told to become";
            return Err(DeployError::Failed(Error::Unavailable(cause.into())));
        }
        if self.concurrency.is_some() || may_have_reserved {
            self.reserve(&function.id).await?;
        }
        self.publish(&function.id, &hash).await
    }

    /// Removes the versions of a function except those to keep: the one that is called, and the one
    /// before it, whose number a caller may just have read.
    pub async fn remove_versions_but(&self, id: &FunctionId, keep: &[&str]) -> Result<(), Error> {
        let mut found = self
            .lambda
            .list_versions_by_function()
            .function_name(lambda_name(id))
            .into_paginator()
            .items()
            .send();
        while let Some(version) = found.next().await {
            let version = version.map_err(failure("Lambda ListVersionsByFunction"))?;
            let Some(version) = version.version().filter(|v| *v != LATEST && !keep.contains(v))
            else {
                continue;
            };
            let delete =
                self.lambda.delete_function().function_name(lambda_name(id)).qualifier(version);
            match delete.send().await {
                Ok(_) => {}
                Err(error) if is_not_found(&error) => {}
                Err(error) => return Err(failure("Lambda DeleteFunction, version")(error)),
            }
        }
        Ok(())
    }

    /// Removes the Lambda function of a function with all its versions, if it exists.
    pub async fn remove(&self, id: &FunctionId) -> Result<(), Error> {
        match self.lambda.delete_function().function_name(lambda_name(id)).send().await {
            Ok(_) => Ok(()),
            Err(error) if is_not_found(&error) => Ok(()),
            Err(error) => Err(failure("Lambda DeleteFunction")(error)),
        }
    }

    async fn create(
        &self,
        function: &Function,
        layer: Option<&Layer>,
        zip: Blob,
    ) -> Result<FunctionConfiguration, DeployError> {
        let created = self
            .lambda
            .create_function()
            .function_name(lambda_name(&function.id))
            .role(&*self.role)
            .runtime(runtime(function.settings.runtime))
            .architectures(Architecture::Arm64)
            .handler(HANDLER)
            .memory_size(function.settings.memory.mb().into())
            .timeout(lambda_timeout(function))
            .environment(environment(function))
            .set_layers(layer.map(|layer| vec![layer.arn.clone()]))
            .code(FunctionCode::builder().zip_file(zip).build())
            .send()
            .await;
        match created {
            Ok(_) => {}
            // Created by an earlier attempt whose answer was lost.
            Err(error) if error.code() == Some("ResourceConflictException") => {}
            Err(error) => return Err(deploy_error("Lambda CreateFunction", error)),
        }
        self.settled_existing(&function.id).await
    }

    async fn update_code(&self, id: &FunctionId, zip: Blob) -> Result<(), DeployError> {
        let update =
            self.lambda.update_function_code().function_name(lambda_name(id)).zip_file(zip);
        let sent = update.send().await;
        sent.map(drop).map_err(|error| deploy_error("Lambda UpdateFunctionCode", error))
    }

    async fn update_configuration(
        &self,
        function: &Function,
        layer: Option<&Layer>,
    ) -> Result<(), DeployError> {
        // An empty list takes layers away.
        let layers = layer.map(|layer| layer.arn.clone()).into_iter().collect();
        self.lambda
            .update_function_configuration()
            .function_name(lambda_name(&function.id))
            .role(&*self.role)
            .runtime(runtime(function.settings.runtime))
            .handler(HANDLER)
            .memory_size(function.settings.memory.mb().into())
            .timeout(lambda_timeout(function))
            .environment(environment(function))
            .set_layers(Some(layers))
            .send()
            .await
            .map(drop)
            .map_err(|error| deploy_error("Lambda UpdateFunctionConfiguration", error))
    }

    /// Reserves as much of the account's concurrency as the configuration allows a function. Without
    /// such a limit, nothing is reserved. Reserving is how AWS Lambda limits a function.
    async fn reserve(&self, id: &FunctionId) -> Result<(), DeployError> {
        let Some(most) = self.concurrency else {
            let delete = self.lambda.delete_function_concurrency().function_name(lambda_name(id));
            return match delete.send().await {
                Ok(_) => Ok(()),
                Err(error) => Err(deploy_error("Lambda DeleteFunctionConcurrency", error)),
            };
        };
        let most = i32::try_from(most).unwrap_or(i32::MAX);
        let reserve = self.lambda.put_function_concurrency().function_name(lambda_name(id));
        let sent = reserve.reserved_concurrent_executions(most).send().await;
        sent.map(drop).map_err(|error| deploy_error("Lambda PutFunctionConcurrency", error))
    }

    /// Publishes the latest state, if its code has this `hash`. If nothing has changed since, Lambda
    /// gives the current version.
    async fn publish(&self, id: &FunctionId, hash: &str) -> Result<String, DeployError> {
        let publish =
            self.lambda.publish_version().function_name(lambda_name(id)).code_sha256(hash);
        let published =
            publish.send().await.map_err(|error| deploy_error("Lambda PublishVersion", error))?;
        let version = published.version().unwrap_or_default().to_owned();
        let found = self.until_settled(id, Some(&version)).await?;
        found.map(|_| version).ok_or_else(vanished)
    }

    /// The latest state of a function, once Lambda has finished earlier changes; `None` if there is
    /// no such function.
    async fn settled(&self, id: &FunctionId) -> Result<Option<FunctionConfiguration>, DeployError> {
        self.until_settled(id, None).await
    }

    /// The same for a function that exists. An error means that it was removed meanwhile.
    async fn settled_existing(
        &self,
        id: &FunctionId,
    ) -> Result<FunctionConfiguration, DeployError> {
        self.settled(id).await?.ok_or_else(vanished)
    }

    /// Whether Lambda has the settings of the function.
    fn is_configured(
        &self,
        found: &FunctionConfiguration,
        function: &Function,
        layer: Option<&Layer>,
    ) -> bool {
        let layers = found.layers().iter().filter_map(|layer| layer.arn());
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
            && layers.eq(layer.map(|layer| layer.arn.as_str()))
            && found.runtime() == Some(&runtime(function.settings.runtime))
            && found.role() == Some(&*self.role)
            && found.handler() == Some(HANDLER)
            && found.memory_size() == Some(function.settings.memory.mb().into())
            && found.timeout() == Some(lambda_timeout(function))
    }

    async fn until_settled(
        &self,
        id: &FunctionId,
        version: Option<&str>,
    ) -> Result<Option<FunctionConfiguration>, DeployError> {
        // Lambda takes from tenths of a second to some seconds. It allows an account 100 calls of
        // GetFunction a second, and 15 of all others together, GetFunctionConfiguration included.
        let pauses = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(50))
            .with_max_delay(Duration::from_secs(1))
            .with_max_times(30)
            .with_jitter();
        let look = || async {
            let get = self.lambda.get_function().function_name(lambda_name(id));
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
            Err(Some(error)) => Err(DeployError::Failed(error)),
            Err(None) => {
                let cause = "a Lambda function did not settle in 30 s";
                Err(DeployError::Failed(Error::Unavailable(cause.into())))
            }
        }
    }
}

/// Why a deployment failed.
#[derive(Debug)]
enum DeployError {
    /// Repeating it does not help. The sentence tells the owner of the function why.
    Refused(String),
    /// Repeating it later may help.
    Failed(Error),
}

impl From<Error> for DeployError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// The meaning of Lambda's error in the call `what`.
fn deploy_error<E>(what: &'static str, error: Sdk<E>) -> DeployError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let says = |part: &str| error.message().is_some_and(|text| text.contains(part));
    let code = error.code();
    let reason = match code {
        // This comes first: Lambda quotes the variables, which may hold any text.
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
        // Temporary: the role or the layer is new, or another update came in between.
        Some("InvalidParameterValueException")
            if says("cannot be assumed by Lambda")
                || says("CodeSHA256")
                || says("Layer version") =>
        {
            let cause = format!("{what}: not yet, for the role, the layer or the code");
            return DeployError::Failed(Error::Unavailable(cause.into()));
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
            // The message is not logged: Lambda quotes the values of variables in it.
            tracing::warn!(what, code, "a function can't be deployed as it is");
            DeployError::Refused(format!("the function could not be deployed: {reason}"))
        }
        None => DeployError::Failed(failure(what)(error)),
    }
}

fn is_not_found<E: ProvideErrorMetadata>(error: &Sdk<E>) -> bool {
    error.code() == Some("ResourceNotFoundException")
}

/// The Lambda function was removed meanwhile, or isn't visible everywhere yet.
fn vanished() -> DeployError {
    DeployError::Failed(Error::Unavailable(
        "a Lambda function vanished while it was deployed".into(),
    ))
}

/// Lambda's timeout in seconds: one more than the function's, up to Lambda's maximum of 900. The
/// adapter ends an execution at the function's own, so that what it printed isn't lost.
fn lambda_timeout(function: &Function) -> i32 {
    (i32::from(function.settings.timeout.seconds()) + 1).min(900)
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
