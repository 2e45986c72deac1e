//! The API as clients meet it, and those who follow its table.

use std::time::{Duration, SystemTime};

use counter::Counter;
use invocations::Invoker;
use local::permissions::acting_as;
use local::testbed::{Answer, Event, Lambda, Testbed, together};
use reconciler::Reconciler;
use serde_json::Value;
use shared::domain::Quotas;
use shared::engine::Engine;
use shared::store::Store;

/// All Lambdas over one testbed.
pub(crate) struct Api {
    pub(crate) bed: Testbed,
    lambdas: [(&'static str, Lambda); 4],
    reconciler: Reconciler,
    counter: Counter,
}

impl Api {
    pub(crate) async fn start() -> Self {
        let bed = Testbed::start().unwrap();
        let store = bed.store.clone();
        Self::over(bed, store).await
    }

    /// The same for owners who may have so much.
    pub(crate) async fn with_quotas(quotas: Quotas) -> Self {
        let bed = Testbed::start().unwrap();
        let store = bed.store.clone().with_quotas(quotas);
        Self::over(bed, store).await
    }

    /// The same on disk, for tests whose stream grows long.
    pub(crate) async fn on_disk_with_functions(functions: u32) -> Self {
        let bed = Testbed::start_on_disk().unwrap();
        let store = bed.store.clone().with_quotas(Quotas { functions, ..bed.config.quotas });
        Self::over(bed, store).await
    }

    async fn over(bed: Testbed, store: Store) -> Self {
        bed.require_python().await;
        let engine = Engine::with_client(bed.lambda_client().await, &bed.config);
        let invoker = Invoker::new(store.clone(), engine.clone(), &bed.config);
        let lambda = |name, router| (name, bed.lambda(name, router));
        let lambdas = [
            lambda("logs", logs::router(store.clone())),
            lambda("invocations", invocations::router(invoker)),
            lambda("functions", functions::router(store.clone())),
            lambda("workspaces", workspaces::router(store.clone())),
        ];
        let counter = Counter::new(store.clone());
        Self { bed, lambdas, reconciler: Reconciler::new(store, engine), counter }
    }

    /// Lets the Lambda answer that the gateway would choose.
    pub(crate) async fn send(&self, event: Event, path: &str) -> Answer {
        let path = path.split('?').next().unwrap();
        let name = match path {
            _ if path.ends_with("/logs") => "logs",
            _ if path.contains("/invoke") => "invocations",
            _ if path.contains("/functions") => "functions",
            _ => "workspaces",
        };
        let (_, lambda) = self.lambdas.iter().find(|(known, _)| *known == name).unwrap();
        lambda.answer(event).await
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let event = Event::new(method, path);
        self.send(body.iter().fold(event, |event, body| event.json(body)), path).await
    }

    /// What is read at `path`, which must be there.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let answer = self.ask("GET", path, None).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.json()
    }

    /// Makes something, which must succeed; gives what was made.
    pub(crate) async fn make(&self, path: &str, body: &Value) -> Value {
        let answer = self.ask("POST", path, Some(body)).await;
        assert_eq!(answer.status, 201, "{path}: {}", answer.body);
        answer.json()
    }

    /// Lets everything be followed that has happened.
    pub(crate) async fn settle(&self) {
        self.bed.settle(|event| self.follow(event)).await;
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
    pub(crate) async fn left(&self) -> Vec<String> {
        let (table, bucket) = (&self.bed.config.table, &self.bed.config.bucket);
        let mut left = Vec::new();
        let mut items = self.bed.dynamodb.scan().table_name(table).into_paginator().items().send();
        while let Some(item) = items.next().await {
            let item = item.unwrap();
            let (pk, sk) = (item["PK"].as_s().unwrap(), item["SK"].as_s().unwrap());
            if !pk.starts_with("OWNER#") {
                left.push(format!("item {pk} {sk}"));
            }
        }
        let objects = self.bed.s3.list_objects_v2().bucket(bucket).send().await.unwrap();
        for key in objects.contents().iter().filter_map(|object| object.key()) {
            let version = key.starts_with("code/").then(|| key.rsplit_once('/')).flatten();
            left.push(format!("object {}", version.map_or(key, |(function, _)| function)));
        }
        let engine = self.bed.lambda_client().await.list_functions().send().await.unwrap();
        let names = engine.functions().iter().filter_map(|function| function.function_name());
        left.extend(names.map(|name| format!("engine {name}")));
        left.sort();
        left
    }
}
