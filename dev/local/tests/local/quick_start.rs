//! The program `local` with its own build of the Lambdas, and the README's quick start over HTTP.

use std::io::Read;
use std::process::{Command, Stdio};

use crate::client::{json, sent, until};
use crate::running::Running;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use emulator::project;
use futures_util::future::join_all;
use http::{Method, Request, Response};
use rustix::process::Signal;
use serde_json::{Value, json as object};
use testkit::TestEnv;

const SOURCE: &str = r#"
def handler(event, context):
    print(f"{event['method']} {event['path']} 👋")
    return {"statusCode": 200, "body": {"안녕": event["query"], "body": event["body"]}}
"#;

/// A request to a function's URL, as `curl` sends it.
async fn curl(method: Method, url: &str, body: &str) -> Response<Bytes> {
    sent(Request::builder().method(method).uri(url), body.to_owned()).await
}

/// A function without what its deployment adds.
fn without_deployment(mut function: Value) -> Value {
    for field in ["invocationUrl", "lastDeployed"] {
        function.as_object_mut().unwrap().remove(field).unwrap();
    }
    function
}

fn id_in(response: &Response<Bytes>) -> &str {
    response.headers()["x-execution-id"].to_str().unwrap()
}

fn id(resource: &Value) -> &str {
    resource["id"].as_str().unwrap_or_else(|| panic!("no id: {resource}"))
}

/// Waits until all `processes` have exited.
async fn until_all_exit(processes: &[String]) {
    let runs = |process: &String| {
        // A zombie has exited too.
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        !stat.is_empty() && !stat.contains(") Z ")
    };
    until(async || !processes.iter().any(runs)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_quick_start_works_and_its_data_survive_a_kill() {
    TestEnv::start().unwrap().require_python().await;
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let stack = Running::start(&data);
    let none = Value::Null;

    let body = object!({"name": "결제팀 🚀", "description": "주문 함수 ✨"});
    let (status, workspace) = stack.call(Method::POST, "/workspaces", &body).await;
    assert_eq!(status, 201, "{workspace}");
    let at = format!("/workspaces/{}", id(&workspace));
    let functions = format!("{at}/functions");
    let body =
        object!({"name": "hello", "code": STANDARD.encode(SOURCE), "httpMethods": ["get", "POST"]});
    let (status, function) = stack.call(Method::POST, &functions, &body).await;
    assert_eq!(status, 201, "{function}");
    let function_at = format!("{functions}/{}", id(&function));
    let read = stack.deployed(&function_at).await;
    assert_eq!(without_deployment(read.clone()), without_deployment(function));
    assert_eq!(STANDARD.decode(read["code"].as_str().unwrap()).unwrap(), SOURCE.as_bytes());

    // An invocation by its URL is logged and counted.
    let url = read["invocationUrl"].as_str().unwrap();
    let answer =
        curl(Method::POST, &format!("{url}/%EC%95%84%EB%9E%98/?name=%EC%A7%80"), "[1, 2.50]").await;
    assert_eq!(answer.status(), 200, "{answer:?}");
    assert_eq!(answer.body(), "{\"안녕\":{\"name\":\"지\"},\"body\":[1,2.5]}");
    let (_, logs) = stack.call(Method::GET, &format!("{function_at}/logs"), &none).await;
    assert_eq!(logs["total"], 1);
    let log = &logs["logs"][0];
    assert_eq!((&log["id"], &log["status"]), (&object!(id_in(&answer)), &object!("success")));
    assert_eq!(log["logs"], object!(["POST /아래/ 👋"]));
    assert_eq!(stack.until(&format!("{at}/logs?limit=50"), |logs| logs["total"] == 1).await, logs);
    stack.until(&at, |workspace| workspace["invocations24h"] == 1).await;
    let counted = stack.until(&function_at, |function| function["invocations24h"] == 1).await;
    assert_eq!(counted["errors24h"], 0);
    assert!(counted["avgDuration"].as_f64().unwrap() > 0.0, "{counted}");
    let refused = curl(Method::DELETE, url, "").await;
    assert_eq!(
        (refused.status().as_u16(), json(&refused)["error"]["code"].as_str()),
        (405, Some("METHOD_NOT_ALLOWED"))
    );

    let change = object!({"name": "인사", "status": "disabled"});
    let (status, changed) = stack.call(Method::PATCH, &function_at, &change).await;
    assert_eq!(
        (status, &changed["name"], &changed["status"]),
        (200, &change["name"], &change["status"])
    );
    assert_eq!(stack.call(Method::GET, &functions, &none).await.1, object!([changed]));
    assert_eq!(curl(Method::GET, url, "").await.status(), 409, "it is disabled");
    let change = object!({"status": "active"});
    assert_eq!(stack.call(Method::PATCH, &function_at, &change).await.0, 200);
    let tried = stack.call(Method::POST, &format!("{function_at}/invoke"), &object!(7)).await;
    assert_eq!((tried.0, &tried.1["responseBody"]["body"]), (200, &object!(7)));

    // Concurrent requests, each in a process of its own.
    let many = (0..40).map(|i| {
        let body = object!({"name": format!("동시 {i}"), "code": STANDARD.encode(SOURCE)});
        let (stack, functions) = (&stack, &functions);
        async move { stack.call(Method::POST, functions, &body).await.0 }
    });
    assert!(join_all(many).await.iter().all(|status| *status == 201));
    let (_, listed) = stack.call(Method::GET, &functions, &none).await;
    assert_eq!(listed.as_array().unwrap().len(), 41);
    let (_, counted) = stack.call(Method::GET, &at, &none).await;
    assert_eq!(counted["functionCount"], 41);
    let other = listed.as_array().unwrap().iter().find(|one| one["name"] == "동시 0").unwrap();
    let other_at = format!("{functions}/{}", id(other));
    let deletes = (0..8).map(|_| stack.call(Method::DELETE, &other_at, &none));
    let mut statuses: Vec<u16> = join_all(deletes).await.into_iter().map(|(s, _)| s).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 404, 404, 404, 404, 404, 404, 404]);
    let counted = stack.until(&at, |workspace| workspace["invocations24h"] == 2).await;
    assert_eq!(counted["functionCount"], 40);

    // After a kill no child runs, and nothing that was acknowledged is lost.
    assert_eq!(curl(Method::GET, url, "").await.status(), 200);
    let counted = stack.until(&at, |workspace| workspace["invocations24h"] == 3).await;
    let children = stack.children();
    let is_known = cfg!(target_os = "linux");
    assert!(!is_known || children.len() >= 7, "six Lambdas and a function: {children:?}");
    stack.signal(Signal::KILL);
    until_all_exit(&children).await;
    drop(stack);
    let stack = Running::start(&data);
    let (_, kept) = stack.call(Method::GET, &functions, &none).await;
    assert_eq!(kept.as_array().unwrap().len(), 40);
    assert_eq!(stack.call(Method::GET, &at, &none).await.1, counted);

    // What was deployed still is, at the gateway's new port; the rest will be.
    let (_, kept) = stack.call(Method::GET, &function_at, &none).await;
    let url = kept["invocationUrl"].as_str().unwrap();
    let answer = curl(Method::POST, &format!("{url}?again=1"), "").await;
    assert_eq!(answer.body(), "{\"안녕\":{\"again\":\"1\"},\"body\":{}}");
    let (_, logs) = stack.call(Method::GET, &format!("{function_at}/logs"), &none).await;
    assert_eq!((&logs["total"], &logs["logs"][0]["id"]), (&object!(4), &object!(id_in(&answer))));
    stack
        .until(&functions, |all| {
            all.as_array().unwrap().iter().all(|one| one["invocationUrl"].is_string())
        })
        .await;

    assert_eq!(stack.call(Method::DELETE, &function_at, &none).await.0, 204);
    let gone = curl(Method::GET, url, "").await;
    assert_eq!(
        (gone.status().as_u16(), &json(&gone)["error"]["code"]),
        (404, &object!("NOT_FOUND"))
    );
    assert_eq!(stack.call(Method::DELETE, &at, &none).await.0, 204);
    assert_eq!(stack.call(Method::GET, &functions, &none).await.0, 404);
    assert_eq!(stack.call(Method::GET, "/workspaces", &none).await.1, object!([]));

    // Ctrl-C ends everything without an error.
    let children = stack.children();
    stack.signal(Signal::INT);
    let mut stack = stack;
    assert!(stack.program.wait().unwrap().success());
    until_all_exit(&children).await;
}

#[test]
fn an_error_at_the_start_is_one_sentence_with_a_remedy() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let foreign = tempfile::tempdir().unwrap();
    std::fs::write(foreign.path().join("thesis.txt"), "precious").unwrap();
    let foreign_path = foreign.path().to_str().unwrap();
    let template = tempfile::tempdir().unwrap();
    std::fs::write(template.path().join("Cargo.toml"), "").unwrap();
    std::fs::write(template.path().join("template.yaml"), "Resources: [").unwrap();
    let root = project::source_root();
    for (arguments, folder, expected) in [
        (vec!["--ephemeral", "--port", &port], root.as_path(), ["--port", port.as_str()]),
        (vec!["--port", "0", "--data", foreign_path], root.as_path(), ["--data", foreign_path]),
        (vec!["--ephemeral", "--port", "0"], template.path(), ["template.yaml", "line"]),
    ] {
        let mut program = Command::new(env!("CARGO_BIN_EXE_local"))
            .args(&arguments)
            .current_dir(folder)
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut stderr = String::new();
        program.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        assert!(!program.wait().unwrap().success(), "{arguments:?}: {stderr}");
        for part in expected {
            assert!(stderr.contains(part), "{arguments:?}: {stderr}");
        }
    }
    let left: Vec<_> = std::fs::read_dir(foreign.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing was written into a folder with other content");
}
