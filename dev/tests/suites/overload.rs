//! More than the table, the bucket and the engine take: who comes too much is told to come again, and
//! once there is room everything goes on by itself.

use std::fmt::Write as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use deployment::Deployment;
use futures_util::future::join_all;
use serde_json::{Value, json};
use testkit::Answer;

use crate::REPORT;
use crate::consistency::{Allowed, assert_whole};

/// How many ask at once, of services that take [`TAKEN`] calls at a time, and so long for each.
const CALLERS: usize = 120;
const TAKEN: usize = 2;
const TIME: Duration = Duration::from_millis(100);

/// A request of each Lambda that clients reach: one that makes as much of its calls as any.
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
async fn too_much_is_turned_away_with_a_time_to_come_again_and_leaves_nothing_behind() {
    let api = Deployment::on_disk(|quotas| quotas).await;
    let made = api.make("/api/workspaces", &json!({"name": "w"})).await;
    let workspace = format!("/api/workspaces/{}", made["id"].as_str().unwrap());
    let code = STANDARD.encode("handler = lambda event, context: 1");
    let body = json!({"name": "f", "code": code});
    let made = api.make(&format!("{workspace}/functions"), &body).await;
    let function = format!("{workspace}/functions/{}", made["id"].as_str().unwrap());
    api.settle().await;

    let mut table =
        "| Lambda | asked at once | served | told to come again | once there was room |\n\
                     | --- | ---: | ---: | ---: | ---: |\n"
            .to_owned();
    for load in loads(&workspace, &function) {
        let ask = || api.ask(load.method, &load.path, load.body.as_ref());
        api.env.faults.throttle_above(TAKEN, TIME);
        let answers = join_all((0..CALLERS).map(|_| ask())).await;
        assert!(api.env.faults.heal(), "{}: there was room for all", load.lambda);
        let (served, shed): (Vec<_>, Vec<_>) = answers.iter().partition(|a| a.status < 300);
        shed.iter().for_each(|answer| assert_sheds(answer, load.lambda));
        assert!(!shed.is_empty(), "{}: nobody had to come again", load.lambda);
        // Without a restart, and for everybody at once.
        let again = join_all((0..CALLERS).map(|_| ask())).await;
        let well = again.iter().filter(|answer| answer.status < 300).count();
        assert_eq!(well, CALLERS, "{}", load.lambda);
        let (served, shed) = (served.len(), shed.len());
        let line = format!("| {} | {CALLERS} | {served} | {shed} | {well} |", load.lambda);
        writeln!(table, "{line}").unwrap();
    }

    // Those who follow the table meet services that take nothing: all of it is to come again.
    let before = deployed(&api, &workspace).await;
    api.env.faults.throttle_above(0, TIME);
    let failed = api.process_all_once().await;
    assert!(api.env.faults.heal());
    assert!(failed > 0, "nothing can be followed without storage");
    assert_eq!(deployed(&api, &workspace).await, before, "and nothing was");
    api.settle().await;
    let after = deployed(&api, &workspace).await;
    // What was told to come again may have written a source, and couldn't take it back.
    let strays_of = workspace.rsplit('/').next().map(str::to_owned);
    let allowed = Allowed { strays_of, ..Allowed::default() };
    assert_whole(&api, &allowed, "after too much").await;
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

fn assert_sheds(answer: &Answer, lambda: &str) {
    let code = match answer.status {
        429 => "TOO_MANY_REQUESTS",
        503 => "SERVICE_UNAVAILABLE",
        status => panic!("{lambda}: {status}: {}", answer.body),
    };
    answer.assert_error(answer.status, code);
    let seconds: u32 = answer.header("retry-after").parse().unwrap();
    assert!((1..=10).contains(&seconds), "{lambda}: {seconds}");
}
