//! What is kept, in one DynamoDB table and one S3 bucket.
//!
//! A method is named for the question that it answers or the command that it
//! carries out. A command changes the table in one transaction, so that it is
//! done or it isn't; what must follow (removing what is no longer named) is
//! safe to repeat.

mod code;
mod compression;
mod deployment;
mod function;
mod health;
mod idempotency;
mod invocation_key;
mod keys;
mod legacy;
mod log;
mod object;
mod owner;
mod purge;
mod stream;
mod transaction;
mod update;
mod usage;
mod workspace;

pub use code::SourceKey;
pub use deployment::{CallSettings, Callable, Deployable};
pub use idempotency::{Created, IdempotencyRecord, IdempotencyState};
pub use legacy::{
    ItemKind, LegacyFunction, LegacyLog, LegacyLogs, LegacyWorkspace, MigrationAction, Orphan,
    PageToken,
};
pub use stream::Change;
pub use usage::{Executed, SequenceNumber};

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use aws_sdk_dynamodb::operation::batch_get_item::BatchGetItemOutput;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use aws_types::SdkConfig;
use backon::RetryableWithContext;

use self::keys::{Key, PK, SK};
use self::transaction::retry_policy;
use crate::aws::failure::failure;
use crate::config::Config;
use crate::domain::{Clock, Quotas, Timestamp};
use crate::error::Error;
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

/// The bucket's client, which is made when it is first used: half of the Lambdas never do, and to
/// make one takes as long as all else at their start.
type Bucket = LazyLock<aws_sdk_s3::Client, Box<dyn FnOnce() -> aws_sdk_s3::Client + Send + Sync>>;

/// An item, as DynamoDB's client has it.
type Item = HashMap<String, AttributeValue>;

impl Store {
    /// The store over clients with the settings of `aws`.
    pub fn new(aws: &SdkConfig, config: &Config) -> Self {
        let for_s3 = aws.clone();
        let s3 = LazyLock::new(Box::new(move || aws_sdk_s3::Client::new(&for_s3)) as Box<_>);
        Self::over(aws_sdk_dynamodb::Client::new(aws), s3, config)
    }

    /// The same over clients that are there already.
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

    /// The same with another clock, which says what the last 24 hours are.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// The same with other limits for owners than those of its configuration.
    #[must_use]
    pub fn with_quotas(self, quotas: Quotas) -> Self {
        Self { quotas, ..self }
    }

    /// What the store takes for the current time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The time limits that the store keeps.
    pub fn time_budget(&self) -> &TimeBudget {
        &self.time_budget
    }
}

impl Store {
    /// A query for the items of a partition whose sort keys begin with `prefix`.
    fn items_below(&self, pk: String, prefix: &str) -> QueryFluentBuilder {
        self.dynamodb
            .query()
            .table_name(&*self.table)
            .consistent_read(true)
            .key_condition_expression(format!("{PK} = :pk AND begins_with({SK}, :prefix)"))
            .expression_attribute_values(":pk", AttributeValue::S(pk))
            .expression_attribute_values(":prefix", AttributeValue::S(prefix.into()))
    }

    /// The items at `keys`, by their sort keys, which all differ: read in one call.
    async fn items(&self, keys: &[Key]) -> Result<HashMap<String, Item>, Error> {
        let wanted = keys.iter().cloned().map(Key::into_item).collect();
        // A busy table may leave keys out. They alone are asked for again: what came was granted, and
        // is paid for. What failed outright the SDK has repeated already.
        let attempt = |(wanted, mut found): (Vec<Item>, HashMap<String, Item>)| async move {
            let got = match self.batch(wanted.clone()).await {
                Ok(got) => got,
                Err(error) => return ((wanted, found), Err(Some(error))),
            };
            let items = got.responses.unwrap_or_default().remove(&*self.table).unwrap_or_default();
            let by_key = |item: Item| Some((item.get(SK)?.as_s().ok()?.clone(), item));
            found.extend(items.into_iter().filter_map(by_key));
            match got.unprocessed_keys.unwrap_or_default().remove(&*self.table) {
                Some(rest) => ((rest.keys, found), Err(None)),
                None => ((wanted, found), Ok(())),
            }
        };
        let attempts = attempt.retry(retry_policy()).context((wanted, HashMap::new()));
        let ((_, found), read) = attempts.when(Option::is_none).await;
        read.map(|()| found).map_err(|error| {
            error.unwrap_or_else(|| {
                Error::Unavailable("DynamoDB BatchGetItem: keys left unprocessed".into())
            })
        })
    }

    async fn batch(&self, keys: Vec<Item>) -> Result<BatchGetItemOutput, Error> {
        let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true);
        let wanted = wanted.build().map_err(Error::internal)?;
        let got = self.dynamodb.batch_get_item().request_items(&*self.table, wanted);
        got.send().await.map_err(failure("DynamoDB BatchGetItem"))
    }
}

/// How many items DynamoDB should read at a time for `page`: one more than its
/// limit, which tells whether anything follows.
fn page_size(page: &crate::domain::PageRequest) -> Option<i32> {
    page.limit().and_then(|limit| i32::try_from(limit + 1).ok())
}

/// The records that `read` makes of `items`.
///
/// One that can't be read is told to our log and left out: a list must not
/// fail for an item that somebody else has put into the table. Each is made when it is asked for:
/// what is compressed in a megabyte of items may be a thousand times as much.
fn readable<T>(
    items: Option<Vec<Item>>,
    read: impl Fn(Item) -> Result<T, Error>,
) -> impl Iterator<Item = T> {
    let record = move |item: Item| {
        let key = item.get(keys::SK).and_then(|sk| sk.as_s().ok()).cloned().unwrap_or_default();
        match read(item) {
            Ok(record) => Some(record),
            Err(error) => {
                tracing::error!(key, cause = error.causes(), "an item can't be read");
                None
            }
        }
    };
    items.unwrap_or_default().into_iter().filter_map(record)
}
