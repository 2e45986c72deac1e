//! Running users' functions: on AWS Lambda, one Lambda function each.
//!
//! The same calls go to AWS and, by `AWS_ENDPOINT_URL_LAMBDA`, to the local
//! stack's engine; there is no second code path.

mod adapter_response;
mod deploy;
mod invoke;
mod package;

use std::sync::Arc;

use aws_types::SdkConfig;
use sha2::{Digest, Sha256};

pub use deploy::Deployed;
pub use invoke::{Invoked, MAX_EVENT_BYTES};

use crate::aws::failure::failure;
use crate::config::Config;
use crate::domain::{Function, FunctionId};
use crate::error::Error;

/// AWS Lambda, as far as users' functions go. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Engine {
    lambda: aws_sdk_lambda::Client,
    role: Arc<str>,
    concurrency: Option<u32>,
}

impl Engine {
    /// The engine over a client with the settings of `aws`.
    pub fn new(aws: &SdkConfig, config: &Config) -> Self {
        Self::with_client(aws_sdk_lambda::Client::new(aws), config)
    }

    /// The same over a client that is there already.
    pub fn with_client(lambda: aws_sdk_lambda::Client, config: &Config) -> Self {
        let role = config.engine_role.as_str().into();
        Self { lambda, role, concurrency: config.concurrency }
    }

    /// Asks for a Lambda function that can't be there: no user's has such a name.
    ///
    /// By a call of which AWS allows 100 a second, since deployments share the 15 of
    /// most others.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and [`Error::Internal`], as every other call.
    pub async fn answers(&self) -> Result<(), Error> {
        let asked = self.lambda.get_function();
        match asked.function_name("faas-health").send().await {
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

    /// What tells two deployments apart: everything of a function that its Lambda
    /// function is made from. A change of its name, or of who may call it, is none.
    pub fn revision(&self, function: &Function) -> String {
        let mut digest = Sha256::new();
        let mut add = |text: &str| {
            digest.update((text.len() as u64).to_be_bytes());
            digest.update(text);
        };
        add(package::ADAPTER);
        add(&self.role);
        add(&self.concurrency.unwrap_or_default().to_string());
        add(&function.code.sha256());
        add(deploy::runtime(function.settings.runtime).as_str());
        add(&function.settings.memory.mb().to_string());
        add(&function.settings.timeout.seconds().to_string());
        for (name, value) in function.settings.environment_variables.iter() {
            add(name);
            add(value);
        }
        digest.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The name of a function's Lambda function.
fn name(id: &FunctionId) -> String {
    format!("faas-{id}")
}
