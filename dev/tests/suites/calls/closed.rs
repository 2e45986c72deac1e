//! Functions that don't take every call: closed ones, and busy ones.

use deployment::call_env::CallEnv;
use futures_util::future::join_all;
use serde_json::{Value, json};
use shared::config::Config;
use shared::domain::{CreateInvocationKey, Fields, FunctionId, NewInvocationKey, Owner, Timestamp};
use shared::engine::Engine;
use shared::store::IdempotencyRecord;
use testkit::{Answer, Event};

const HEADERS: &str = "def handler(event, context):\n    return event['headers']\n";

async fn key(env: &CallEnv, id: &FunctionId) -> NewInvocationKey {
    let create = CreateInvocationKey::try_from(Fields::parse(br#"{"name": "a"}"#).unwrap());
    let claim = IdempotencyRecord::without_key(Timestamp::now());
    let new = create.unwrap().create(&claim.origin).unwrap();
    let (owner, ws) = (Owner::anonymous(), &env.workspace);
    env.env.store.create_invocation_key(&owner, &claim, ws, id, &new).await.unwrap();
    new
}

fn secret(key: &NewInvocationKey) -> String {
    serde_json::to_value(key).unwrap()["secret"].as_str().unwrap().to_owned()
}

async fn call(env: &CallEnv, id: &FunctionId, method: &str, key: Option<&str>) -> Answer {
    let at = format!("/invoke/{}/{id}/x", env.workspace);
    let event = Event::fixture("call-function").at(&at).method(method).text("");
    env.lambda.answer(event.header("x-api-key", key)).await
}

#[tokio::test]
async fn a_closed_function_runs_for_holders_of_a_key_only() {
    let env = CallEnv::start().await;
    let id = env.deployed(HEADERS).await;
    let open = call(&env, &id, "GET", Some("the function's own")).await;
    assert_eq!(open.json()["x-api-key"], "the function's own", "without keys it is a header");
    let (first, second) = (key(&env, &id).await, key(&env, &id).await);
    let open = call(&env, &id, "GET", Some(&secret(&first))).await;
    assert_eq!((open.status, &open.json()["x-api-key"]), (200, &Value::Null), "open, with keys");

    env.patch(&id, json!({"auth": "key"})).await;
    for key in [&first, &second] {
        let answer = call(&env, &id, "GET", Some(&secret(key))).await;
        assert_eq!(answer.status, 200, "without a deployment: {}", answer.body);
        assert_eq!(answer.json()["x-api-key"], Value::Null, "the function doesn't see it");
        assert_eq!(answer.json()["origin"], "http://localhost:5173", "but everything else");
    }
    let executions = env.logs(&id).await.len();
    for (wrong, part) in [(None, "in the header X-Api-Key"), (Some("faas_x"), "not one of")] {
        for method in ["GET", "DELETE", "OPTIONS"] {
            let answer = call(&env, &id, method, wrong).await;
            let message = answer.assert_error(401, "UNAUTHORIZED");
            assert!(message.contains(part), "{message}");
            assert_eq!(answer.header("www-authenticate"), "ApiKey header=\"X-Api-Key\"");
            assert_eq!(answer.header("allow"), "", "its methods are for those who may call it");
        }
    }
    let other = env.deployed(HEADERS).await;
    let strangers = secret(&key(&env, &other).await);
    call(&env, &id, "GET", Some(&strangers)).await.assert_error(401, "UNAUTHORIZED");
    assert_eq!(env.logs(&id).await.len(), executions, "what did not run has no log");
    assert_eq!(call(&env, &id, "OPTIONS", Some(&secret(&first))).await.status, 204);

    let owner = Owner::anonymous();
    let revoked =
        env.env.store.revoke_invocation_key(&owner, &env.workspace, &id, &first.key.id).await;
    revoked.unwrap();
    call(&env, &id, "GET", Some(&secret(&first))).await.assert_error(401, "UNAUTHORIZED");
    assert_eq!(call(&env, &id, "GET", Some(&secret(&second))).await.status, 200);
    assert_eq!(env.try_out(&id, "{}").await["status"], "success", "the test button needs none");
    env.patch(&id, json!({"auth": "none"})).await;
    assert_eq!(call(&env, &id, "GET", None).await.status, 200);
}

#[tokio::test]
async fn a_function_runs_as_often_at_once_as_it_may() {
    let mut env = CallEnv::start().await;
    let config = Config { concurrency: Some(2), ..env.env.config.clone() };
    let engine = Engine::with_client(env.env.lambda_client().await, &config);
    env.reconciler = reconciler::Reconciler::new(env.env.store.clone(), engine.clone());
    let invoker = invocations::Invoker::new(env.env.store.clone(), engine, &config);
    env.lambda = env.env.lambda("invocations", invocations::router(invoker));
    let slow = "import time\n\ndef handler(event, context):\n    time.sleep(3)\n    return 1\n";
    let (id, other) = (env.deployed(slow).await, env.deployed(slow).await);

    let calls = join_all((0..6).map(|_| call(&env, &id, "GET", None)));
    let (answers, beside) = tokio::join!(calls, call(&env, &other, "GET", None));
    assert_eq!(beside.status, 200, "one function's limit is not another's");
    let ran = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(ran, 2);
    for refused in answers.iter().filter(|answer| answer.status != 200) {
        let message = refused.assert_error(429, "TOO_MANY_REQUESTS");
        assert!(message.contains("2 times at once"), "{message}");
        assert_eq!(refused.header("retry-after"), "1");
        let details = &refused.json()["error"]["details"];
        assert_eq!(details, &json!({"limit": "concurrentExecutionsPerFunction", "value": 2}));
    }
    assert_eq!(env.logs(&id).await.len(), 2, "what did not run has no log");
    assert_eq!(call(&env, &id, "GET", None).await.status, 200, "it recovers by itself");

    // A deployment without the limit lifts it at the function's next change.
    env.reconciler = reconciler::Reconciler::new(env.env.store.clone(), env.engine.clone());
    env.patch(&id, json!({"memory": 256})).await;
    env.settle().await;
    let answers = join_all((0..4).map(|_| call(&env, &id, "GET", None))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
}
