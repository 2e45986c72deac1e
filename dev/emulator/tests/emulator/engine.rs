//! The local engine through AWS's own client, with real Python functions.

use std::collections::HashSet;
use std::path::Path;

use crate::test_engine::{
    FUNCTION_TIMEOUT, Invoked, TIMEOUT, TestEngine, blob, client, text, until, until_exited, zip,
};
use aws_sdk_lambda::error::ProvideErrorMetadata;
use aws_sdk_lambda::types::{LastUpdateStatus, State};
use emulator::engine::{EngineOptions, RuntimeClient};
use serde_json::{Value, json};

const BOTH_CLIENTS: [RuntimeClient; 2] = [RuntimeClient::Aws, RuntimeClient::BuiltIn];

const TROUBLE: &str = include_str!("test_engine/trouble.py");

#[tokio::test]
async fn a_new_function_is_pending_then_active_and_can_be_invoked_and_deleted() {
    let engine = TestEngine::with_manual_updates();
    let created = engine.create("one", "def handler(event, context):\n    return event").await;
    let created = created.unwrap();
    assert_eq!(created.state(), Some(&State::Pending));
    assert_eq!(created.version(), Some("$LATEST"));
    let arn = "arn:aws:lambda:ap-northeast-2:000000000000:function:one";
    assert_eq!(created.function_arn(), Some(arn));
    let early = engine.call("one").payload(blob("{}")).send().await.unwrap_err();
    assert!(early.as_service_error().unwrap().is_resource_conflict_exception(), "{early:?}");
    let again = engine.create("one", "").await.unwrap_err();
    assert!(again.as_service_error().unwrap().is_resource_conflict_exception(), "{again:?}");

    engine.complete_updates();
    let found = engine.client.get_function().function_name(arn).send().await.unwrap();
    let found = found.configuration().unwrap();
    assert_eq!(found.last_update_status(), Some(&LastUpdateStatus::Successful));
    assert_eq!((found.timeout(), found.memory_size()), (Some(FUNCTION_TIMEOUT), Some(128)));
    let Invoked { answer, version, .. } = engine.invoke("one", &json!({"a": [1, "ö"]})).await;
    assert_eq!((answer, version.as_str()), (json!({"a": [1, "ö"]}), "$LATEST"));

    let listed = engine.client.list_functions().send().await.unwrap();
    assert_eq!(listed.functions().len(), 1);
    engine.client.delete_function().function_name("one").send().await.unwrap();
    let gone = engine.call("one").send().await.unwrap_err();
    assert!(gone.as_service_error().unwrap().is_resource_not_found_exception(), "{gone:?}");
    let gone = engine.client.delete_function().function_name("one").send().await.unwrap_err();
    assert!(gone.as_service_error().unwrap().is_resource_not_found_exception());
    engine.create("one", "def handler(e, c): return 2").await.unwrap();
    engine.complete_updates();
    assert_eq!(engine.answer("one", &json!({})).await, json!(2));
}

#[tokio::test]
async fn a_new_function_becomes_active_by_itself() {
    let engine = TestEngine::start();
    engine.create_active("f", "def handler(e, c): return 1").await;
    assert_eq!(engine.answer("f", &json!({})).await, json!(1));
}

#[tokio::test]
async fn a_published_version_never_changes() {
    let engine = TestEngine::with_manual_updates();
    let source = |text: &str| {
        format!(
            "import os\ndef handler(event, context):\n    return ['{text}', context.function_version, os.environ.get('GREETING')]"
        )
    };
    engine.create("f", &source("a")).await.unwrap();
    engine.complete_updates();
    let publish = || engine.client.publish_version().function_name("f");
    let first = publish().send().await.unwrap();
    assert_eq!(first.version(), Some("1"));
    assert!(first.function_arn().unwrap().ends_with(":function:f:1"));
    engine.complete_updates();
    assert_eq!(publish().send().await.unwrap().version(), Some("1"), "nothing has changed");

    let updated = engine.update_code("f", &source("b")).await.unwrap();
    assert_eq!(updated.last_update_status(), Some(&LastUpdateStatus::InProgress));
    // Until the update is complete the old code runs, and no other change is possible.
    assert_eq!(engine.answer("f", &json!({})).await, json!(["a", "$LATEST", null]));
    let conflict = engine.update_code("f", &source("c")).await.unwrap_err();
    assert!(conflict.as_service_error().unwrap().is_resource_conflict_exception());
    let conflict = publish().send().await.unwrap_err();
    assert!(conflict.as_service_error().unwrap().is_resource_conflict_exception());
    engine.complete_updates();
    assert_eq!(engine.answer("f", &json!({})).await, json!(["b", "$LATEST", null]));

    engine.configure("f", "GREETING", "hi").await.unwrap();
    engine.complete_updates();
    assert_eq!(engine.answer("f", &json!({})).await, json!(["b", "$LATEST", "hi"]));
    assert_eq!(publish().send().await.unwrap().version(), Some("2"));
    engine.complete_updates();
    assert_eq!(engine.answer("f:2", &json!({})).await, json!(["b", "2", "hi"]));
    assert_eq!(engine.answer("f:1", &json!({})).await, json!(["a", "1", null]));

    let stale = publish().revision_id("another").send().await.unwrap_err();
    assert!(stale.as_service_error().unwrap().is_precondition_failed_exception());
    let stale = publish().code_sha256("another").send().await.unwrap_err();
    assert!(stale.as_service_error().unwrap().is_invalid_parameter_value_exception());

    let versions = engine.client.list_versions_by_function().function_name("f").send().await;
    let versions = versions.unwrap();
    let labels: Vec<_> = versions.versions().iter().filter_map(|v| v.version()).collect();
    assert_eq!(labels, ["$LATEST", "1", "2"]);
    engine.client.delete_function().function_name("f").qualifier("1").send().await.unwrap();
    let gone = engine.call("f:1").send().await.unwrap_err();
    assert!(gone.as_service_error().unwrap().is_resource_not_found_exception());
    assert_eq!(engine.answer("f", &json!({})).await, json!(["b", "$LATEST", "hi"]));
}

#[tokio::test]
async fn failures_of_a_function_are_reported_as_on_aws() {
    for client in BOTH_CLIENTS {
        let engine = TestEngine::with_client(client);
        engine.create_active("f", TROUBLE).await;
        let trouble = async |what: &str| engine.invoke("f", &json!({"do": what})).await;

        let raised = trouble("raise").await;
        assert!(raised.failed);
        assert_eq!(raised.answer["errorType"], "ValueError");
        assert_eq!(raised.answer["errorMessage"], "told to");
        let trace = raised.answer["stackTrace"].to_string();
        assert!(trace.contains("main.py") && trace.contains("in handler"), "{trace}");
        assert!(raised.log.contains("[ERROR] ValueError: told to"), "{}", raised.log);

        let unfit = trouble("unfit").await;
        assert_eq!(unfit.answer["errorType"], "Runtime.MarshalError", "{unfit:?}");

        let exited = trouble("exit").await;
        assert_eq!(exited.answer["errorType"], "Runtime.ExitError");
        let message = text(&exited.answer["errorMessage"]);
        assert!(message.starts_with("RequestId: "), "{message}");
        assert!(message.ends_with("Error: Runtime exited with error: exit status 3"), "{message}");
        let silent = trouble("exit 0").await;
        let message = text(&silent.answer["errorMessage"]);
        assert!(message.ends_with("Error: Runtime exited without providing a reason"));

        let large = trouble("large").await;
        assert_eq!(large.answer["errorType"], "Function.ResponseSizeTooLarge");
        assert_eq!(engine.answer("f", &json!({"do": "nothing"})).await, json!("done"));

        for (source, kind) in [
            ("import not_there", "Runtime.ImportModuleError"),
            ("def handler(:", "Runtime.UserCodeSyntaxError"),
            ("other = 1", "Runtime.HandlerNotFound"),
            ("1 / 0", "ZeroDivisionError"),
            ("import os; os._exit(4)", "Runtime.ExitError"),
        ] {
            engine.update_code("f", source).await.unwrap();
            engine.until_active("f").await;
            let invoked = engine.invoke("f", &json!({})).await;
            assert!(invoked.failed);
            assert_eq!(invoked.answer["errorType"], kind, "{invoked:?}");
        }
    }
}

#[tokio::test]
async fn a_timeout_kills_a_function_and_its_children() {
    let engine = TestEngine::start();
    engine.create_active("f", TROUBLE).await;
    let mut timeout = 1;
    let (late, children) = loop {
        engine.limit("f", timeout, 128).await;
        let hang = json!({"do": "hang"});
        let late = tokio::time::timeout(TIMEOUT, engine.invoke("f", &hang));
        let late = late.await.expect("it is killed");
        let children = late.log.lines().find_map(|line| line.strip_prefix("children "));
        if let Some(children) = children.map(str::to_owned) {
            break (late, children);
        }
        // On a busy machine its children may not have started in time.
        timeout *= 4;
    };
    assert_eq!(late.answer["errorType"], "Sandbox.Timedout");
    let message = text(&late.answer["errorMessage"]);
    let expected = format!("Error: Task timed out after {timeout}.00 seconds");
    assert!(message.ends_with(&expected), "{message}");
    assert!(late.log.contains("Task timed out"), "{}", late.log);
    for child in children.split(' ') {
        until_exited(child).await;
    }
    engine.limit("f", FUNCTION_TIMEOUT, 128).await;
    assert_eq!(engine.answer("f", &json!({"do": "nothing"})).await, json!("done"));
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_function_over_its_memory_limit_is_killed() {
    let engine = TestEngine::start();
    engine.create_active("f", TROUBLE).await;
    for what in ["memory", "memory of a child"] {
        let greedy = engine.invoke("f", &json!({"do": what})).await;
        assert_eq!(greedy.answer["errorType"], "Runtime.OutOfMemory", "{greedy:?}");
        let message = text(&greedy.answer["errorMessage"]);
        assert!(message.ends_with("Error: Runtime exited with error: signal: killed"));
    }
    engine.limit("f", FUNCTION_TIMEOUT, 512).await;
    assert_eq!(engine.answer("f", &json!({"do": "memory"})).await, json!("done"));
}

/// A function that waits until there is a file `go` in its event's folder.
const WAITING: &str = r#"
import os, time

def handler(event, context):
    print("invocation", event["me"])
    open(os.path.join(event["folder"], str(event["me"])), "w").close()
    while not os.path.exists(os.path.join(event["folder"], "go")):
        time.sleep(0.005)
    return [event["me"], os.getpid()]
"#;

/// Waits until all invocations of [`WAITING`] are running, and lets them end.
async fn release(folder: &Path, invocations: usize, while_running: impl AsyncFnOnce()) {
    until(async || std::fs::read_dir(folder).unwrap().count() == invocations).await;
    while_running().await;
    std::fs::write(folder.join("go"), "").unwrap();
}

#[tokio::test]
async fn concurrent_invocations_have_sandboxes_and_logs_of_their_own() {
    let engine = TestEngine::start();
    engine.create_active("a", WAITING).await;
    engine.create_active("b", WAITING).await;
    let engine = &engine;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let calls = (0..20).map(|i| async move {
        let name = if i % 2 == 0 { "a" } else { "b" };
        let invoked = engine.invoke(name, &json!({"folder": folder, "me": i})).await;
        assert_eq!(invoked.answer[0], json!(i));
        assert!(invoked.log.contains(&format!("invocation {i}\n")), "{}", invoked.log);
        assert_eq!(invoked.log.matches("invocation").count(), 1, "{}", invoked.log);
        invoked.answer[1].as_u64().unwrap()
    });
    let calls = futures_util::future::join_all(calls);
    let (used, ()) = tokio::join!(calls, release(folder, 20, async || {}));
    let used: HashSet<u64> = used.into_iter().collect();
    assert_eq!(used.len(), 20);
    let again = json!({"folder": folder, "me": "again"});
    let warm = engine.answer("a", &again).await[1].as_u64().unwrap();
    assert!(used.contains(&warm));
    assert_eq!(engine.answer("a", &again).await[1], warm);
}

#[tokio::test]
async fn a_deleted_function_finishes_its_invocation_and_its_sandboxes_end() {
    let engine = TestEngine::start();
    engine.create_active("f", WAITING).await;
    let folder = tempfile::tempdir().unwrap();
    let event = json!({"folder": folder.path(), "me": "last"});
    let delete = async || {
        engine.client.delete_function().function_name("f").send().await.unwrap();
    };
    let (last, ()) = tokio::join!(engine.invoke("f", &event), release(folder.path(), 1, delete));
    assert_eq!(last.answer[0], "last");
    until_exited(&last.answer[1].to_string()).await;
}

#[tokio::test]
async fn a_log_holds_both_outputs_in_their_order_and_at_most_4_kb() {
    for client in BOTH_CLIENTS {
        let engine = TestEngine::with_client(client);
        engine.create_active("f", TROUBLE).await;
        let first = engine.invoke("f", &json!({"do": "speak"})).await;
        let lines: Vec<&str> = first.log.lines().collect();
        assert!(lines[0].starts_with("imported"), "{}", first.log);
        assert!(lines[1].starts_with("START RequestId: ") && lines[1].ends_with("$LATEST"));
        assert_eq!(lines[2..5], ["out 1", "err 1", "out 2"]);
        assert!(lines[5].starts_with("[WARNING]\t") && lines[5].ends_with("\tlogged"));
        assert!(lines[6].starts_with("END RequestId: "));
        assert!(lines[7].contains("\tInit Duration: ") && lines[7].contains("Memory Size: 128 MB"));
        let again = engine.invoke("f", &json!({"do": "speak"})).await;
        assert!(again.log.starts_with("START") && !again.log.contains("Init"), "{}", again.log);
        let long = engine.invoke("f", &json!({"do": "speak for long"})).await;
        assert_eq!(long.log.len(), 4096);
        assert!(long.log.contains("line 9999\nEND"), "{}", long.log);
    }
}

#[tokio::test]
async fn a_function_gets_lambdas_variables_and_none_of_the_hosts() {
    for client in BOTH_CLIENTS {
        let engine = TestEngine::with_client(client);
        engine.create_active("f", TROUBLE).await;
        engine.configure("f", "OWN", "1").await.unwrap();
        engine.until_active("f").await;
        let described = engine.answer("f", &json!({"do": "describe"})).await;
        let variables = described["variables"].as_object().unwrap();
        assert_eq!(variables["OWN"], "1");
        assert_eq!(variables["AWS_LAMBDA_FUNCTION_NAME"], "f");
        assert_eq!(variables["AWS_EXECUTION_ENV"], "AWS_Lambda_python3.13");
        for name in variables.keys() {
            let ours = ["ACCESS_KEY", "SECRET", "TOKEN", "PROFILE", "ENDPOINT", "CARGO", "HOME"];
            assert!(!ours.iter().any(|part| name.contains(part)), "{name}");
        }
        assert_eq!(described["name"], "f");
        assert_eq!(described["memory"], "128");
        let left = described["left"].as_i64().unwrap();
        assert!((1..=i64::from(FUNCTION_TIMEOUT) * 1000).contains(&left), "{left}");
        assert_eq!(described["arn"], "arn:aws:lambda:ap-northeast-2:000000000000:function:f");
        assert_eq!(described["folder"], described["variables"]["LAMBDA_TASK_ROOT"]);
        assert_eq!(described["files"], json!(["main.py"]));
    }
}

#[tokio::test]
async fn functions_survive_a_restart_which_completes_their_changes() {
    let mut engine = TestEngine::with_manual_updates();
    engine.create("f", "def handler(event, context): return 1").await.unwrap();
    engine.complete_updates();
    engine.client.publish_version().function_name("f").send().await.unwrap();
    engine.complete_updates();
    engine.update_code("f", "def handler(event, context): return 2").await.unwrap();
    let before = engine.configuration("f").await;
    assert_eq!(before.last_update_status(), Some(&LastUpdateStatus::InProgress));
    engine.create("pending", "def handler(event, context): return 3").await.unwrap();
    engine.restart();
    let after = engine.configuration("f").await;
    assert_eq!(after.last_update_status(), Some(&LastUpdateStatus::Successful));
    assert_eq!(before.revision_id(), after.revision_id());
    assert_eq!(before.code_sha256(), after.code_sha256());
    assert_eq!(engine.answer("f", &json!({})).await, json!(2));
    assert_eq!(engine.answer("f:1", &json!({})).await, json!(1));
    assert_eq!(engine.answer("pending", &json!({})).await, json!(3));
    engine.client.delete_function().function_name("f").send().await.unwrap();
    engine.restart();
    assert!(engine.call("f").send().await.is_err());
}

#[tokio::test]
async fn without_python_only_invocations_fail() {
    let python = "no-such-python3";
    let engine = TestEngine::with_options(EngineOptions { python, ..EngineOptions::default() });
    engine.create_active("f", "def handler(e, c): return 1").await;
    let refused = engine.call("f").send().await.unwrap_err();
    assert_eq!(refused.code(), Some("ServiceException"));
    let message = refused.message().unwrap_or_default();
    assert!(message.contains("install Python 3.11 or later and start again"), "{message}");
}

#[tokio::test]
async fn a_request_that_aws_refuses_is_refused() {
    let engine = TestEngine::start();
    let create = || engine.creation("f", zip("def handler(e, c): return 1"));
    let code = |e: &dyn ProvideErrorMetadata| e.code().unwrap_or_default().to_owned();
    let long = engine.variables("LONG", &"x".repeat(4096));
    for (case, expected) in [
        (create().environment(long), "InvalidParameterValueException"),
        (
            create().environment(engine.variables("AWS_REGION", "x")),
            "InvalidParameterValueException",
        ),
        (create().environment(engine.variables("1X", "x")), "ValidationException"),
        (create().timeout(901), "ValidationException"),
        (create().memory_size(64), "ValidationException"),
        (create().runtime("nodejs22.x".into()), "InvalidParameterValueException"),
        (create().function_name("no spaces"), "ValidationException"),
        (engine.creation("f", b"no zip".to_vec()), "InvalidParameterValueException"),
    ] {
        let refused = case.send().await.unwrap_err();
        assert_eq!(code(&refused), expected, "{refused:?}");
    }
    engine.create_active("f", "def handler(e, c): return len(e)").await;
    let event = |size: usize| format!("\"{}\"", "x".repeat(size - 2));
    assert_eq!(engine.answer("f", &Value::from("x".repeat(6_291_556 - 2))).await, 6_291_554);
    let refused = engine.call("f").payload(blob(event(6_291_557))).send().await.unwrap_err();
    assert_eq!(code(&refused), "RequestTooLargeException");
    let refused = engine.call("f").payload(blob("{")).send().await.unwrap_err();
    assert_eq!(code(&refused), "InvalidRequestContentException");
    let stranger = client(engine.url(), "another");
    let refused = stranger.list_functions().send().await.unwrap_err();
    assert_eq!(code(&refused), "UnrecognizedClientException");
}

#[tokio::test]
async fn boto3_is_there_as_in_awss_runtime() {
    let engine = TestEngine::with_client(RuntimeClient::Aws);
    let source =
        "import boto3\ndef handler(event, context): return boto3.__version__.split('.')[0]\n";
    engine.create_active("f", source).await;
    assert_eq!(engine.invoke("f", &json!({})).await.answer, "1");
}
