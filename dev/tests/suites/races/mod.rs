//! Histories of clients that ask one workspace at once: whatever they were answered can have
//! happened one request after the other, and what is left afterwards goes together.
//!
//! `RACE_CASES=1000 cargo test --workspace --test suites races` tries so many histories; 30 unless
//! said. `RACE_SEED` begins with the requests of a history that failed, though not with its timing.

mod checker;
mod history;
mod plan;
mod spec;

use std::cell::Cell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use deployment::Deployment;
use futures_util::future::join_all;
use serde_json::{Value, json};
use shared::domain::Quotas;

use crate::REPORT;
use crate::consistency::{self, Allowed};
use checker::Entry;
use history::Race;
use plan::{Plan, SOURCES};
use spec::{MOST_FUNCTIONS, Workspace};

#[tokio::test]
async fn concurrent_histories_are_linearizable() {
    let api = start().await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let first = setting("RACE_SEED").unwrap_or(now.as_millis() as u64);
    let cases = setting("RACE_CASES").unwrap_or(30);
    let (mut requests, mut all) = (0, Seen::default());
    for seed in first..first + cases {
        let plan = plan::plan(seed);
        requests += plan.clients.iter().map(Vec::len).sum::<usize>();
        let seen = race(&api, seed, &plan).await;
        all.steps += seen.steps;
        all.unknown += seen.unknown;
        all.overlaps += seen.overlaps;
    }
    // Else anything would be legal.
    assert!(all.unknown * 20 <= all.steps && all.overlaps > 0, "{all:?}");
    let steps = all.steps;
    let text = format!(
        "{cases} histories of {requests} requests, {steps} steps, have a legal order. Promises \
         broken: none.\n"
    );
    REPORT.section("races", &text);
}

/// Workspaces that take few functions, so that the limit is met.
async fn start() -> Deployment {
    Deployment::on_disk(|quotas| Quotas { functions: MOST_FUNCTIONS as u32, ..quotas }).await
}

#[expect(clippy::disallowed_methods, reason = "it is the test's own, and not the product's")]
fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
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
    // Long enough for a busy machine to be in the middle of it.
    let source = "import time\n\ndef handler(event, context):\n    time.sleep(event['body'])\n";
    let made = made(&api, &[source]).await;
    let path = format!("{}/functions/{}", made.path, made.functions[0]);
    let invoke = format!("{path}/invoke");
    // Once without a wait, so that the next one runs at once.
    assert_eq!(api.ask("POST", &invoke, Some(&json!(0))).await.status, 200);
    let delete = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(api.ask("DELETE", &path, None).await.status, 204);
        api.settle().await;
    };
    let wait = json!(6);
    let (answer, ()) = tokio::join!(api.ask("POST", &invoke, Some(&wait)), delete);
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.json()["statusCode"], 200, "{}", answer.body);
    api.settle().await;
    assert_eq!(api.left().await, items_of_workspace(&made.path));
}

/// How much there was to a history.
#[derive(Debug, Default)]
struct Seen {
    steps: usize,
    /// Of which nobody knows whether they happened.
    unknown: usize,
    /// How many pairs of steps of different clients were at the same time.
    overlaps: usize,
}

/// A workspace that was made for a race, with the identifiers of its functions.
struct Created {
    path: String,
    functions: Vec<String>,
}

/// Lets the clients of a plan ask, and holds their answers and what is left against what must
/// be.
async fn race(api: &Deployment, seed: u64, plan: &Plan) -> Seen {
    let race = Race::new(api, seed, made(api, &[SOURCES[0], SOURCES[0]]).await);
    let first = race.state().await;
    let is_over = Cell::new(false);
    let clients = async {
        let numbered = plan.clients.iter().enumerate();
        join_all(numbered.map(|(number, asks)| race.client(number, asks))).await;
        is_over.set(true);
    };
    let following = async {
        while plan.is_followed && !is_over.get() {
            api.settle().await;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::join!(clients, following);
    race.read_all(plan.clients.len()).await;
    if let Err(report) = checker::check(&race.with_places(first), &race.history.borrow()) {
        panic!("RACE_SEED={seed}\n{report}");
    }
    api.settle().await;
    assert_whole(api, &race).await;
    // So that the next one finds nothing, and this one has no way to hide anything.
    api.ask("DELETE", &race.path, None).await;
    api.settle().await;
    let left = api.left().await;
    assert!(left.is_empty(), "{left:#?}{}", race.story());
    let history = race.history.borrow();
    let overlaps = |one: &Entry<Workspace>, other: &Entry<Workspace>| {
        one.client < other.client && one.called < other.end() && other.called < one.end()
    };
    let pairs = history.iter().flat_map(|one| history.iter().map(move |other| (one, other)));
    Seen {
        steps: history.len(),
        unknown: history.iter().filter(|entry| entry.answered.is_none()).count(),
        overlaps: pairs.filter(|(one, other)| overlaps(one, other)).count(),
    }
}

/// Holds what is there against what can be read, and the logs against the executions.
async fn assert_whole(api: &Deployment, race: &Race<'_>) {
    let story = race.story();
    let allowed = Allowed { were_deleted: true, ..Allowed::default() };
    consistency::assert_whole(api, &allowed, &story).await;
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
        assert_eq!(ids, executed, "{function}{story}");
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

/// What stands of a workspace beside its functions: its own item, and its figures, which are made
/// with its first deployment and stay.
fn items_of_workspace(path: &str) -> Vec<String> {
    let ws = path.rsplit('/').next().unwrap();
    ["METADATA", "METRICS"].map(|sk| format!("item WS#{ws} {sk}")).into()
}
