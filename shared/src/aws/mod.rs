//! The AWS clients' common settings, and what their errors mean.

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

/// The longest that one call takes, repeats by the SDK included.
pub(crate) const CALL_TIME: Duration = Duration::from_secs(8);

/// How long a connection waits to be used again. Lambda stops a process between
/// requests, in which others close what it holds; a call of a user's function
/// that finds out too late can't be repeated.
const IDLE_TIME: Duration = Duration::from_secs(15);

/// The five root certificates that Amazon Trust Services says a trust store should have, and that
/// chains of AWS's services end in: <https://www.amazontrust.com/repository/>.
const AMAZON_ROOTS: &[u8] = include_bytes!("amazon_roots.pem");

/// How long calls may take.
pub fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(CALL_TIME / 2)
        .operation_timeout(CALL_TIME)
        .build()
}

/// What all clients of a Lambda share. Nothing is sent yet, so wrong names and missing permissions
/// show at the first call.
///
/// Services are trusted by Amazon's own roots, which are compiled in: to read and parse all that a
/// system trusts took nine tenths of a start. The rest is put together by hand, because `aws-config`
/// looks for profiles on the disk at each start, and brings what signs in to AWS in five other ways, a
/// tenth of each binary.
pub fn load(config: &Config) -> SdkConfig {
    let amazon = TrustStore::empty().with_pem_certificate(AMAZON_ROOTS);
    // The system's roots are those of SSL_CERT_FILE, where that is set.
    let roots = if config.has_own_roots { TrustStore::default() } else { amazon };
    let tls = TlsContext::builder().with_trust_store(roots).build();
    let http = Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(tls.expect("it only holds what it was given"))
        .pool_idle_timeout(IDLE_TIME)
        .build_https();
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(config.region.clone()))
        .credentials_provider(SharedCredentialsProvider::new(config.credentials.clone()))
        .service_config(config.endpoints.clone())
        .http_client(http)
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .timeout_config(timeouts())
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
