//! What the tests of this Lambda stand on: a testbed whose stream it follows.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use counter::Counter;
use reconciler::Reconciler;
use serde_json::{Value, json};
use shared::domain::{Expected, Function, FunctionId, Owner, WorkspaceId};
use shared::engine::Engine;
use shared::error::Error;
use shared::store::Store;
use testkit::permissions::acting_as;
use testkit::{TestEnv, together};

/// A workspace, and those who follow what happens in it.
pub(crate) struct StreamEnv {
    pub(crate) env: TestEnv,
    pub(crate) ws: WorkspaceId,
    pub(crate) reconciler: Reconciler,
    pub(crate) counter: Counter,
}

impl StreamEnv {
    pub(crate) async fn start() -> Self {
        let env = TestEnv::start().unwrap();
        let engine = Engine::with_client(env.lambda_client().await, &env.config);
        let reconciler = Reconciler::new(env.store.clone(), engine);
        let ws = env.new_workspace().await;
        let counter = Counter::new(env.store.clone());
        Self { env, ws, reconciler, counter }
    }

    /// The answer of both, the reconciler and the counter, to an event of the stream.
    pub(crate) async fn handle(&self, event: Value) -> Value {
        let end = SystemTime::now() + Duration::from_secs(600);
        let read = || serde_json::from_value(event.clone()).unwrap();
        let Ok(followed) = acting_as("reconciler", self.reconciler.handle(read(), end)).await;
        let Ok(counted) = acting_as("counter", self.counter.handle(read())).await;
        together([followed, counted].map(|answer| serde_json::to_value(answer).unwrap()))
    }

    /// Lets both follow everything that has happened.
    pub(crate) async fn settle(&self) {
        self.env.settle(|event| self.handle(event)).await;
    }

    pub(crate) async fn function(&self, source: &str) -> FunctionId {
        self.env.new_function(&self.ws, source, &json!({})).await
    }

    pub(crate) async fn read(&self, id: &FunctionId) -> Result<Function, Error> {
        self.env.store.function(&Owner::anonymous(), &self.ws, id).await.map(|found| found.value)
    }

    pub(crate) async fn delete(&self, id: &FunctionId) {
        let (owner, any) = (Owner::anonymous(), Expected::Any);
        self.env.store.delete_function(&owner, &self.ws, id, &any).await.unwrap();
    }

    pub(crate) async fn delete_workspace(&self) {
        let (owner, any) = (Owner::anonymous(), Expected::Any);
        self.env.store.delete_workspace(&owner, &self.ws, &any).await.unwrap();
    }

    /// Every item's keys, but for what is counted of the owner, which stays.
    pub(crate) async fn items(&self) -> Vec<(String, String)> {
        let mut pages = self
            .env
            .dynamodb
            .scan()
            .table_name(&self.env.config.table)
            .into_paginator()
            .items()
            .send();
        let mut keys = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item.unwrap();
            keys.push((item["PK"].as_s().unwrap().clone(), item["SK"].as_s().unwrap().clone()));
        }
        keys.retain(|(pk, _)| !pk.starts_with("OWNER#"));
        keys.sort();
        keys
    }

    /// Every object of the bucket, with its text.
    pub(crate) async fn objects(&self) -> BTreeMap<String, String> {
        let (s3, bucket) = (&self.env.s3, &self.env.config.bucket);
        let listed = s3.list_objects_v2().bucket(bucket).send().await.unwrap();
        let mut objects = BTreeMap::new();
        for key in listed.contents().iter().filter_map(|object| object.key()) {
            let got = s3.get_object().bucket(bucket).key(key).send().await.unwrap();
            let bytes = got.body.collect().await.unwrap().to_vec();
            objects.insert(key.to_owned(), String::from_utf8(bytes).unwrap());
        }
        objects
    }

    /// The names of the engine's functions.
    pub(crate) async fn deployed(&self) -> Vec<String> {
        let listed = self.env.lambda_client().await.list_functions().send().await.unwrap();
        listed.functions().iter().filter_map(|f| f.function_name().map(str::to_owned)).collect()
    }

    /// A store of its own over the same table, with another clock.
    pub(crate) fn store_at(&self, clock: &shared::domain::Clock) -> Store {
        self.env.store.clone().with_clock(clock.clone())
    }
}
