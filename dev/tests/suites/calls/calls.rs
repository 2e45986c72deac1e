//! Who may call what, and what callers see while functions change, many call at
//! once, or parts of us fail.

use std::time::Duration;

use super::env::CallEnv;
use futures_util::future::join_all;
use serde_json::json;
use shared::domain::{Expected, Owner};
use testkit::Event;
use testkit::faults::Fault;

const ECHO: &str =
    "def handler(event, context):\n    print(event['body'])\n    return event['body']\n";

#[tokio::test]
async fn before_it_is_deployed_a_function_asks_for_patience() {
    let env = CallEnv::start().await;
    let id = env.created(ECHO, json!({})).await;
    let answer = env.call(&id, "GET", "", "").await;
    let message = answer.assert_error(503, "SERVICE_UNAVAILABLE");
    assert!(message.contains("not deployed yet"), "{message}");
    assert_eq!(answer.header("retry-after"), "2");
    env.settle().await;
    assert_eq!(env.call(&id, "GET", "", "").await.status, 200);
    assert_eq!(env.logs(&id).await.len(), 1, "what did not run has no log");
}

#[tokio::test]
async fn only_allowed_methods_of_active_functions_get_through() {
    let env = CallEnv::start().await;
    let id = env.deployed(ECHO).await;
    let answer = env.call(&id, "DELETE", "", "").await;
    answer.assert_error(405, "METHOD_NOT_ALLOWED");
    assert_eq!(answer.header("allow"), "GET,POST,PUT,HEAD,OPTIONS");
    let options = env.call(&id, "OPTIONS", "/a", "").await;
    assert_eq!((options.status, options.header("allow")), (204, "GET,POST,PUT,HEAD,OPTIONS"));
    let head = env.call(&id, "HEAD", "", "").await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    env.patch(&id, json!({"httpMethods": ["DELETE"]})).await;
    assert_eq!(env.call(&id, "DELETE", "/below", "").await.status, 200, "without a deployment");
    env.call(&id, "GET", "", "").await.assert_error(405, "METHOD_NOT_ALLOWED");

    env.patch(&id, json!({"status": "disabled"})).await;
    let message = env.call(&id, "DELETE", "", "").await.assert_error(409, "CONFLICT");
    assert!(message.contains("disabled"), "{message}");
    let at = format!("/api/workspaces/{}/functions/{id}/invoke", env.workspace);
    let tried = env.send(Event::fixture("invoke-function").at(&at)).await;
    tried.assert_error(409, "CONFLICT");
    env.patch(&id, json!({"status": "active"})).await;
    assert_eq!(env.call(&id, "DELETE", "", "").await.status, 200);
}

#[tokio::test]
async fn what_is_not_there_is_404_and_what_is_too_large_413() {
    let env = CallEnv::start().await;
    let id = env.deployed(ECHO).await;
    for path in [
        format!("/invoke/{}/fn-nothing", env.workspace),
        format!("/invoke/ws-nothing/{id}"),
        "/invoke/x/y/z".into(),
        format!("/invoke/{}", env.workspace),
    ] {
        let answer = env.send(Event::fixture("call-function").at(&path)).await;
        answer.assert_error(404, "NOT_FOUND");
    }
    let answer = env.call(&id, "POST", "", &"x".repeat(6 * 1024 * 1024)).await;
    let message = answer.assert_error(413, "PAYLOAD_TOO_LARGE");
    assert!(message.contains("6291456"), "{message}");
    let large = "x".repeat(2_900_000);
    let answer = env.call(&id, "POST", "", &large).await;
    assert_eq!((answer.status, answer.body.len()), (200, large.len()));
    let log = &env.logs(&id).await[0];
    assert_eq!(log["requestBody"]["truncated"], true);
    assert_eq!(log["responseBody"]["truncated"], true);
    assert_eq!(env.logs(&id).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_at_once_each_get_their_own_answer_and_are_counted() {
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
async fn no_answer_comes_from_a_half_updated_function() {
    let env = CallEnv::start().await;
    let source = |n: u32| {
        format!(
            "import os\n\ndef handler(event, context):\n    return [{n}, int(os.environ['NUMBER'])]\n"
        )
    };
    let id = env.created(&source(0), json!({"environmentVariables": {"NUMBER": "0"}})).await;
    env.settle().await;
    // Not by settling: that waits until nothing happens any more.
    let mut stream = env.env.stream();
    stream.seek_newest().unwrap();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let callers = join_all((0..4).map(|_| async {
        let mut seen = Vec::new();
        while !*stopped.borrow() {
            let answer = env.call(&id, "POST", "", "").await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            let pair: (u32, u32) = serde_json::from_str(&answer.body).unwrap();
            assert_eq!(pair.0, pair.1, "code and settings of one deployment");
            seen.push(pair.0);
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
                "in force once deployed"
            );
        }
        stop.send(true).unwrap();
    };
    let (seen, ()) = tokio::join!(callers, changes);
    assert!(seen.iter().all(|seen| seen.is_sorted()), "nobody is taken back: {seen:?}");
    let versions = env.env.lambda_client().await.list_versions_by_function();
    let versions = versions.function_name(format!("faas-{id}")).send().await.unwrap();
    assert_eq!(versions.versions().len(), 3, "$LATEST, the newest, and the one before");
}

#[tokio::test]
async fn one_that_is_deleted_while_it_runs_answers_and_leaves_nothing() {
    let env = CallEnv::start().await;
    let source =
        "import time\n\ndef handler(event, context):\n    time.sleep(1)\n    return 'done'\n";
    let id = env.deployed(source).await;
    let delete = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let (owner, any) = (Owner::anonymous(), Expected::Any);
        env.env.store.delete_function(&owner, &env.workspace, &id, &any).await.unwrap();
        env.settle().await;
    };
    let (answer, ()) = tokio::join!(env.call(&id, "GET", "", ""), delete);
    assert_eq!((answer.status, answer.body.as_str()), (200, "done"));
    env.call(&id, "GET", "", "").await.assert_error(404, "NOT_FOUND");
    env.settle().await;
    let left = env.env.dynamodb.scan().table_name(&env.env.config.table).send().await.unwrap();
    let left: Vec<_> = left.items().iter().map(|item| item["SK"].as_s().unwrap()).collect();
    let of_owner = "COUNT";
    assert_eq!(
        left,
        [of_owner, "METADATA", "METRICS"],
        "the log that came after its function is gone, too"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_that_print_at_once_keep_their_lines_apart() {
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
async fn a_function_that_outlasts_the_gateway_is_a_504_with_a_log() {
    let env = CallEnv::waiting(Duration::from_millis(700)).await;
    let source = "import time\n\ndef handler(event, context):\n    time.sleep(3)\n";
    let id = env.deployed(source).await;
    let answer = env.call(&id, "GET", "", "").await;
    let message = answer.assert_error(504, "TIMEOUT");
    assert!(message.contains("the gateway waits for 30 s"), "{message}");
    let details = &answer.json()["error"]["details"];
    assert_eq!(details["limitSeconds"], 30);
    assert!(details["spentSeconds"].as_f64().unwrap() < 2.0, "{details}");
    let log = &env.logs(&id).await[0];
    assert_eq!((&log["status"], &log["statusCode"]), (&json!("error"), &json!(504)));
}

#[tokio::test]
async fn a_log_that_can_not_be_written_costs_nobody_the_answer() {
    let env = CallEnv::start().await;
    let id = env.deployed(ECHO).await;
    // The first call reads the function, the second runs it, and the rest would log it.
    env.env.faults.spoil(3, 10, Fault::Unsent);
    let answer = env.call(&id, "POST", "", "\"precious\"").await;
    assert!(env.env.faults.heal());
    assert_eq!((answer.status, answer.body.as_str()), (200, "precious"));
    assert_eq!(env.logs(&id).await.len(), 0);
}

#[tokio::test]
async fn a_call_whose_answer_is_lost_is_not_made_again() {
    let env = CallEnv::start().await;
    let id = env.deployed(ECHO).await;
    env.env.faults.spoil(2, 1, Fault::Unanswered);
    let answer = env.call(&id, "POST", "", "1").await;
    assert!(env.env.faults.heal());
    let message = answer.assert_error(503, "SERVICE_UNAVAILABLE");
    assert!(message.contains("not known whether the function ran"), "{message}");
    let logs = env.logs(&id).await;
    assert_eq!((logs.len(), &logs[0]["statusCode"]), (1, &json!(503)));
}
