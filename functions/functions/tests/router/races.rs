//! Concurrent requests to the functions Lambda.

use crate::env::RouterEnv;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join_all;
use serde_json::{Value, json};
use shared::domain::Quotas;
use testkit::Event;

#[tokio::test]
async fn concurrent_creations_are_all_listed_and_counted() {
    let env = RouterEnv::start().await;
    let names: Vec<String> = (0..40).map(|i| format!("동시 {i} 🚀")).collect();
    let made = join_all(names.iter().map(|name| env.created(name, "print(1)"))).await;
    let listed = env.list("").await.json();
    assert_eq!(listed.as_array().unwrap().len(), 40);
    for function in &made {
        assert!(listed.as_array().unwrap().contains(function), "{function}");
    }
    assert_eq!(env.function_count().await, 40);

    let mut paged = Vec::new();
    let mut next = Some(format!("{}?limit=7", env.path()));
    while let Some(at) = next {
        let page = env.lambda.answer(Event::fixture("list-functions").at(&at)).await;
        paged.extend(page.json().as_array().unwrap().clone());
        next = page.next().map(str::to_owned);
    }
    assert_eq!(json!(paged), listed);
}

#[tokio::test]
async fn concurrent_deletions_return_204_once() {
    let env = RouterEnv::start().await;
    let made = env.created("one", "print(1)").await;
    env.created("other", "print(1)").await;
    let mut statuses: Vec<u16> =
        join_all((0..8).map(|_| env.delete(&made))).await.iter().map(|a| a.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 404, 404, 404, 404, 404, 404, 404]);
    assert_eq!(env.function_count().await, 1);
}

#[tokio::test]
async fn concurrent_source_updates_keep_one_of_the_sources() {
    let env = RouterEnv::start().await;
    let made = env.created("raced", "print(0)").await;
    for round in 0..5 {
        let bodies: Vec<Value> = (0..6)
            .map(|i| json!({"code": STANDARD.encode(format!("print({round}, {i})"))}))
            .collect();
        for answer in join_all(bodies.iter().map(|body| env.patch(&made, body))).await {
            assert_eq!(answer.status, 200, "{}", answer.body);
        }
        let code = env.read(&made).await.json()["code"].as_str().unwrap().to_owned();
        assert!(bodies.iter().any(|body| body["code"] == code.as_str()));
    }
}

#[tokio::test]
async fn concurrent_creations_stop_at_the_function_quota() {
    let mut env = RouterEnv::start().await;
    let quotas = Quotas { functions: 3, ..env.env.config.quotas };
    let store = env.env.store.clone().with_quotas(quotas);
    env.lambda = env.env.lambda("functions", functions::router(store));
    let body = json!({"name": "f", "code": STANDARD.encode(noise())});
    let answers = join_all((0..8).map(|_| env.create(&body))).await;
    let made: Vec<Value> =
        answers.iter().filter(|answer| answer.status == 201).map(|answer| answer.json()).collect();
    assert_eq!(made.len(), 3);
    for refused in answers.iter().filter(|answer| answer.status != 201) {
        let message = refused.assert_error(409, "CONFLICT");
        assert!(message.contains("3 functions"), "{message}");
        let details = &refused.json()["error"]["details"];
        assert_eq!(details, &json!({"limit": "functionsPerWorkspace", "value": 3}));
    }
    assert_eq!(env.function_count().await, 3);
    assert_eq!(env.objects().await.len(), 3, "a rejected creation leaves no source");
    assert_eq!(env.delete(&made[0]).await.status, 204);
    assert_eq!(env.create(&body).await.status, 201);
    env.create(&body).await.assert_error(409, "CONFLICT");
}

/// A source too large for its item, stored in the bucket only.
fn noise() -> String {
    let word = |i: u64| format!("{:016x}", i.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    "#".to_owned() + &(1..4000).map(word).collect::<String>()
}
