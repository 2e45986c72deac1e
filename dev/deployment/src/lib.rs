//! The API as clients meet it, and those who follow its table.
#![expect(clippy::unwrap_used, reason = "a test or a measurement that panics has failed")]

pub mod background_items;
pub mod call_env;

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use aws_sdk_dynamodb::types::AttributeValue;
use counter::Counter;
use invocations::Invoker;
use reconciler::Reconciler;
use serde_json::{Value, json};
use shared::domain::Quotas;
use shared::engine::Engine;
use shared::store::Store;
use testkit::permissions::acting_as;
use testkit::{Answer, Event, Lambda, TestEnv, together};

/// All Lambdas over one environment.
pub struct Deployment {
    /// What they stand on.
    pub env: TestEnv,
    lambdas: [(&'static str, Lambda); 5],
    reconciler: Reconciler,
    counter: Counter,
}

impl Deployment {
    /// Over stores in memory.
    pub async fn start() -> Self {
        let env = TestEnv::start().unwrap();
        let store = env.store.clone();
        Self::over(env, store).await
    }

    /// The same for owners who may have so much.
    pub async fn with_quotas(quotas: Quotas) -> Self {
        let env = TestEnv::start().unwrap();
        let store = env.store.clone().with_quotas(quotas);
        Self::over(env, store).await
    }

    /// The same on disk, for tests whose stream grows long.
    pub async fn on_disk(quotas: impl Fn(Quotas) -> Quotas) -> Self {
        let env = TestEnv::start_on_disk().unwrap();
        let store = env.store.clone().with_quotas(quotas(env.config.quotas));
        Self::over(env, store).await
    }

    async fn over(env: TestEnv, store: Store) -> Self {
        env.require_python().await;
        let engine = Engine::with_client(env.lambda_client().await, &env.config);
        // Half a minute of waiting would be one of the machine's load as well.
        let invoker = Invoker::new(store.clone(), engine.clone(), &env.config)
            .with_wait_limit(Duration::from_secs(15));
        let lambda = |name, router| (name, env.lambda(name, router));
        let lambdas = [
            lambda("logs", logs::router(store.clone())),
            lambda("invocations", invocations::router(invoker)),
            lambda("functions", functions::router(store.clone())),
            lambda("workspaces", workspaces::router(store.clone())),
            lambda("docs", docs::router(store.clone(), engine.clone())),
        ];
        let counter = Counter::new(store.clone());
        Self { env, lambdas, reconciler: Reconciler::new(store, engine), counter }
    }

    /// Lets the Lambda answer that the gateway would choose.
    pub async fn send(&self, event: Event, path: &str) -> Answer {
        let name = lambda_of(path);
        let (_, lambda) =
            self.lambdas.iter().find(|(known, _)| *known == name).expect("it is one of them");
        lambda.answer(event).await
    }

    /// The answer to a request with this body, if any.
    pub async fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let event = Event::new(method, path);
        self.send(body.iter().fold(event, |event, body| event.json(body)), path).await
    }

    /// What is read at `path`, which must be there.
    pub async fn get(&self, path: &str) -> Value {
        let answer = self.ask("GET", path, None).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.json()
    }

    /// Makes something, which must succeed; gives what was made.
    pub async fn make(&self, path: &str, body: &Value) -> Value {
        let answer = self.ask("POST", path, Some(body)).await;
        assert_eq!(answer.status, 201, "{path}: {}", answer.body);
        answer.json()
    }

    /// Lets everything be followed that has happened.
    pub async fn settle(&self) {
        self.env.settle(|event| self.follow(event)).await;
    }

    /// Has every record that there is followed once, whatever comes of it; how many batches of one
    /// workspace or function are to come again.
    pub async fn follow_all_once(&self) -> usize {
        let mut failures = 0;
        let mut stream = self.env.stream();
        loop {
            let records = stream.next(100).unwrap();
            if records.is_empty() {
                return failures;
            }
            let answer = self.follow(json!({ "Records": records })).await;
            failures += answer["batchItemFailures"].as_array().unwrap().len();
        }
    }

    async fn follow(&self, event: Value) -> Value {
        let end = SystemTime::now() + Duration::from_secs(600);
        let read = || serde_json::from_value(event.clone()).unwrap();
        let Ok(followed) = acting_as("reconciler", self.reconciler.handle(read(), end)).await;
        let Ok(counted) = acting_as("counter", self.counter.handle(read())).await;
        together([followed, counted].map(|answer| serde_json::to_value(answer).unwrap()))
    }

    /// Everything in table, bucket and engine, sorted, but for what is counted of the owner. A
    /// version of a source goes by its function, whose name is all that is known of it.
    pub async fn left(&self) -> Vec<String> {
        let (table, bucket) = (&self.env.config.table, &self.env.config.bucket);
        let mut left = Vec::new();
        let mut items = self.env.dynamodb.scan().table_name(table).into_paginator().items().send();
        while let Some(item) = items.next().await {
            let item = item.unwrap();
            let (pk, sk) = (item["PK"].as_s().unwrap(), item["SK"].as_s().unwrap());
            if !pk.starts_with("OWNER#") {
                left.push(format!("item {pk} {sk}"));
            }
        }
        let objects = self.env.s3.list_objects_v2().bucket(bucket).send().await.unwrap();
        for key in objects.contents().iter().filter_map(|object| object.key()) {
            let version = key.starts_with("code/").then(|| key.rsplit_once('/')).flatten();
            left.push(format!("object {}", version.map_or(key, |(function, _)| function)));
        }
        let engine = self.env.lambda_client().await.list_functions().send().await.unwrap();
        let names = engine.functions().iter().filter_map(|function| function.function_name());
        left.extend(names.map(|name| format!("engine {name}")));
        left.sort();
        left
    }

    /// All claims.
    pub async fn claims(&self) -> Vec<HashMap<String, AttributeValue>> {
        let scan = self.env.dynamodb.scan().table_name(&self.env.config.table);
        let scan = scan.filter_expression("SK = :claim");
        let scan = scan.expression_attribute_values(":claim", AttributeValue::S("CLAIM".into()));
        scan.into_paginator().items().send().collect::<Result<_, _>>().await.unwrap()
    }

    /// As if time had passed: what `attribute` of every claim says is `value` now.
    pub async fn set_in_claims(&self, attribute: &str, value: i64) {
        for claim in self.claims().await {
            let update = self.env.dynamodb.update_item().table_name(&self.env.config.table);
            update
                .key("PK", claim["PK"].clone())
                .key("SK", claim["SK"].clone())
                .update_expression("SET #a = :v")
                .expression_attribute_names("#a", attribute)
                .expression_attribute_values(":v", AttributeValue::N(value.to_string()))
                .send()
                .await
                .unwrap();
        }
    }
}

/// The Lambda that the gateway chooses for `path`.
pub fn lambda_of(path: &str) -> &'static str {
    match path.split('?').next().unwrap_or_default() {
        "/" | "/health" => "docs",
        path if path.ends_with("/logs") => "logs",
        path if path.contains("/invoke") => "invocations",
        path if path.contains("/functions") => "functions",
        _ => "workspaces",
    }
}
