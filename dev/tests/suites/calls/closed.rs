//! Closed functions, and the limit of concurrent executions.

use super::env::CallEnv;
use futures_util::future::join_all;
use serde_json::{Value, json};
use shared::config::Config;
use shared::domain::{CreateInvocationKey, Fields, FunctionId, Owner, Timestamp};
use shared::engine::Engine;
use shared::store::IdempotencyRecord;
use testkit::{Answer, Event};

use crate::gate::Gate;

const HEADERS: &str = "def handler(event, context):\n    return event['headers']\n";

/// The secret of a new invocation key.
async fn key(env: &CallEnv, id: &FunctionId) -> String {
    let create = CreateInvocationKey::try_from(Fields::parse(br#"{"name": "a"}"#).unwrap());
    let claim = IdempotencyRecord::without_key(Timestamp::now());
    let new = create.unwrap().create(&claim.origin).unwrap();
    let (owner, ws) = (Owner::anonymous(), &env.workspace);
    env.env.store.create_invocation_key(&owner, &claim, ws, id, &new).await.unwrap();
    serde_json::to_value(&new).unwrap()["secret"].as_str().unwrap().to_owned()
}

async fn call(env: &CallEnv, id: &FunctionId, key: Option<&str>) -> Answer {
    let at = format!("/invoke/{}/{id}/x", env.workspace);
    let event = Event::fixture("call-function").at(&at).method("GET").text("");
    env.send(event.header("x-api-key", key)).await
}

#[tokio::test]
async fn closed_function_requires_an_invocation_key() {
    let env = CallEnv::start().await;
    let id = env.deployed(HEADERS).await;
    let open = call(&env, &id, Some("the function's own")).await;
    assert_eq!(open.json()["x-api-key"], "the function's own", "a function without keys sees it");
    let secret = key(&env, &id).await;
    let open = call(&env, &id, Some(&secret)).await;
    assert_eq!(
        (open.status, &open.json()["x-api-key"]),
        (200, &Value::Null),
        "one with keys doesn't"
    );

    env.patch(&id, json!({"auth": "key"})).await;
    let answer = call(&env, &id, Some(&secret)).await;
    assert_eq!(answer.status, 200, "without a deployment: {}", answer.body);
    assert_eq!(answer.json()["x-api-key"], Value::Null, "the key is removed from the event");
    assert_eq!(answer.json()["origin"], "http://localhost:5173", "other headers are passed on");
    let executions = env.logs(&id).await.len();
    call(&env, &id, None).await.assert_error(401, "UNAUTHORIZED");
    assert_eq!(env.logs(&id).await.len(), executions, "only executions are logged");
    assert_eq!(env.try_out(&id, "{}").await["status"], "success", "the console needs no key");
    env.patch(&id, json!({"auth": "none"})).await;
    assert_eq!(call(&env, &id, None).await.status, 200);
}

#[tokio::test]
async fn calls_above_the_concurrency_limit_return_429() {
    let mut env = CallEnv::start().await;
    let config = Config { concurrency: Some(2), ..env.env.config.clone() };
    let engine = Engine::with_client(env.env.lambda_client().await, &config);
    env.reconciler = reconciler::Reconciler::new(env.env.store.clone(), engine.clone());
    let invoker = invocations::Invoker::new(env.env.store.clone(), engine, &config);
    let limited = env.env.lambda("invocations", invocations::router(invoker));
    env.replace("invocations", limited);
    let gate = Gate::new();
    let id = env.created(&gate.source(), json!({"timeout": 300})).await;
    let other = env.deployed(HEADERS).await;

    let running = join_all((0..2).map(|_| call(&env, &id, None)));
    let meanwhile = async {
        gate.reached_by(2).await;
        assert_eq!(call(&env, &other, None).await.status, 200, "the limit is per function");
        for _ in 0..4 {
            let rejected = call(&env, &id, None).await;
            let message = rejected.assert_error(429, "TOO_MANY_REQUESTS");
            assert!(message.contains("2 times at once"), "{message}");
            assert_eq!(rejected.header("retry-after"), "1");
            let details = &rejected.json()["error"]["details"];
            assert_eq!(details, &json!({"limit": "concurrentExecutionsPerFunction", "value": 2}));
        }
        gate.open();
    };
    let (answers, ()) = tokio::join!(running, meanwhile);
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert_eq!(env.logs(&id).await.len(), 2, "only executions are logged");
    assert_eq!(call(&env, &id, None).await.status, 200);

    // The function's next deployment without a limit removes it.
    env.reconciler = reconciler::Reconciler::new(env.env.store.clone(), env.engine.clone());
    env.patch(&id, json!({"memory": 256})).await;
    env.settle().await;
    let answers = join_all((0..4).map(|_| call(&env, &id, None))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
}
