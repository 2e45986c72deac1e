//! The whole backend in one process: all Lambdas over one [`TestEnv`], reached by the routes of
//! `template.yaml`.
#![expect(clippy::unwrap_used, reason = "a test or a measurement that panics has failed")]

pub mod background_items;
mod stand_in_builder;

pub use stand_in_builder::BuildRequests;

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, SystemTime};

use aws_sdk_dynamodb::types::AttributeValue;
use bytes::Bytes;
use counter::Counter;
use emulator::route::{self, Route};
use emulator::template::{DEFAULT_REGION, Template};
use invocations::Invoker;
use packages::Packages;
use reconciler::Reconciler;
use serde_json::{Value, json};
use shared::domain::Quotas;
use shared::engine::Engine;
use shared::time_budget::TimeBudget;
use testkit::permissions::acting_as;
use testkit::{Answer, Event, Lambda, TestEnv, WIDE_LIMITS};
use tokio::sync::Mutex;
use tokio::sync::mpsc::UnboundedReceiver;

/// An item, as DynamoDB's client has it.
pub type Item = HashMap<String, AttributeValue>;

/// How often an event is delivered that fails. AWS delivers one three times.
const ATTEMPTS: usize = 2;

/// All Lambdas over one environment.
#[derive(Debug)]
pub struct Deployment {
    /// Stores, engine, and what is injected into their calls.
    pub env: TestEnv,
    /// The engine that functions are deployed to.
    pub engine: Engine,
    /// The consumer of the table's stream that deploys and purges.
    pub reconciler: Reconciler,
    /// The consumer of the table's stream that counts executions.
    pub counter: Counter,
    /// What has packages installed.
    pub packages: Packages,
    /// What the builder was asked for.
    pub builds: BuildRequests,
    /// The events for the Lambda `packages` that are not processed yet.
    packages_wanted: Mutex<UnboundedReceiver<Bytes>>,
    /// Those that failed, and come again with the next [`Deployment::settle`].
    failed_events: Mutex<Vec<Bytes>>,
    routes: Vec<(Route, String)>,
    lambdas: BTreeMap<String, Lambda>,
}

impl Deployment {
    /// Over stores in memory.
    pub async fn start() -> Self {
        Self::over(TestEnv::start().unwrap()).await
    }

    /// Over stores in memory, with other quotas.
    pub async fn with_quotas(quotas: Quotas) -> Self {
        let mut env = TestEnv::start().unwrap();
        env.store = env.store.with_quotas(quotas);
        Self::over(env).await
    }

    /// Over stores on disk, for tests whose stream grows long.
    pub async fn on_disk(quotas: impl Fn(Quotas) -> Quotas) -> Self {
        Self::with_time_budget(WIDE_LIMITS, quotas).await
    }

    /// The same with the product's time limits, for tests of them on a paused clock. Only the wait for
    /// a deployment is shorter: every look at it is one more call that can fail.
    pub async fn with_product_limits(quotas: impl Fn(Quotas) -> Quotas) -> Self {
        let deployment = Duration::from_millis(500);
        let budget = TimeBudget { deployment, ..TimeBudget::PRODUCT };
        Self::with_time_budget(budget, quotas).await
    }

    async fn with_time_budget(budget: TimeBudget, quotas: impl Fn(Quotas) -> Quotas) -> Self {
        let mut env = TestEnv::start_on_disk(budget).unwrap();
        env.store = env.store.with_quotas(quotas(env.config.quotas));
        Self::over(env).await
    }

    /// Over an environment.
    pub async fn over(env: TestEnv) -> Self {
        env.require_python().await;
        let engine = Engine::with_client(env.lambda_client().await, &env.config);
        Self::with_engine(env, engine).await
    }

    /// Over an environment, with another client of the engine.
    pub async fn with_engine(env: TestEnv, engine: Engine) -> Self {
        let store = env.store.clone();
        let hosting = env.engine().await;
        let builds = BuildRequests::default();
        let s3_folder = env.stores().s3_folder().to_owned();
        let builder = stand_in_builder::handle(s3_folder, builds.clone());
        // Nobody invokes it asynchronously.
        drop(hosting.host("builder", builder));
        let synchronous = |_| -> emulator::engine::Answering {
            Box::pin(std::future::ready(Err("it answers no synchronous call".to_owned())))
        };
        let packages_wanted = Mutex::new(hosting.host("packages", synchronous));
        let invoker = Invoker::new(store.clone(), engine.clone(), &env.config);
        let lambdas = [
            ("workspaces", workspaces::router(store.clone())),
            ("functions", functions::router(store.clone())),
            ("logs", logs::router(store.clone())),
            ("builds", builds::router(store.clone())),
            ("invocations", invocations::router(invoker)),
            ("docs", docs::router(store.clone(), engine.clone())),
        ];
        let lambda = |(name, router)| (String::from(name), env.lambda(name, router));
        Self {
            routes: routes(),
            lambdas: lambdas.map(lambda).into(),
            reconciler: Reconciler::new(store.clone(), engine.clone()),
            counter: Counter::new(store.clone()),
            packages: Packages::new(store, engine.clone()).with_pause(Duration::from_millis(10)),
            builds,
            packages_wanted,
            failed_events: Mutex::default(),
            engine,
            env,
        }
    }

    /// The Lambda of this name.
    pub fn lambda(&self, name: &str) -> &Lambda {
        &self.lambdas[name]
    }

    /// Puts another Lambda in the place of the one of this name, which is returned.
    pub fn replace(&mut self, name: &str, lambda: Lambda) -> Lambda {
        self.lambdas.insert(name.to_owned(), lambda).unwrap()
    }

    /// Every route of the template with the name of its Lambda.
    pub fn routes(&self) -> &[(Route, String)] {
        &self.routes
    }

    /// The name of the Lambda that the gateway passes a request to.
    pub fn lambda_of(&self, method: &str, path: &str) -> &str {
        let path = path.split('?').next().unwrap_or_default();
        route::select(&self.routes, method, path).unwrap().1
    }

    /// The answer to an event, by the Lambda that the gateway passes it to.
    pub async fn send(&self, event: Event) -> Answer {
        let (method, path) = event.target();
        self.lambda(self.lambda_of(method, path)).answer(event).await
    }

    /// The answer to a request with this body, if any.
    pub async fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let event = Event::new(method, path);
        self.send(body.iter().fold(event, |event, body| event.json(body))).await
    }

    /// The answer to a `GET`, which must be 200.
    pub async fn get(&self, path: &str) -> Value {
        let answer = self.ask("GET", path, None).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.json()
    }

    /// The answer to a `POST`, which must be 201.
    pub async fn make(&self, path: &str, body: &Value) -> Value {
        let answer = self.ask("POST", path, Some(body)).await;
        assert_eq!(answer.status, 201, "{path}: {}", answer.body);
        answer.json()
    }

    /// Creates a resource of the collection at `path`, and returns the path of the resource.
    pub async fn create(&self, path: &str, body: &Value) -> String {
        let created = self.make(path, body).await;
        format!("{path}/{}", created["id"].as_str().unwrap())
    }

    /// Processes the stream, and what follows from it, until nothing is left.
    pub async fn settle(&self) {
        for _ in 0..ATTEMPTS {
            loop {
                self.env.settle(|event| self.process(event)).await;
                let Some(event) = self.next_packages_wanted().await else { break };
                if self.install_packages(&event).await.is_err() {
                    self.failed_events.lock().await.push(event);
                }
            }
            let failed = std::mem::take(&mut *self.failed_events.lock().await);
            if failed.is_empty() {
                return;
            }
            // Lambda delivers them again after some minutes.
            self.expire_leases().await;
            for event in failed {
                if self.install_packages(&event).await.is_err() {
                    self.failed_events.lock().await.push(event);
                }
            }
        }
    }

    /// Lets the leases of builds expire, as if time had passed.
    async fn expire_leases(&self) {
        for mut item in self.items().await {
            if item["SK"].as_s().is_ok_and(|sk| sk == "STATE") && item.remove("busyUntil").is_some()
            {
                let put = self.env.dynamodb.put_item().table_name(&self.env.config.table);
                put.set_item(Some(item)).send().await.unwrap();
            }
        }
    }

    /// The next event for the Lambda `packages`, if there is one.
    pub async fn next_packages_wanted(&self) -> Option<Bytes> {
        self.packages_wanted.lock().await.try_recv().ok()
    }

    /// Delivers an event to the Lambda `packages`.
    pub async fn install_packages(&self, event: &Bytes) -> Result<(), shared::error::Error> {
        let event = serde_json::from_slice(event).unwrap();
        acting_as("packages", Box::pin(self.packages.handle(event))).await
    }

    /// Delivers every record of the stream once, from its oldest on. The number of failures: one
    /// for a workspace or function of a batch that is to be delivered again.
    pub async fn process_all_once(&self) -> usize {
        let mut failures = 0;
        let mut stream = self.env.stream();
        loop {
            let records = stream.next(100).unwrap();
            if records.is_empty() {
                return failures;
            }
            let answer = self.process(json!({ "Records": records })).await;
            failures += answer["batchItemFailures"].as_array().unwrap().len();
        }
    }

    /// Delivers an event of the stream to both consumers. The answer has the failures of both.
    pub async fn process(&self, event: Value) -> Value {
        let end = SystemTime::now() + Duration::from_secs(600);
        let read = || serde_json::from_value(event.clone()).unwrap();
        // Futures of this size would fill the stack of a test's thread.
        let reconciling = Box::pin(self.reconciler.handle(read(), end));
        let Ok(reconciled) = acting_as("reconciler", reconciling).await;
        let Ok(counted) = acting_as("counter", self.counter.handle(read())).await;
        let failures = [reconciled, counted].map(|answer| {
            let answer = serde_json::to_value(answer).unwrap();
            answer["batchItemFailures"].as_array().unwrap().clone()
        });
        json!({ "batchItemFailures": failures.concat() })
    }

    /// Every item of the table.
    pub async fn items(&self) -> Vec<Item> {
        let scan = self.env.dynamodb.scan().table_name(&self.env.config.table);
        scan.into_paginator().items().send().collect::<Result<_, _>>().await.unwrap()
    }

    /// Partition and sort key of every item, sorted, but for those that count what an owner has, and
    /// resolved requirements, which expire.
    pub async fn keys(&self) -> Vec<(String, String)> {
        let key = |item: &Item, name| item[name].as_s().unwrap().clone();
        let items = self.items().await;
        let keys = items.iter().map(|item| (key(item, "PK"), key(item, "SK")));
        let mut keys: Vec<_> =
            keys.filter(|(pk, _)| !pk.starts_with("OWNER#") && !pk.starts_with("LOCK#")).collect();
        keys.sort();
        keys
    }

    /// Every object of the bucket.
    pub async fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        let (s3, bucket) = (&self.env.s3, &self.env.config.bucket);
        let listed = s3.list_objects_v2().bucket(bucket).send().await.unwrap();
        let mut objects = BTreeMap::new();
        for key in listed.contents().iter().filter_map(|object| object.key()) {
            let object = s3.get_object().bucket(bucket).key(key).send().await.unwrap();
            objects.insert(key.to_owned(), object.body.collect().await.unwrap().to_vec());
        }
        objects
    }

    /// The names of the engine's functions.
    pub async fn deployed(&self) -> Vec<String> {
        let listed = self.env.lambda_client().await.list_functions().send().await.unwrap();
        listed.functions().iter().filter_map(|f| f.function_name().map(str::to_owned)).collect()
    }

    /// The names of the engine's layers that have a version.
    pub async fn layers(&self) -> Vec<String> {
        let listed = self.env.lambda_client().await.list_layers().send().await.unwrap();
        listed.layers().iter().filter_map(|layer| layer.layer_name().map(str::to_owned)).collect()
    }

    /// Everything in table, bucket and engine, sorted, but for what is counted of the owner. The
    /// name of a source's version is random, so a source is listed by its function.
    pub async fn left(&self) -> Vec<String> {
        let items = self.keys().await.into_iter().map(|(pk, sk)| format!("item {pk} {sk}"));
        let object = |key: String| {
            let version = key.starts_with("code/").then(|| key.rsplit_once('/')).flatten();
            format!("object {}", version.map_or(&*key, |(function, _)| function))
        };
        let objects = self.objects().await.into_keys().map(object);
        let deployed = self.deployed().await.into_iter().map(|name| format!("engine {name}"));
        let layers = self.layers().await.into_iter().map(|name| format!("layer {name}"));
        let mut left: Vec<_> = items.chain(objects).chain(deployed).chain(layers).collect();
        left.sort();
        left
    }

    /// All idempotency records.
    pub async fn claims(&self) -> Vec<Item> {
        let mut items = self.items().await;
        items.retain(|item| item["SK"].as_s().is_ok_and(|sk| sk == "CLAIM"));
        items
    }

    /// Sets `attribute` of every idempotency record to `value`, as if time had passed.
    pub async fn set_in_claims(&self, attribute: &str, value: i64) {
        for mut claim in self.claims().await {
            claim.insert(attribute.to_owned(), AttributeValue::N(value.to_string()));
            let put = self.env.dynamodb.put_item().table_name(&self.env.config.table);
            put.set_item(Some(claim)).send().await.unwrap();
        }
    }
}

/// Every route of `template.yaml` with the name of its Lambda.
fn routes() -> Vec<(Route, String)> {
    let template = emulator::project::source_root().join("template.yaml");
    let template = Template::read(&template, DEFAULT_REGION).unwrap();
    let routes = template.functions.into_iter().flat_map(|function| {
        let name = function.binary;
        function.routes.into_iter().map(move |route| (route, name.clone()))
    });
    routes.collect()
}
