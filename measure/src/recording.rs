//! Records what the services behind each route answer, so that it can be played from memory.

use std::collections::BTreeMap;

use aws_smithy_http_client::Builder;
use invocations::Invoker;
use local::testbed::{Lambda, clients, lambda_client};
use replay::Recorded;
use replay::tape::Tape;
use shared::config::Config;
use shared::engine::Engine;
use shared::store::Store;

use crate::api::{Api, lambda_of};
use crate::cost::Place;

/// Every operation, asked once over embedded services; and the settings of the Lambdas asked.
///
/// # Panics
/// Where one fails.
pub async fn record() -> (Config, Vec<Recorded>) {
    let api = Api::on_disk(|quotas| quotas).await;
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
        all.push(Recorded {
            what: operation.what,
            lambda: name.to_owned(),
            event: event.into_value().to_string(),
            answers: tape.take(),
        });
    }
    (api.bed.config.clone(), all)
}

async fn lambdas(api: &Api, tape: &Tape) -> BTreeMap<&'static str, Lambda> {
    let bed = &api.bed;
    let (dynamodb, s3) = clients(bed.stores(), tape.clone());
    let store = Store::with_clients(dynamodb, s3, &bed.config);
    let lambda = lambda_client(bed.engine().await.url(), tape.clone());
    let engine = Engine::with_client(lambda, &bed.config);
    let invoker = Invoker::new(store.clone(), engine.clone(), &bed.config);
    BTreeMap::from([
        ("workspaces", workspaces::router(store.clone())),
        ("functions", functions::router(store.clone())),
        ("logs", logs::router(store.clone())),
        ("invocations", invocations::router(invoker)),
        ("docs", docs::router(store, engine)),
    ])
    .into_iter()
    .map(|(name, router)| (name, bed.lambda(name, router)))
    .collect()
}
