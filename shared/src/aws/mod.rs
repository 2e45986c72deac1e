//! Common settings of the AWS clients, and the mapping of their errors.

pub mod failure;

use std::time::Duration;

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_types::SdkConfig;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};

use crate::config::{Config, Endpoints};
use crate::time_budget::TimeBudget;

/// How long an idle connection is kept. Lambda freezes a process between requests, and servers close its
/// connections meanwhile. An invocation of a user's function over a closed connection cannot be repeated.
const IDLE_TIME: Duration = Duration::from_secs(15);

/// The five root certificates of Amazon Trust Services, which sign AWS's services:
/// <https://www.amazontrust.com/repository/>.
const AMAZON_ROOTS: &[u8] = include_bytes!("amazon_roots.pem");

/// The time limits of calls.
pub fn timeouts(budget: &TimeBudget) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(budget.connect)
        .operation_attempt_timeout(budget.call_attempt)
        .operation_timeout(budget.call)
        .build()
}

/// The settings that all clients of a Lambda share. Nothing is sent: wrong names and missing permissions
/// show at the first call.
///
/// Amazon's root certificates are compiled in, because reading and parsing the system's took nine tenths
/// of a start. `aws-config` is not used: it looks for profiles on the disk at each start, and its five
/// other ways to sign in were a tenth of each binary.
pub fn load(config: &Config) -> SdkConfig {
    let amazon = TrustStore::empty().with_pem_certificate(AMAZON_ROOTS);
    // The system's roots are read from SSL_CERT_FILE, where that is set.
    let roots = if config.has_own_roots { TrustStore::default() } else { amazon };
    let tls = TlsContext::builder().with_trust_store(roots).build();
    let http = Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(tls.expect("the certificates are constants"))
        .pool_idle_timeout(IDLE_TIME)
        .build_https();
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(config.region.clone()))
        .credentials_provider(SharedCredentialsProvider::new(config.credentials.clone()))
        .service_config(config.endpoints.clone())
        .http_client(http)
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .timeout_config(timeouts(&config.time_budget))
        .build()
}

impl LoadServiceConfig for Endpoints {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        match (key.env(), key.service_id()) {
            ("AWS_ENDPOINT_URL", "DynamoDB") => self.dynamodb.clone(),
            ("AWS_ENDPOINT_URL", "S3") => self.s3.clone(),
            ("AWS_ENDPOINT_URL", "Lambda") => self.lambda.clone(),
            _ => None,
        }
    }
}
