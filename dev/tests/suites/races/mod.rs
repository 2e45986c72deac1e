//! Concurrent requests to one workspace: histories are linearizable, and the final state is consistent.
//!
//! `RACE_CASES` is the number of histories, or 30. `RACE_SEED` is the seed of the first one, or 1; the
//! nightly run takes another one each time. A seed repeats the requests, not their timing.

mod checker;
mod history;
mod model;
mod plan;

use std::cell::Cell;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use deployment::Deployment;
use futures_util::future::join_all;
use serde_json::{Value, json};
use shared::domain::Quotas;

use crate::consistency::{self, Allowed};
use crate::gate::Gate;
use crate::{REPORT, setting};
use checker::Operation;
use history::Race;
use model::{MOST_FUNCTIONS, Workspace};
use plan::{Plan, SOURCES};

#[tokio::test]
async fn concurrent_histories_are_linearizable() {
    let api = start().await;
    let first = setting("RACE_SEED").unwrap_or(1);
    let cases = setting("RACE_CASES").unwrap_or(30);
    let (mut requests, mut all) = (0, Statistics::default());
    for seed in first..first + cases {
        let plan = plan::plan(seed);
        requests += plan.clients.iter().map(Vec::len).sum::<usize>();
        let race = race(&api, seed, &plan).await;
        all.operations += race.operations;
        all.pending += race.pending;
        all.overlaps += race.overlaps;
    }
    // A history of pending operations is always linearizable.
    assert!(all.pending * 20 <= all.operations && all.overlaps > 0, "{all:?}");
    let operations = all.operations;
    let text = format!(
        "{cases} histories of {requests} requests, {operations} operations, are linearizable. \
         Promises broken: none.\n"
    );
    REPORT.section("races", &text);
}

/// A deployment with a small quota of functions, which the races reach.
async fn start() -> Deployment {
    Deployment::on_disk(|quotas| Quotas { functions: MOST_FUNCTIONS as u32, ..quotas }).await
}

#[tokio::test]
async fn concurrent_executions_are_all_counted() {
    let api = start().await;
    let made = made(&api, &[SOURCES[0]]).await;
    let path = format!("{}/functions/{}", made.path, made.functions[0]);
    let invoke = format!("{path}/invoke");
    for answer in join_all((0..20).map(|_| api.ask("POST", &invoke, None))).await {
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.json()["statusCode"], 200);
    }
    api.settle().await;
    assert_eq!(api.get(&path).await["invocations24h"], 20);
    assert_eq!(api.get(&made.path).await["invocations24h"], 20);
    let logs = api.get(&format!("{path}/logs?limit=1000")).await;
    assert_eq!(logs["logs"].as_array().unwrap().len(), 20);
}

#[tokio::test]
async fn concurrent_deletions_return_204_and_404() {
    let api = start().await;
    let made = made(&api, &[SOURCES[0], SOURCES[0]]).await;
    let path = format!("{}/functions/{}", made.path, made.functions[0]);
    let (one, other) = tokio::join!(api.ask("DELETE", &path, None), api.ask("DELETE", &path, None));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 404]);
    assert_eq!(api.get(&made.path).await["functionCount"], 1);
    let listed = api.get(&format!("{}/functions", made.path)).await;
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(listed[0]["id"], made.functions[1]);
    api.settle().await;
    let left = api.left().await;
    assert!(left.iter().all(|left| !left.contains(&made.functions[0])), "{left:#?}");
}

#[tokio::test]
async fn deletion_during_an_execution_leaves_no_items() {
    let api = start().await;
    let gate = Gate::new();
    let made = made(&api, &[&gate.source()]).await;
    let path = format!("{}/functions/{}", made.path, made.functions[0]);
    let invoke = format!("{path}/invoke");
    let delete = async {
        gate.reached_by(1).await;
        assert_eq!(api.ask("DELETE", &path, None).await.status, 204);
        api.settle().await;
        gate.open();
    };
    let (answer, ()) = tokio::join!(api.ask("POST", &invoke, None), delete);
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.json()["statusCode"], 200, "{}", answer.body);
    api.settle().await;
    assert_eq!(api.left().await, items_of_workspace(&made.path));
}

/// Statistics of histories.
#[derive(Debug, Default)]
struct Statistics {
    operations: usize,
    pending: usize,
    /// Pairs of concurrent operations of different clients.
    overlaps: usize,
}

/// A new workspace, with the ids of its functions.
struct Created {
    path: String,
    functions: Vec<String>,
}

/// Runs the clients of a plan, and checks their history and the final state.
async fn race(api: &Deployment, seed: u64, plan: &Plan) -> Statistics {
    let race = Race::new(api, seed, made(api, &[SOURCES[0], SOURCES[0]]).await);
    let first = race.state().await;
    let is_over = Cell::new(false);
    let clients = async {
        let numbered = plan.clients.iter().enumerate();
        join_all(numbered.map(|(number, requests)| race.client(number, requests))).await;
        is_over.set(true);
    };
    let processing = async {
        while plan.is_processed && !is_over.get() {
            api.settle().await;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::join!(clients, processing);
    race.read_all(plan.clients.len()).await;
    if let Err(report) = checker::check(&race.with_slots(first), &race.history.borrow()) {
        panic!("RACE_SEED={seed}\n{report}");
    }
    api.settle().await;
    assert_consistent(api, &race).await;
    // The next race begins with nothing.
    api.ask("DELETE", &race.path, None).await;
    api.settle().await;
    let left = api.left().await;
    assert!(left.is_empty(), "{left:#?}{}", race.report());
    let history = race.history.borrow();
    let overlaps = |one: &Operation<Workspace>, other: &Operation<Workspace>| {
        one.client < other.client && one.called < other.end() && other.called < one.end()
    };
    let pairs = history.iter().flat_map(|one| history.iter().map(move |other| (one, other)));
    Statistics {
        operations: history.len(),
        pending: history.iter().filter(|operation| operation.returned.is_none()).count(),
        overlaps: pairs.filter(|(one, other)| overlaps(one, other)).count(),
    }
}

/// Checks the final state, and the logs against the executions.
async fn assert_consistent(api: &Deployment, race: &Race<'_>) {
    let report = race.report();
    let allowed = Allowed { were_deleted: true, ..Allowed::default() };
    consistency::assert_consistent(api, &allowed, &report).await;
    if api.ask("GET", &race.path, None).await.status == 404 {
        return;
    }
    let listed = api.get(&format!("{}/functions", race.path)).await;
    for function in listed.as_array().unwrap() {
        let id = function["id"].as_str().unwrap();
        let logs = api.get(&format!("{}/functions/{id}/logs?limit=1000", race.path)).await;
        let logs = logs["logs"].as_array().unwrap();
        let mut ids: Vec<_> = logs.iter().map(|log| log["id"].as_str().unwrap()).collect();
        let all = race.executed.borrow();
        let mut executed: Vec<_> =
            all.iter().filter(|(of, _)| of == id).map(|(_, log)| log.as_str()).collect();
        ids.sort_unstable();
        executed.sort_unstable();
        assert_eq!(ids, executed, "{function}{report}");
    }
}

/// A new workspace with functions of these sources, deployed.
async fn made(api: &Deployment, sources: &[&str]) -> Created {
    let id = |made: Value| made["id"].as_str().unwrap().to_owned();
    let path =
        format!("/api/workspaces/{}", id(api.make("/api/workspaces", &json!({"name": "a"})).await));
    let mut functions = Vec::new();
    for source in sources {
        let body = json!({"name": "a", "code": STANDARD.encode(source)});
        functions.push(id(api.make(&format!("{path}/functions"), &body).await));
    }
    api.settle().await;
    Created { path, functions }
}

/// The items of a workspace without functions: its own, and its usage, which stays.
fn items_of_workspace(path: &str) -> Vec<String> {
    let ws = path.rsplit('/').next().unwrap();
    ["METADATA", "METRICS"].map(|sk| format!("item WS#{ws} {sk}")).into()
}
