//! More load than table, bucket and engine accept: requests above it get `Retry-After`, and everything
//! recovers by itself.

use std::fmt::Write as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use deployment::Deployment;
use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use testkit::Answer;

use crate::REPORT;
use crate::consistency::{Allowed, assert_consistent};

/// Concurrent callers.
const CALLERS: usize = 120;
/// How many concurrent AWS calls are not throttled.
const CAPACITY: usize = 2;
/// How long each AWS call takes.
const LATENCY: Duration = Duration::from_millis(100);

/// The request of a Lambda with the most AWS calls.
struct Load {
    lambda: &'static str,
    method: &'static str,
    path: String,
    body: Option<Value>,
}

fn loads(workspace: &str, function: &str) -> [Load; 4] {
    let load = |lambda, method, path: &str, body| Load { lambda, method, path: path.into(), body };
    let code = STANDARD.encode("handler = lambda event, context: 1");
    let create = json!({"name": "f", "code": code});
    [
        load("workspaces", "POST", "/api/workspaces", Some(json!({"name": "w"}))),
        load("functions", "POST", &format!("{workspace}/functions"), Some(create)),
        load("logs", "GET", &format!("{function}/logs"), None),
        load("invocations", "POST", &format!("{function}/invoke"), Some(json!(1))),
    ]
}

#[tokio::test]
async fn overload_returns_retry_after_and_leaves_no_items() {
    let api = Deployment::on_disk(|quotas| quotas).await;
    let made = api.make("/api/workspaces", &json!({"name": "w"})).await;
    let workspace = format!("/api/workspaces/{}", made["id"].as_str().unwrap());
    let code = STANDARD.encode("handler = lambda event, context: 1");
    let body = json!({"name": "f", "code": code});
    let made = api.make(&format!("{workspace}/functions"), &body).await;
    let function = format!("{workspace}/functions/{}", made["id"].as_str().unwrap());
    api.settle().await;

    let mut table = "| Lambda | concurrent requests | served | rejected | served afterwards |\n\
                     | --- | ---: | ---: | ---: | ---: |\n"
        .to_owned();
    for load in loads(&workspace, &function) {
        let ask = || api.ask(load.method, &load.path, load.body.as_ref());
        api.env.faults.throttle_above(CAPACITY, LATENCY);
        let answers = join_all((0..CALLERS).map(|_| ask())).await;
        assert!(api.env.faults.clear(), "{}: no call was throttled", load.lambda);
        let (served, rejected): (Vec<_>, Vec<_>) = answers.iter().partition(|a| a.status < 300);
        rejected.iter().for_each(|answer| assert_rejected(answer, load.lambda));
        assert!(!rejected.is_empty(), "{}: no request was rejected", load.lambda);
        // It recovers without a restart. Few at a time: the machine may be slow.
        let retried = stream::iter(0..CALLERS).map(|_| ask()).buffer_unordered(4);
        let retried: Vec<_> = retried.collect().await;
        let recovered = retried.iter().filter(|answer| answer.status < 300).count();
        assert_eq!(recovered, CALLERS, "{}", load.lambda);
        let (served, rejected) = (served.len(), rejected.len());
        let line = format!("| {} | {CALLERS} | {served} | {rejected} | {recovered} |", load.lambda);
        writeln!(table, "{line}").unwrap();
    }

    // The stream is processed while every AWS call is throttled: every batch is retried.
    let before = deployed(&api, &workspace).await;
    api.env.faults.throttle_above(0, LATENCY);
    let failed = api.process_all_once().await;
    assert!(api.env.faults.clear());
    assert!(failed > 0, "no batch failed");
    assert_eq!(deployed(&api, &workspace).await, before, "nothing was deployed");
    api.settle().await;
    let after = deployed(&api, &workspace).await;
    // A rejected creation may have written a source without removing it.
    let orphans_of = workspace.rsplit('/').next().map(str::to_owned);
    let allowed = Allowed { orphans_of, ..Allowed::default() };
    assert_consistent(&api, &allowed, "after the overload").await;
    let waiting = after - before;
    let line = format!("| reconciler | {waiting} new functions | 0 | {waiting} | {waiting} |");
    writeln!(table, "{line}").unwrap();
    REPORT.section("overload", &table);
}

/// How many functions of a workspace are deployed.
async fn deployed(api: &Deployment, workspace: &str) -> usize {
    let listed = api.get(&format!("{workspace}/functions")).await;
    let has_url = |function: &&Value| function["invocationUrl"].is_string();
    listed.as_array().unwrap().iter().filter(has_url).count()
}

fn assert_rejected(answer: &Answer, lambda: &str) {
    let code = match answer.status {
        429 => "TOO_MANY_REQUESTS",
        503 => "SERVICE_UNAVAILABLE",
        status => panic!("{lambda}: {status}: {}", answer.body),
    };
    answer.assert_error(answer.status, code);
    let seconds: u32 = answer.header("retry-after").parse().unwrap();
    assert!((1..=10).contains(&seconds), "{lambda}: {seconds}");
}
