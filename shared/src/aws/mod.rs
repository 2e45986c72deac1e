//! The AWS clients' common settings, and what their errors mean.

pub mod failure;

use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

use crate::config::Config;

/// The longest that one call takes, repeats by the SDK included.
pub(crate) const CALL_TIME: Duration = Duration::from_secs(8);

/// How long a connection waits to be used again. Lambda stops a process between
/// requests, in which others close what it holds; a call of a user's function
/// that finds out too late can't be repeated.
const IDLE_TIME: Duration = Duration::from_secs(15);

/// How long calls may take.
pub fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(CALL_TIME / 2)
        .operation_timeout(CALL_TIME)
        .build()
}

/// What all clients of a Lambda share. Nothing is sent yet, so wrong names and
/// missing permissions show at the first call.
///
/// Credentials come from the environment only, which is where Lambda puts them.
pub async fn load(config: &Config) -> SdkConfig {
    let http = Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .pool_idle_timeout(IDLE_TIME)
        .build_https();
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(config.region.clone()))
        .credentials_provider(EnvironmentVariableCredentialsProvider::new())
        .http_client(http)
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .timeout_config(timeouts())
        .load()
        .await
}
