//! The persistent state, in one DynamoDB table and one S3 bucket.
//!
//! A command changes the table in one transaction, so it is carried out completely or not at all.
//! What follows from it (removing replaced sources, for example) is safe to repeat.
//!
//! Modules build on each other without cycles: `keys`, `item`, `retry` and `expression`; then
//! `batch`, `query`, `transaction` and `update`; then `record`, the form of items; then the
//! resources.

mod batch;
mod change;
mod code;
mod compression;
mod deployment;
mod deployment_state;
mod expression;
mod function;
mod function_place;
mod health;
mod idempotency;
mod invocation_key;
mod item;
mod keys;
mod layer;
mod lease;
mod legacy;
mod log;
mod log_lines;
mod object;
mod owner;
mod packages;
mod processor_time;
mod purge;
mod query;
mod record;
mod resolution;
mod retry;
mod task;
mod transaction;
mod update;
mod upload;
mod usage;
mod workspace;

pub use change::Change;
pub use deployment::{CallSettings, Callable, Deployable, Deployment};
pub use deployment_state::DeployedFunction;
pub use idempotency::{Completion, Created, IdempotencyRecord, IdempotencyState};
pub use layer::{EndOfUse, LayerUse};
pub use lease::Lease;
pub use legacy::{
    ItemKind, LegacyFunction, LegacyLog, LegacyLogs, LegacyWorkspace, MigrationAction, Orphan,
    PageToken, Rewrite,
};
pub use object::Progress;
pub use packages::PackagesOfFunction;
pub use record::SourceKey;
pub use resolution::{Resolution, ResolutionKey};
pub use usage::{Executed, SequenceNumber};

use std::sync::{Arc, LazyLock};

use aws_types::SdkConfig;

use crate::config::Config;
use crate::domain::{Clock, Quotas, Timestamp};
use crate::time_budget::TimeBudget;

/// The table and the bucket. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    dynamodb: aws_sdk_dynamodb::Client,
    s3: Arc<Bucket>,
    table: Arc<str>,
    bucket: Arc<str>,
    quotas: Quotas,
    time_budget: TimeBudget,
    clock: Clock,
}

/// The S3 client, created at its first use: half of the Lambdas never use it, and creating it takes
/// as long as the rest of a start.
type Bucket = LazyLock<aws_sdk_s3::Client, Box<dyn FnOnce() -> aws_sdk_s3::Client + Send + Sync>>;

impl Store {
    /// A store whose clients have the settings of `aws`.
    pub fn new(aws: &SdkConfig, config: &Config) -> Self {
        let for_s3 = aws.clone();
        let s3 = LazyLock::new(Box::new(move || aws_sdk_s3::Client::new(&for_s3)) as Box<_>);
        Self::over(aws_sdk_dynamodb::Client::new(aws), s3, config)
    }

    /// A store over existing clients.
    pub fn with_clients(
        dynamodb: aws_sdk_dynamodb::Client,
        s3: aws_sdk_s3::Client,
        config: &Config,
    ) -> Self {
        Self::over(dynamodb, LazyLock::new(Box::new(move || s3)), config)
    }

    fn over(dynamodb: aws_sdk_dynamodb::Client, s3: Bucket, config: &Config) -> Self {
        Self {
            dynamodb,
            s3: Arc::new(s3),
            table: config.table.as_str().into(),
            bucket: config.bucket.as_str().into(),
            quotas: config.quotas,
            time_budget: config.time_budget,
            clock: Clock::default(),
        }
    }

    /// The same store with another clock.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// The same store with other quotas.
    #[must_use]
    pub fn with_quotas(self, quotas: Quotas) -> Self {
        Self { quotas, ..self }
    }

    /// The current time by the store's clock.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The time limits of the store's operations.
    pub fn time_budget(&self) -> &TimeBudget {
        &self.time_budget
    }
}
