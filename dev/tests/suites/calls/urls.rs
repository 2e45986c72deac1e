//! Calls during changes, concurrent calls, and calls while AWS calls fail.

use std::time::Duration;

use super::env::CallEnv;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join_all;
use serde_json::json;
use shared::domain::{Expected, Owner};
use testkit::faults::Fault;

use crate::gate::Gate;
use crate::setting;

const ECHO: &str =
    "def handler(event, context):\n    print(event['body'])\n    return event['body']\n";

#[tokio::test]
async fn method_and_status_changes_need_no_deployment() {
    let env = CallEnv::start().await;
    let id = env.deployed(ECHO).await;
    let get = env.call(&id, "GET", "", "").await;
    let head = env.call(&id, "HEAD", "", "").await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(head.header("content-length"), get.body.len().to_string());
    env.patch(&id, json!({"httpMethods": ["DELETE"]})).await;
    assert_eq!(env.call(&id, "DELETE", "/below", "").await.status, 200);
    env.call(&id, "GET", "", "").await.assert_error(405, "METHOD_NOT_ALLOWED");
    env.patch(&id, json!({"status": "disabled"})).await;
    env.call(&id, "DELETE", "", "").await.assert_error(409, "CONFLICT");
    env.patch(&id, json!({"status": "active"})).await;
    assert_eq!(env.call(&id, "DELETE", "", "").await.status, 200);
}

/// How many functions are created and called in one breath: `BREATHS`, or 10.
fn breaths() -> usize {
    setting("BREATHS").map_or(10, |number| number as usize)
}

#[tokio::test]
async fn a_call_waits_for_the_deployment_of_its_function() {
    let env = CallEnv::waiting_for_deployments().await;
    let calls = async {
        for i in 0..breaths() {
            let source = |word: &str| {
                format!("def handler(event, context):\n    return '{word} {i} ' + event['body']\n")
            };
            let id = env.created(&source("first"), json!({})).await;
            if i % 2 == 0 {
                let answer = env.call(&id, "POST", "", "\"now\"").await;
                assert_eq!((answer.status, answer.body), (200, format!("first {i} now")));
            } else {
                let tried = env.try_out(&id, "\"now\"").await;
                assert_eq!(tried["responseBody"], format!("first {i} now"));
            }
            // The test button runs what was saved last.
            env.patch(&id, json!({"code": STANDARD.encode(source("second"))})).await;
            let tried = env.try_out(&id, "\"now\"").await;
            assert_eq!(tried["responseBody"], format!("second {i} now"));
        }
    };
    env.while_following(calls).await;
}

#[tokio::test]
async fn a_call_of_a_function_that_cannot_be_deployed_returns_409_at_once() {
    let env = CallEnv::waiting_for_deployments().await;
    let id = env.created(ECHO, json!({})).await;
    let store = &env.env.store;
    store.record_failed_deployment(&env.workspace, &id, 1, "no room").await.unwrap();
    let answer = env.call(&id, "POST", "", "1").await;
    assert_eq!(answer.assert_error(409, "CONFLICT"), "no room");
}

#[tokio::test]
async fn large_bodies_are_passed_on_and_truncated_in_the_log() {
    let env = CallEnv::start().await;
    let id = env.deployed(ECHO).await;
    for large in ["x".repeat(5_800_000), "가".repeat(1_900_000)] {
        let answer = env.call(&id, "POST", "", &large).await;
        assert_eq!((answer.status, answer.body.len()), (200, large.len()));
        let log = &env.logs(&id).await[0];
        assert_eq!(log["requestBody"]["truncated"], true);
        assert_eq!(log["responseBody"]["truncated"], true);
    }
    assert_eq!(env.logs(&id).await.len(), 2);
}

#[tokio::test]
async fn json_of_any_depth_and_size_reaches_the_handler() {
    let env = CallEnv::start().await;
    let source = "def handler(event, context):\n    return type(event['body']).__name__\n";
    let id = env.deployed(source).await;
    let digits = "9".repeat(310);
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    for (body, kind) in [
        (digits.as_str(), "int"),
        ("1e309", "float"),
        (&nested(400), "list"),
        ("\u{feff}{\"a\": 1}", "dict"),
        (&nested(100_000), "str"),
        (&"9".repeat(5000), "str"),
        ("NaN", "str"),
        ("", "dict"),
    ] {
        let answer = env.call(&id, "POST", "", body).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (200, kind),
            "{}",
            &body[..body.len().min(20)]
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundred_concurrent_calls_are_answered_logged_and_counted() {
    let env = CallEnv::start().await;
    let source = "import time\n\ndef handler(event, context):\n    print('for', event['body'])\n    \
        time.sleep(0.05)\n    return event['body']\n";
    let id = env.deployed(source).await;
    let calls = (0..100).map(|i| {
        let (env, id) = (&env, &id);
        async move { (i, env.call(id, "POST", "", &i.to_string()).await) }
    });
    for (i, answer) in join_all(calls).await {
        assert_eq!((answer.status, answer.body), (200, i.to_string()));
    }
    let logs = env.logs(&id).await;
    assert_eq!(logs.len(), 100);
    for log in &logs {
        assert_eq!(log["logs"], json!([format!("for {}", log["requestBody"])]), "its own lines");
        assert_eq!(log["responseBody"], log["requestBody"]);
    }
    env.settle().await;
    let owner = Owner::anonymous();
    let function = env.env.store.function(&owner, &env.workspace, &id).await.unwrap().value;
    assert_eq!((function.invocations_24h, function.errors_24h), (100, 0));
    assert!(function.avg_duration >= 50.0, "{}", function.avg_duration);
    let workspace = env.env.store.workspace(&owner, &env.workspace).await.unwrap().value;
    assert_eq!(workspace.invocations_24h, 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_during_updates_see_code_and_settings_of_one_version() {
    let env = CallEnv::start().await;
    let source = |n: u32| {
        format!(
            "import os\n\ndef handler(event, context):\n    return [{n}, int(os.environ['NUMBER'])]\n"
        )
    };
    let id = env.created(&source(0), json!({"environmentVariables": {"NUMBER": "0"}})).await;
    env.settle().await;
    // `settle` would wait for the callers below, whose logs are changes too.
    let mut stream = env.env.stream();
    stream.seek_newest().unwrap();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let callers = join_all((0..4).map(|_| async {
        let mut seen = Vec::new();
        while !*stopped.borrow() {
            let answer = env.call(&id, "POST", "", "").await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            let (code, settings): (u32, u32) = serde_json::from_str(&answer.body).unwrap();
            assert_eq!(code, settings, "code and settings of one deployment");
            seen.push(code);
        }
        seen
    }));
    let changes = async {
        for n in 1..=6_u32 {
            use base64::Engine as _;
            let code = base64::engine::general_purpose::STANDARD.encode(source(n));
            let variables = json!({"NUMBER": n.to_string()});
            env.patch(&id, json!({"code": code, "environmentVariables": variables})).await;
            env.process(json!({"Records": stream.next(1000).unwrap()})).await;
            let answer = env.call(&id, "POST", "", "").await;
            assert_eq!(
                answer.body.replace(' ', ""),
                format!("[{n},{n}]"),
                "effective once deployed"
            );
        }
        stop.send(true).unwrap();
    };
    let (seen, ()) = tokio::join!(callers, changes);
    assert!(seen.iter().all(|seen| seen.is_sorted()), "in the order of deployment: {seen:?}");
    let versions = env.env.lambda_client().await.list_versions_by_function();
    let versions = versions.function_name(format!("faas-{id}")).send().await.unwrap();
    assert_eq!(versions.versions().len(), 3, "$LATEST, the newest, and the one before");
}

#[tokio::test]
async fn function_deleted_during_a_call_answers_and_leaves_no_items() {
    let env = CallEnv::start().await;
    let gate = Gate::new();
    let id = env.created(&gate.source(), json!({"timeout": 300})).await;
    env.settle().await;
    let delete = async {
        gate.reached_by(1).await;
        let (owner, any) = (Owner::anonymous(), Expected::Any);
        env.env.store.delete_function(&owner, &env.workspace, &id, &any).await.unwrap();
        env.settle().await;
        gate.open();
    };
    let (answer, ()) = tokio::join!(env.call(&id, "GET", "", ""), delete);
    assert_eq!((answer.status, answer.body.as_str()), (200, "done"));
    env.call(&id, "GET", "", "").await.assert_error(404, "NOT_FOUND");
    env.settle().await;
    let left = env.env.dynamodb.scan().table_name(&env.env.config.table).send().await.unwrap();
    let left: Vec<_> = left.items().iter().map(|item| item["SK"].as_s().unwrap()).collect();
    // `COUNT` is the owner's. The log was written after the deletion, and is removed all the same.
    assert_eq!(left, ["COUNT", "METADATA", "METRICS"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_functions_keep_their_output_apart() {
    let env = CallEnv::start().await;
    let source = |name: &str| {
        format!(
            "import sys\n\ndef handler(event, context):\n    for i in range(300):\n        \
             print('{name}', i)\n        print('{name}', i, file=sys.stderr)\n"
        )
    };
    let [one, two] = [env.deployed(&source("one")).await, env.deployed(&source("two")).await];
    for _ in 0..3 {
        tokio::join!(env.call(&one, "GET", "", ""), env.call(&two, "GET", "", ""));
    }
    for (id, name) in [(one, "one"), (two, "two")] {
        let expected: Vec<_> =
            (0..300).flat_map(|i| [format!("{name} {i}"), format!("{name} {i}")]).collect();
        for log in env.logs(&id).await {
            assert_eq!(log["logs"], json!(expected), "stdout and stderr in order");
        }
    }
}

#[tokio::test]
async fn call_above_the_wait_limit_returns_504_with_a_log() {
    let env = CallEnv::waiting(Duration::from_secs(2)).await;
    let id = env.deployed(ECHO).await;
    // The first call reads the function, the second invokes it.
    env.env.faults.inject(2, 1, Fault::Silent);
    let answer = env.call(&id, "GET", "", "").await;
    assert!(env.env.faults.clear());
    let message = answer.assert_error(504, "TIMEOUT");
    assert!(message.contains("the gateway waits for 30 s"), "{message}");
    let details = &answer.json()["error"]["details"];
    assert_eq!(details["limitSeconds"], 30);
    assert!(details["spentSeconds"].as_f64().unwrap() >= 2.0, "{details}");
    let log = &env.logs(&id).await[0];
    assert_eq!((&log["status"], &log["statusCode"]), (&json!("error"), &json!(504)));
}

#[tokio::test]
async fn failed_log_write_does_not_affect_the_response() {
    let env = CallEnv::start().await;
    let id = env.deployed(ECHO).await;
    // The first call reads the function, the second invokes it, all others write the log.
    env.env.faults.inject(3, 10, Fault::Unsent);
    let answer = env.call(&id, "POST", "", "\"echo\"").await;
    assert!(env.env.faults.clear());
    assert_eq!((answer.status, answer.body.as_str()), (200, "echo"));
    assert_eq!(env.logs(&id).await.len(), 0);
}

#[tokio::test]
async fn invocation_with_unknown_outcome_is_not_retried() {
    let env = CallEnv::start().await;
    let id = env.deployed(ECHO).await;
    env.env.faults.inject(2, 1, Fault::Unanswered);
    let answer = env.call(&id, "POST", "", "1").await;
    assert!(env.env.faults.clear());
    let message = answer.assert_error(503, "SERVICE_UNAVAILABLE");
    assert!(message.contains("not known whether the function ran"), "{message}");
    let logs = env.logs(&id).await;
    assert_eq!((logs.len(), &logs[0]["statusCode"]), (1, &json!(503)));
}
