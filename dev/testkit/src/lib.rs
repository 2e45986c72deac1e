//! What the Lambdas' own tests stand on: stores of their own, and everything that is asked of them.

pub mod faults;
mod fixtures;
mod form;
mod in_flight;
mod lambda;
pub mod meter;
pub mod page;
pub mod permissions;
mod required_permission;

use std::time::Duration;

use aws_sdk_dynamodb::config::retry::{RetryConfig, RetryPartition, TokenBucket};
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_runtime_api::client::http::{HttpClient, SharedHttpClient};
use axum::Router;
use serde_json::Value;
use shared::aws::timeouts;
use shared::config::{Config, Endpoints};
use shared::domain::Quotas;
use shared::store::Store;
use shared::time_budget::TimeBudget;
use tempfile::TempDir;
use tokio::sync::{Mutex, OnceCell};

use crate::faults::Faults;
use crate::in_flight::InFlight;
use crate::meter::Meter;
use crate::permissions::Permissions;
use emulator::data_folder::{DataFolder, DataFolderError};
use emulator::engine::Engine;
use emulator::event_source::{self, Poller};
use emulator::process::Launcher;
use emulator::project;
use emulator::stores::{ACCESS_KEY_ID, SECRET_ACCESS_KEY, Stores, StoresError};
use emulator::stream::{StreamError, StreamReader};
use emulator::template::{DEFAULT_REGION, Template, TemplateError};

pub use fixtures::fields;
pub use form::Form;
pub use lambda::{Answer, Event, Lambda};

/// Time limits that no machine is too slow for: an hour and more, where the product has a minute.
///
/// A test of the product's limits has [`TimeBudget::PRODUCT`], and a paused clock: see
/// [`http_client`].
///
/// Nobody waits for a deployment: a test makes it itself, or its own wait wide.
pub const WIDE_LIMITS: TimeBudget =
    TimeBudget { deployment: Duration::ZERO, ..TimeBudget::PRODUCT.widened(100) };

/// An empty DynamoDB and S3 of a test's own, with the table and the bucket of
/// the repository's template. Dropping it stops both.
#[derive(Debug)]
pub struct TestEnv {
    /// What a Lambda's environment would say.
    pub config: Config,
    /// The store over them.
    pub store: Store,
    /// A client to look at the table with.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// A client to look at the bucket with.
    pub s3: aws_sdk_s3::Client,
    /// Injects faults into the store's calls, and those of [`TestEnv::lambda_client`], but
    /// not those of the other clients here.
    pub faults: Faults,
    /// What holds the same calls against the role of the Lambda that makes them.
    pub permissions: Permissions,
    /// What counts the same calls, those with an injected fault too.
    pub meter: Meter,
    pollers: Mutex<Vec<Poller>>,
    stores: Stores,
    engine: OnceCell<Engine>,
    // Dropped after the engine, whose functions stand there.
    engine_place: TempDir,
    _data: Option<(DataFolder, TempDir)>,
}

/// Why there is no environment.
#[derive(Debug, thiserror::Error)]
pub enum TestEnvError {
    /// The repository's template can't be read.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The stores can't be started.
    #[error(transparent)]
    Stores(#[from] StoresError),
    /// The stores can't have their folder.
    #[error(transparent)]
    Folder(#[from] DataFolderError),
    /// The table's stream can't be read.
    #[error(transparent)]
    Stream(#[from] StreamError),
}

impl TestEnv {
    /// Starts the stores, in some milliseconds, with [`WIDE_LIMITS`].
    ///
    /// # Errors
    /// As the template and the stores say.
    pub fn start() -> Result<Self, TestEnvError> {
        let template = template()?;
        let stores = Stores::ephemeral(&template)?;
        Self::over(stores, template, None, WIDE_LIMITS)
    }

    /// The same with stores in a temporary folder, as `cargo local` keeps them. They
    /// take longer to start, and stay as fast when thousands of items were written.
    ///
    /// # Errors
    /// As the template, the folder and the stores say.
    pub fn start_on_disk(time_budget: TimeBudget) -> Result<Self, TestEnvError> {
        let template = template()?;
        let place = tempfile::tempdir().map_err(StoresError::Io)?;
        let folder = DataFolder::open(&place.path().join("data"))?;
        let stores = Stores::open(&folder, &template)?;
        Self::over(stores, template, Some((folder, place)), time_budget)
    }

    fn over(
        stores: Stores,
        template: Template,
        data: Option<(DataFolder, TempDir)>,
        time_budget: TimeBudget,
    ) -> Result<Self, TestEnvError> {
        let reader = stores.stream_reader()?;
        let reconciler = template.functions.iter().find(|function| function.binary == "reconciler");
        let engine_role = reconciler.and_then(|function| function.environment.get("ENGINE_ROLE"));
        let engine_role = engine_role.cloned().unwrap_or_default();
        let function = |variable| {
            let environments = template.functions.iter().map(|function| &function.environment);
            let mut values = environments.filter_map(|environment| environment.get(variable));
            values.next().cloned().unwrap_or_default()
        };
        let packages_function = function("PACKAGES_FUNCTION");
        let builder_function = function("BUILDER_FUNCTION");
        let roles = template.functions.iter();
        let roles = roles.map(|f| (f.binary.clone(), f.statements.clone())).collect();
        let mappings = template.functions.into_iter().flat_map(|function| function.mappings);
        let pollers: Result<Vec<_>, _> =
            mappings.map(|mapping| Poller::new(mapping, reader.clone(), None)).collect();
        let pollers = Mutex::new(pollers?);
        let http = http_client();
        let faults = Faults::over(http.clone());
        let (dynamodb, s3) = clients_within(&time_budget, &stores, http);
        let config = Config {
            table: template.table.name,
            bucket: template.bucket,
            engine_role,
            packages_function,
            builder_function,
            package_index: None,
            execution_log_days: 30,
            quotas: Quotas { workspaces: u32::MAX, functions: u32::MAX, requests_per_second: None },
            concurrency: None,
            stack: "environment".into(),
            region: template.region,
            credentials: key(),
            endpoints: Endpoints::default(),
            has_own_roots: false,
            sign_in: false,
            allowed_origins: template.cors.unwrap_or_default().origins,
            log_level: tracing::Level::INFO,
            time_budget,
        };
        let permissions = Permissions::over(SharedHttpClient::new(faults.clone()), roles);
        let meter = Meter::over(SharedHttpClient::new(permissions.clone()));
        let (metered_dynamodb, metered_s3) = clients_within(&time_budget, &stores, meter.clone());
        let store = Store::with_clients(metered_dynamodb, metered_s3, &config);
        let engine = OnceCell::new();
        let engine_place = tempfile::tempdir().map_err(StoresError::Io)?;
        Ok(Self {
            config,
            store,
            dynamodb,
            s3,
            faults,
            permissions,
            meter,
            pollers,
            stores,
            engine,
            engine_place,
            _data: data,
        })
    }

    /// The stores themselves.
    pub fn stores(&self) -> &Stores {
        &self.stores
    }

    /// A reader of the table's stream, before its oldest record.
    ///
    /// # Panics
    /// Where the table has none.
    pub fn stream(&self) -> StreamReader {
        self.stores.stream_reader().expect("the table has a stream")
    }

    /// Delivers what the stream tells, by the template's mappings, to `deliver`
    /// and on from where the last time ended, until there is nothing more.
    ///
    /// # Panics
    /// Where a batch fails again and again.
    pub async fn settle<F, Answer>(&self, deliver: F)
    where
        F: Fn(Value) -> Answer,
        Answer: Future<Output = Value>,
    {
        let mut pollers = self.pollers.lock().await;
        let deliver = |_: &str, event| {
            let answer = deliver(event);
            async { Ok(answer.await) }
        };
        event_source::drain(&mut pollers, deliver).await.expect("every batch is processed");
    }

    /// The environment's own engine, which the first call starts.
    ///
    /// # Panics
    /// Where it can't be started: in a test that is its failure.
    pub async fn engine(&self) -> &Engine {
        let root = project::source_root();
        let start = || {
            let folder = self.engine_place.path();
            let engine = Engine::start(folder, Launcher::Direct, DEFAULT_REGION, &root)?;
            engine.serve_objects(self.stores.s3_folder());
            Ok::<_, std::io::Error>(engine)
        };
        self.engine.get_or_init(async || start().expect("the engine starts")).await
    }

    /// Ends a test that runs functions where there is nothing to run them.
    ///
    /// # Panics
    /// Where there is no Python, with a sentence that says so.
    pub async fn require_python(&self) {
        if let Err(lack) = self.engine().await.check().await {
            panic!("this test runs functions: {lack}");
        }
    }

    /// A client of the engine, which it starts if need be, that [`TestEnv::faults`]
    /// can inject faults into and [`TestEnv::meter`] counts.
    pub async fn lambda_client(&self) -> aws_sdk_lambda::Client {
        lambda_client_within(
            &self.config.time_budget,
            self.engine().await.url(),
            self.meter.clone(),
        )
    }

    /// `router` as the Lambda of this name, with its role, that [`Lambda::answer`] can be asked.
    pub fn lambda(&self, name: &'static str, router: Router) -> Lambda {
        Lambda::new(name, self.config.clone(), self.permissions.clone(), router)
    }
}

/// What all clients of a test send with.
///
/// On a paused clock (`#[tokio::test(start_paused = true)]`), time stands still while a call is in
/// flight, and jumps to the next timer where a test waits for nothing else.
pub fn http_client() -> SharedHttpClient {
    let http = aws_smithy_http_client::Builder::new().build_http();
    SharedHttpClient::new(InFlight::over(http))
}

fn template() -> Result<Template, TemplateError> {
    Template::read(&project::source_root().join("template.yaml"), DEFAULT_REGION)
}

/// Clients of `stores` that send over `http` with [`WIDE_LIMITS`], and repeat what failed without
/// much delay.
pub fn clients(
    stores: &Stores,
    http: impl HttpClient + Clone + 'static,
) -> (aws_sdk_dynamodb::Client, aws_sdk_s3::Client) {
    clients_within(&WIDE_LIMITS, stores, http)
}

fn clients_within(
    time_budget: &TimeBudget,
    stores: &Stores,
    http: impl HttpClient + Clone + 'static,
) -> (aws_sdk_dynamodb::Client, aws_sdk_s3::Client) {
    let dynamodb = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(DEFAULT_REGION))
        .credentials_provider(key())
        .retry_config(retries())
        .retry_partition(own_retries())
        .timeout_config(timeouts(time_budget))
        .http_client(http.clone())
        .endpoint_url(stores.dynamodb_url())
        .build();
    let s3 = aws_sdk_s3::Config::builder()
        .behavior_version(aws_sdk_s3::config::BehaviorVersion::latest())
        .region(Region::new(DEFAULT_REGION))
        .credentials_provider(key())
        .retry_config(retries())
        .retry_partition(own_retries())
        .timeout_config(timeouts(time_budget))
        .http_client(http)
        .endpoint_url(stores.s3_url())
        .build();
    (aws_sdk_dynamodb::Client::from_conf(dynamodb), aws_sdk_s3::Client::from_conf(s3))
}

/// A client of the Lambda API at `url` that sends over `http` with [`WIDE_LIMITS`], and repeats what
/// failed without much delay.
pub fn lambda_client(url: &str, http: impl HttpClient + Clone + 'static) -> aws_sdk_lambda::Client {
    lambda_client_within(&WIDE_LIMITS, url, http)
}

fn lambda_client_within(
    time_budget: &TimeBudget,
    url: &str,
    http: impl HttpClient + Clone + 'static,
) -> aws_sdk_lambda::Client {
    let config = aws_sdk_lambda::Config::builder()
        .behavior_version(aws_sdk_lambda::config::BehaviorVersion::latest())
        .region(Region::new(DEFAULT_REGION))
        .credentials_provider(key())
        .retry_config(retries())
        .retry_partition(own_retries())
        .timeout_config(timeouts(time_budget))
        .http_client(http)
        .endpoint_url(url)
        .build();
    aws_sdk_lambda::Client::from_conf(config)
}

fn retries() -> RetryConfig {
    RetryConfig::standard().with_initial_backoff(Duration::from_millis(10))
}

/// The SDK lets all clients of a process repeat so much together; here, each is as if alone.
fn own_retries() -> RetryPartition {
    RetryPartition::custom("environment").token_bucket(TokenBucket::unlimited()).build()
}

fn key() -> Credentials {
    Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY, None, None, "environment")
}
