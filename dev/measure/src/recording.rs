//! Records what the services behind each route answer, so that it can be played from memory.

use std::collections::BTreeMap;

use aws_smithy_http_client::Builder;
use invocations::Invoker;
use replay::StreamRecord;
use replay::tape::Tape;
use shared::config::Config;
use shared::engine::Engine;
use shared::store::Store;
use testkit::{Lambda, clients, lambda_client};

use crate::cost::Place;
use deployment::{Deployment, lambda_of};

/// Every operation, asked once over embedded services; and the settings of the Lambdas asked.
///
/// # Panics
/// Where one fails.
pub async fn record() -> (Config, Vec<StreamRecord>) {
    let api = Deployment::on_disk(|quotas| quotas).await;
    let place = Place::make(&api).await;
    let key = place.key(&api).await;
    let tape = Tape::recording(Builder::new().build_http());
    let lambdas = lambdas(&api, &tape).await;
    let mut all = Vec::new();
    for operation in place.operations(&key) {
        let event = operation.event("once");
        tape.take();
        let name = lambda_of(&operation.path);
        let answer = lambdas[name].answer(event.clone()).await;
        assert!(answer.status < 300, "{}: {}", operation.what, answer.body);
        all.push(StreamRecord {
            what: operation.what,
            lambda: name.to_owned(),
            event: event.into_value().to_string(),
            answers: tape.take(),
        });
    }
    (api.env.config.clone(), all)
}

async fn lambdas(api: &Deployment, tape: &Tape) -> BTreeMap<&'static str, Lambda> {
    let env = &api.env;
    let (dynamodb, s3) = clients(env.stores(), tape.clone());
    let store = Store::with_clients(dynamodb, s3, &env.config);
    let lambda = lambda_client(env.engine().await.url(), tape.clone());
    let engine = Engine::with_client(lambda, &env.config);
    let invoker = Invoker::new(store.clone(), engine.clone(), &env.config);
    BTreeMap::from([
        ("workspaces", workspaces::router(store.clone())),
        ("functions", functions::router(store.clone())),
        ("logs", logs::router(store.clone())),
        ("invocations", invocations::router(invoker)),
        ("docs", docs::router(store, engine)),
    ])
    .into_iter()
    .map(|(name, router)| (name, env.lambda(name, router)))
    .collect()
}
