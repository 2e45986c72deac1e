//! The local engine through AWS's own client, with real Python functions.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use crate::lambda::{Bench, Invoked, blob, text, until_gone, zip};
use aws_sdk_lambda::error::ProvideErrorMetadata;
use aws_sdk_lambda::types::{LastUpdateStatus, State};
use emulator::engine::{EngineOptions, RuntimeClient};
use serde_json::{Value, json};

const BOTH: [RuntimeClient; 2] = [RuntimeClient::OfAws, RuntimeClient::OurOwn];

#[tokio::test]
async fn a_function_goes_from_pending_to_active_and_answers() {
    let bench = Bench::slow().await;
    let created = bench.create("one", "def handler(event, context):\n    return event").await;
    let created = created.unwrap();
    assert_eq!(created.state(), Some(&State::Pending));
    assert_eq!(created.version(), Some("$LATEST"));
    let arn = "arn:aws:lambda:ap-northeast-2:000000000000:function:one";
    assert_eq!(created.function_arn(), Some(arn));
    let early = bench.call("one").payload(blob("{}")).send().await.unwrap_err();
    assert!(early.as_service_error().unwrap().is_resource_conflict_exception(), "{early:?}");
    let again = bench.create("one", "").await.unwrap_err();
    assert!(again.as_service_error().unwrap().is_resource_conflict_exception(), "{again:?}");

    bench.settled("one").await;
    let found = bench.client.get_function().function_name(arn).send().await.unwrap();
    let found = found.configuration().unwrap();
    assert_eq!(found.last_update_status(), Some(&LastUpdateStatus::Successful));
    assert_eq!((found.timeout(), found.memory_size()), (Some(20), Some(128)));
    let Invoked { answer, version, .. } = bench.invoke("one", &json!({"a": [1, "ö"]})).await;
    assert_eq!((answer, version.as_str()), (json!({"a": [1, "ö"]}), "$LATEST"));

    let listed = bench.client.list_functions().send().await.unwrap();
    assert_eq!(listed.functions().len(), 1);
    bench.client.delete_function().function_name("one").send().await.unwrap();
    let gone = bench.call("one").send().await.unwrap_err();
    assert!(gone.as_service_error().unwrap().is_resource_not_found_exception(), "{gone:?}");
    let gone = bench.client.delete_function().function_name("one").send().await.unwrap_err();
    assert!(gone.as_service_error().unwrap().is_resource_not_found_exception());
    bench.create("one", "def handler(e, c): return 2").await.unwrap();
    bench.settled("one").await;
    assert_eq!(bench.answer("one", &json!({})).await, json!(2));
}

#[tokio::test]
async fn versions_stay_as_they_were_published() {
    let bench = Bench::slow().await;
    let source = |text: &str| {
        format!(
            "import os\ndef handler(event, context):\n    return ['{text}', context.function_version, os.environ.get('GREETING')]"
        )
    };
    bench.made("f", &source("a")).await;
    let publish = || bench.client.publish_version().function_name("f");
    let first = publish().send().await.unwrap();
    assert_eq!(first.version(), Some("1"));
    assert!(first.function_arn().unwrap().ends_with(":function:f:1"));
    bench.settled("f").await;
    assert_eq!(publish().send().await.unwrap().version(), Some("1"), "nothing is different");

    // Warm, so that the next answer doesn't take longer than the update.
    assert_eq!(bench.answer("f", &json!({})).await, json!(["a", "$LATEST", null]));
    let updated = bench.update_code("f", &source("b")).await.unwrap();
    assert_eq!(updated.last_update_status(), Some(&LastUpdateStatus::InProgress));
    // Until the update is done the old code runs, and nothing else can be changed.
    assert_eq!(bench.answer("f", &json!({})).await, json!(["a", "$LATEST", null]));
    let conflict = bench.update_code("f", &source("c")).await.unwrap_err();
    assert!(conflict.as_service_error().unwrap().is_resource_conflict_exception());
    let conflict = publish().send().await.unwrap_err();
    assert!(conflict.as_service_error().unwrap().is_resource_conflict_exception());
    bench.settled("f").await;
    assert_eq!(bench.answer("f", &json!({})).await, json!(["b", "$LATEST", null]));

    bench.configure("f", "GREETING", "hi").await.unwrap();
    bench.settled("f").await;
    assert_eq!(bench.answer("f", &json!({})).await, json!(["b", "$LATEST", "hi"]));
    assert_eq!(publish().send().await.unwrap().version(), Some("2"));
    bench.settled("f:2").await;
    assert_eq!(bench.answer("f:2", &json!({})).await, json!(["b", "2", "hi"]));
    assert_eq!(bench.answer("f:1", &json!({})).await, json!(["a", "1", null]));

    let stale = publish().revision_id("another").send().await.unwrap_err();
    assert!(stale.as_service_error().unwrap().is_precondition_failed_exception());
    let stale = publish().code_sha256("another").send().await.unwrap_err();
    assert!(stale.as_service_error().unwrap().is_invalid_parameter_value_exception());

    let versions = bench.client.list_versions_by_function().function_name("f").send().await;
    let versions = versions.unwrap();
    let labels: Vec<_> = versions.versions().iter().filter_map(|v| v.version()).collect();
    assert_eq!(labels, ["$LATEST", "1", "2"]);
    bench.client.delete_function().function_name("f").qualifier("1").send().await.unwrap();
    let gone = bench.call("f:1").send().await.unwrap_err();
    assert!(gone.as_service_error().unwrap().is_resource_not_found_exception());
    assert_eq!(bench.answer("f", &json!({})).await, json!(["b", "$LATEST", "hi"]));
}

#[tokio::test]
async fn what_goes_wrong_in_a_function_is_told_as_on_aws() {
    for client in BOTH {
        let bench = Bench::with(client).await;
        bench.made("f", include_str!("lambda/trouble.py")).await;
        let trouble = async |what: &str| bench.invoke("f", &json!({"do": what})).await;

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
        assert_eq!(bench.answer("f", &json!({"do": "nothing"})).await, json!("done"));

        for (source, kind) in [
            ("import not_there", "Runtime.ImportModuleError"),
            ("def handler(:", "Runtime.UserCodeSyntaxError"),
            ("other = 1", "Runtime.HandlerNotFound"),
            ("1 / 0", "ZeroDivisionError"),
            ("import os; os._exit(4)", "Runtime.ExitError"),
        ] {
            bench.update_code("f", source).await.unwrap();
            bench.settled("f").await;
            let invoked = bench.invoke("f", &json!({})).await;
            assert!(invoked.failed);
            assert_eq!(invoked.answer["errorType"], kind, "{invoked:?}");
        }
    }
}

#[tokio::test]
async fn a_timeout_kills_a_function_with_its_children() {
    let bench = Bench::start().await;
    bench.made("f", include_str!("lambda/trouble.py")).await;
    bench.limit("f", 1, 128).await;
    let begun = Instant::now();
    let late = bench.invoke("f", &json!({"do": "hang"})).await;
    assert_eq!(late.answer["errorType"], "Sandbox.Timedout");
    let message = text(&late.answer["errorMessage"]);
    assert!(message.ends_with("Error: Task timed out after 1.00 seconds"), "{message}");
    assert!(begun.elapsed() < Duration::from_secs(6));
    assert!(late.log.contains("Task timed out"), "{}", late.log);
    let children = late.log.lines().find_map(|line| line.strip_prefix("children ")).unwrap();
    for child in children.split(' ') {
        until_gone(child).await;
    }
    assert_eq!(bench.answer("f", &json!({"do": "nothing"})).await, json!("done"));
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_function_that_takes_too_much_memory_is_killed() {
    let bench = Bench::start().await;
    bench.made("f", include_str!("lambda/trouble.py")).await;
    for what in ["memory", "memory of a child"] {
        let greedy = bench.invoke("f", &json!({"do": what})).await;
        assert_eq!(greedy.answer["errorType"], "Runtime.OutOfMemory", "{greedy:?}");
        let message = text(&greedy.answer["errorMessage"]);
        assert!(message.ends_with("Error: Runtime exited with error: signal: killed"));
    }
    bench.limit("f", 20, 512).await;
    assert_eq!(bench.answer("f", &json!({"do": "memory"})).await, json!("done"));
}

#[tokio::test]
async fn invocations_run_at_once_and_each_gets_its_own_answer() {
    let bench = Bench::start().await;
    let source = "import os, time\ndef handler(event, context):\n    print('it is', event)\n    time.sleep(0.05)\n    return [event, os.getpid()]";
    bench.made("a", source).await;
    bench.made("b", source).await;
    let bench = &bench;
    let calls = (0..20).map(|i| async move {
        let name = if i % 2 == 0 { "a" } else { "b" };
        let invoked = bench.invoke(name, &json!(i)).await;
        assert_eq!(invoked.answer[0], json!(i));
        assert!(invoked.log.contains(&format!("it is {i}\n")), "{}", invoked.log);
        assert_eq!(invoked.log.matches("it is").count(), 1, "{}", invoked.log);
        invoked.answer[1].as_u64().unwrap()
    });
    let used: HashSet<u64> = futures_util::future::join_all(calls).await.into_iter().collect();
    assert!(used.len() > 2 && used.len() <= 20);
    let warm = bench.answer("a", &json!(0)).await[1].as_u64().unwrap();
    assert!(used.contains(&warm));
    assert_eq!(bench.answer("a", &json!(0)).await[1], warm);

    // Its processes end with a function, but not what they are at.
    let last = json!("last");
    let slow = bench.invoke("b", &last);
    let deleting = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        bench.client.delete_function().function_name("b").send().await.unwrap();
        bench.client.delete_function().function_name("a").send().await.unwrap();
    };
    let (slow, ()) = tokio::join!(slow, deleting);
    assert_eq!(slow.answer[0], "last");
    until_gone(&slow.answer[1].to_string()).await;
    until_gone(&warm.to_string()).await;
}

#[tokio::test]
async fn a_log_holds_both_outputs_in_their_order_and_no_more_than_4_kb() {
    for client in BOTH {
        let bench = Bench::with(client).await;
        bench.made("f", include_str!("lambda/trouble.py")).await;
        let said = bench.invoke("f", &json!({"do": "speak"})).await;
        let lines: Vec<&str> = said.log.lines().collect();
        assert!(lines[0].starts_with("imported"), "{}", said.log);
        assert!(lines[1].starts_with("START RequestId: ") && lines[1].ends_with("$LATEST"));
        assert_eq!(lines[2..5], ["out 1", "err 1", "out 2"]);
        assert!(lines[5].starts_with("[WARNING]\t") && lines[5].ends_with("\tlogged"));
        assert!(lines[6].starts_with("END RequestId: "));
        assert!(lines[7].contains("\tInit Duration: ") && lines[7].contains("Memory Size: 128 MB"));
        let again = bench.invoke("f", &json!({"do": "speak"})).await;
        assert!(again.log.starts_with("START") && !again.log.contains("Init"), "{}", again.log);
        let long = bench.invoke("f", &json!({"do": "speak for long"})).await;
        assert_eq!(long.log.len(), 4096);
        assert!(long.log.contains("line 9999\nEND"), "{}", long.log);
    }
}

#[tokio::test]
async fn a_function_is_told_about_itself_and_not_about_our_keys() {
    for client in BOTH {
        let bench = Bench::with(client).await;
        bench.made("f", include_str!("lambda/trouble.py")).await;
        bench.configure("f", "OWN", "1").await.unwrap();
        bench.settled("f").await;
        let told = bench.answer("f", &json!({"do": "describe"})).await;
        let variables = told["variables"].as_object().unwrap();
        assert_eq!(variables["OWN"], "1");
        assert_eq!(variables["AWS_LAMBDA_FUNCTION_NAME"], "f");
        assert_eq!(variables["AWS_EXECUTION_ENV"], "AWS_Lambda_python3.13");
        for name in variables.keys() {
            let ours = ["ACCESS_KEY", "SECRET", "TOKEN", "PROFILE", "ENDPOINT", "CARGO", "HOME"];
            assert!(!ours.iter().any(|part| name.contains(part)), "{name}");
        }
        assert_eq!(told["name"], "f");
        assert_eq!(told["memory"], "128");
        let left = told["left"].as_u64().unwrap();
        assert!((1..=20_000).contains(&left), "{left}");
        assert_eq!(told["arn"], "arn:aws:lambda:ap-northeast-2:000000000000:function:f");
        assert_eq!(told["folder"], told["variables"]["LAMBDA_TASK_ROOT"]);
        assert_eq!(told["files"], json!(["main.py"]));
    }
}

#[tokio::test]
async fn functions_outlive_the_engine_that_made_them() {
    let mut bench = Bench::slow().await;
    bench.made("f", "def handler(event, context): return 1").await;
    bench.client.publish_version().function_name("f").send().await.unwrap();
    bench.settled("f").await;
    bench.update_code("f", "def handler(event, context): return 2").await.unwrap();
    let before = bench.configuration("f").await;
    assert_eq!(before.last_update_status(), Some(&LastUpdateStatus::InProgress));
    bench.create("cut-short", "def handler(event, context): return 3").await.unwrap();
    bench.restart().await;
    let after = bench.configuration("f").await;
    assert_eq!(after.last_update_status(), Some(&LastUpdateStatus::Successful));
    assert_eq!(before.revision_id(), after.revision_id());
    assert_eq!(before.code_sha256(), after.code_sha256());
    assert_eq!(bench.answer("f", &json!({})).await, json!(2));
    assert_eq!(bench.answer("f:1", &json!({})).await, json!(1));
    assert_eq!(bench.answer("cut-short", &json!({})).await, json!(3));
    bench.client.delete_function().function_name("f").send().await.unwrap();
    bench.restart().await;
    assert!(bench.call("f").send().await.is_err());
}

#[tokio::test]
async fn without_python_everything_works_but_running_a_function() {
    let python = "no-such-python3";
    let bench = Bench::behaving(EngineOptions { python, ..EngineOptions::default() }).await;
    bench.made("f", "def handler(e, c): return 1").await;
    let refused = bench.call("f").send().await.unwrap_err();
    assert_eq!(refused.code(), Some("ServiceException"));
    let message = refused.message().unwrap_or_default();
    assert!(message.contains("install Python 3.11 or later and start again"), "{message}");
}

#[tokio::test]
async fn what_aws_refuses_is_refused() {
    let bench = Bench::start().await;
    let create = || bench.creation("f", zip("def handler(e, c): return 1"));
    let code = |e: &dyn ProvideErrorMetadata| e.code().unwrap_or_default().to_owned();
    let long = bench.variables("LONG", &"x".repeat(4096));
    for (case, wanted) in [
        (create().environment(long), "InvalidParameterValueException"),
        (
            create().environment(bench.variables("AWS_REGION", "x")),
            "InvalidParameterValueException",
        ),
        (create().environment(bench.variables("1X", "x")), "ValidationException"),
        (create().timeout(901), "ValidationException"),
        (create().memory_size(64), "ValidationException"),
        (create().runtime("nodejs22.x".into()), "InvalidParameterValueException"),
        (create().function_name("no spaces"), "ValidationException"),
        (bench.creation("f", b"no zip".to_vec()), "InvalidParameterValueException"),
    ] {
        let refused = case.send().await.unwrap_err();
        assert_eq!(code(&refused), wanted, "{refused:?}");
    }
    bench.made("f", "def handler(e, c): return len(e)").await;
    let event = |size: usize| format!("\"{}\"", "x".repeat(size - 2));
    assert_eq!(bench.answer("f", &Value::from("x".repeat(6_291_556 - 2))).await, 6_291_554);
    let refused = bench.call("f").payload(blob(event(6_291_557))).send().await.unwrap_err();
    assert_eq!(code(&refused), "RequestTooLargeException");
    let refused = bench.call("f").payload(blob("{")).send().await.unwrap_err();
    assert_eq!(code(&refused), "InvalidRequestContentException");
    let stranger = crate::lambda::client(&bench.url(), "another");
    let refused = stranger.list_functions().send().await.unwrap_err();
    assert_eq!(code(&refused), "UnrecognizedClientException");
}
