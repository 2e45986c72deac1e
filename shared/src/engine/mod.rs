//! The engine: AWS Lambda, with one Lambda function for each user's function.
//!
//! The local stack sets `AWS_ENDPOINT_URL_LAMBDA`, and gets the same calls. There is no second code
//! path.

mod adapter_response;
mod build;
mod deploy;
mod invoke;
mod layer;
mod package;

use std::sync::Arc;

use aws_types::SdkConfig;
use tokio::sync::Semaphore;

pub use build::{Built, Installed, LONGEST_BUILD, PackagesWanted, Resolved};
pub use deploy::Deployed;
pub use invoke::{Invoked, MAX_EVENT_BYTES};
pub use layer::Published;
pub use package::PROTOCOL;

use crate::aws::failure::failure;
use crate::config::{Config, IndexUrl};
use crate::domain::{Function, FunctionId, sha256_of_parts};
use crate::error::Error;

/// AWS Lambda with the users' functions. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Engine {
    lambda: aws_sdk_lambda::Client,
    role: Arc<str>,
    concurrency: Option<u32>,
    packages_function: Arc<str>,
    builder_function: Arc<str>,
    package_index: Option<IndexUrl>,
    large_packages: Arc<Semaphore>,
}

impl Engine {
    /// The engine with a client of the settings `aws`.
    pub fn new(aws: &SdkConfig, config: &Config) -> Self {
        Self::with_client(aws_sdk_lambda::Client::new(aws), config)
    }

    /// The engine with this client.
    pub fn with_client(lambda: aws_sdk_lambda::Client, config: &Config) -> Self {
        let role = config.engine_role.as_str().into();
        Self {
            lambda,
            role,
            concurrency: config.concurrency,
            packages_function: config.packages_function.as_str().into(),
            builder_function: config.builder_function.as_str().into(),
            package_index: config.package_index.clone(),
            large_packages: Arc::new(Semaphore::new(1)),
        }
    }

    /// Checks that Lambda answers, by asking for a Lambda function that can't exist: none of a user
    /// has its name.
    ///
    /// AWS allows 100 calls of GetFunction a second. Most other calls, on which deployments depend,
    /// share 15 a second.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and [`Error::Internal`], as for every other call.
    pub async fn answers(&self) -> Result<(), Error> {
        let get = self.lambda.get_function();
        match get.function_name("faas-health").send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|e| e.is_resource_not_found_exception()) =>
            {
                Ok(())
            }
            Err(error) => Err(failure("Lambda GetFunction, health")(error)),
        }
    }

    /// Tells two deployments apart: a digest of everything that the Lambda function of a function
    /// is made of.
    pub fn revision(&self, function: &Function) -> String {
        let concurrency = self.concurrency.unwrap_or_default().to_string();
        let digest = function.deployment_digest();
        let adapter = package::adapter(function.detected_form);
        let adapter = adapter.flat_map(|(name, content)| [*name, *content]);
        let parts = [&*self.role, &concurrency, &digest].into_iter().chain(adapter);
        hex::encode(&sha256_of_parts(parts)[..16])
    }
}

/// The name of the Lambda function of a function.
fn lambda_name(id: &FunctionId) -> String {
    format!("faas-{id}")
}
