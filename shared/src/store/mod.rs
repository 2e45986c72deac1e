//! What is kept, in one DynamoDB table and one S3 bucket.
//!
//! A method is named for the question that it answers or the command that it
//! carries out. A command changes the table in one transaction, so that it is
//! done or it isn't; what must follow (removing what is no longer named) is
//! safe to repeat.

mod code;
mod failure;
mod function;
mod keys;
mod log;
mod object;
mod purge;
mod transaction;
mod update;
mod workspace;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

use crate::config::Config;
use crate::error::Error;

/// The table and the bucket. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    dynamodb: aws_sdk_dynamodb::Client,
    s3: aws_sdk_s3::Client,
    table: Arc<str>,
    bucket: Arc<str>,
}

// A command writes a source, commits, and tidies up, so these add up to less
// than the 28 seconds after which the boundary answers for it: what was
// committed must not be answered with an error because the rest took long.

/// The longest that one call takes, repeats by the SDK included.
const CALL_TIME: Duration = Duration::from_secs(8);
/// The longest that a commit takes, repeats included.
const COMMIT_TIME: Duration = Duration::from_secs(12);
/// The longest that a command goes on after its commit. What it then leaves
/// undone is out of callers' reach, or a copy.
const AFTERWARDS_TIME: Duration = Duration::from_secs(6);

/// An item, as DynamoDB's client has it.
type Item = HashMap<String, AttributeValue>;

impl Store {
    /// Makes the clients. Nothing is sent yet, so a wrong table or bucket shows at the first call.
    ///
    /// Credentials come from the environment only, which is where Lambda puts them.
    pub async fn connect(config: &Config) -> Self {
        let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(1))
            .operation_attempt_timeout(CALL_TIME / 2)
            .operation_timeout(CALL_TIME)
            .build();
        let aws = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(config.region.clone()))
            .credentials_provider(EnvironmentVariableCredentialsProvider::new())
            .http_client(http)
            .retry_config(RetryConfig::standard().with_max_attempts(3))
            .timeout_config(timeouts)
            .load()
            .await;
        Self::with_clients(
            aws_sdk_dynamodb::Client::new(&aws),
            aws_sdk_s3::Client::new(&aws),
            config,
        )
    }

    /// The same over clients that are there already.
    pub fn with_clients(
        dynamodb: aws_sdk_dynamodb::Client,
        s3: aws_sdk_s3::Client,
        config: &Config,
    ) -> Self {
        Self {
            dynamodb,
            s3,
            table: config.table.as_str().into(),
            bucket: config.bucket.as_str().into(),
        }
    }
}

/// How many items DynamoDB should read at a time for `page`: one more than its
/// limit, which tells whether anything follows.
fn page_size(page: &crate::domain::Page) -> Option<i32> {
    page.limit().and_then(|limit| i32::try_from(limit + 1).ok())
}

/// The records that `read` makes of `items`.
///
/// One that can't be read is told to our log and left out: a list must not
/// fail for an item that somebody else has put into the table.
fn readable<T>(items: Option<Vec<Item>>, read: fn(Item) -> Result<T, Error>) -> Vec<T> {
    let record = |item: Item| {
        let key = item.get(keys::SK).and_then(|sk| sk.as_s().ok()).cloned().unwrap_or_default();
        match read(item) {
            Ok(record) => Some(record),
            Err(error) => {
                tracing::error!(key, cause = error.causes(), "an item can't be read");
                None
            }
        }
    };
    items.unwrap_or_default().into_iter().filter_map(record).collect()
}
