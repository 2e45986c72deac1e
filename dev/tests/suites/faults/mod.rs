//! Injects every fault into every AWS call of every operation, and of the processing of the stream.
//!
//! Each case injects one fault into one call, or into all calls from one on. Then the fault is
//! cleared, and the request must have taken effect completely or not at all.
//!
//! The product's time limits hold on a paused clock, so a fault that costs 28 seconds costs none here.
//!
//! `FAULTS` chooses the cases. Unset or empty, it is the short form: each call fails once in every
//! way; all calls from one on are unanswered or throttled; in the processing of the stream single
//! calls fail. `FAULTS=all` tries every fault for all calls from one on, and four calls in a row in
//! the stream. `FAULTS=PatchSource` tries one command or scenario, with all of its cases.

mod command;
mod resources;
mod scenario;
mod source;

use std::collections::{HashMap, VecDeque};
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use deployment::Deployment;
use futures_util::future::join_all;
use shared::domain::Quotas;
use testkit::faults::Fault;
use tokio::time::Instant;

use self::command::Command;
use self::resources::Resources;
use self::scenario::Scenario;
use crate::REPORT;
use crate::consistency::{Allowed, assert_consistent, left};

/// More calls than any retry policy makes.
const PERMANENT: usize = 1000;

/// One more call than the SDK's attempts: the record fails, and the stream delivers it again.
const UNTIL_REDELIVERY: usize = 4;

/// After this time, API Gateway answers with an error of its own.
const GATEWAY_TIMEOUT: Duration = Duration::from_secs(29);

/// Concurrent cases of each thread: most of their time is waiting.
const CONCURRENCY: usize = 24;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Subject {
    Command(Command),
    Scenario(Scenario),
}

#[test]
#[expect(clippy::disallowed_methods, reason = "it is the test's own, and not the product's")]
fn consistency_holds_under_every_fault() {
    let commands = Command::ALL.map(Subject::Command).into_iter();
    let mut subjects: Vec<_> = commands.chain(Scenario::ALL.map(Subject::Scenario)).collect();
    let selected = std::env::var("FAULTS").ok().filter(|selected| !selected.is_empty());
    let only = selected.as_ref().filter(|selected| *selected != "all");
    if let Some(only) = only {
        subjects.retain(|subject| format!("{subject:?}").contains(&format!("({only})")));
        assert!(!subjects.is_empty(), "FAULTS={only} names no command or scenario");
    }
    let combinations =
        subjects.iter().flat_map(|subject| Fault::ALL.map(|fault| (*subject, fault)));
    // The slowest first.
    let mut combinations: Vec<_> = combinations.collect();
    let is_slow = |subject: &Subject| match subject {
        Subject::Scenario(scenario) => scenario.has_packages(),
        Subject::Command(_) => false,
    };
    combinations.sort_by_key(|(subject, fault)| !is_slow(subject) && *fault != Fault::Silent);
    let queue = Mutex::new(VecDeque::from(combinations));
    let tried = Mutex::new(HashMap::new());
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        let work = || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .start_paused(true)
                .build();
            let worker = async || {
                while let Some((subject, fault)) = next(&queue) {
                    let cases = Box::pin(every_call(subject, fault, selected.is_some())).await;
                    let mut tried = tried.lock().unwrap_or_else(PoisonError::into_inner);
                    tried.insert((subject, fault), cases);
                }
            };
            runtime.unwrap().block_on(join_all((0..CONCURRENCY).map(|_| worker())));
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            if let Err(panic) = worker.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
    let tried = tried.into_inner().unwrap();
    if only.is_none() {
        REPORT.section("faults", &table(&subjects, &tried));
    }
}

fn next<T>(queue: &Mutex<VecDeque<T>>) -> Option<T> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
}

/// Injects a fault into each call in turn, once and for longer. The number of cases.
async fn every_call(subject: Subject, fault: Fault, is_full: bool) -> usize {
    let requests_per_second = match subject {
        Subject::Command(Command::ReadWorkspaceCounted) => Some(1000),
        _ => None,
    };
    let api =
        Deployment::with_product_limits(|quotas| Quotas { requests_per_second, ..quotas }).await;
    let is_lasting = is_full || matches!(fault, Fault::Unanswered | Fault::Throttled);
    let longer = match subject {
        Subject::Command(_) => is_lasting.then_some(PERMANENT),
        Subject::Scenario(_) => is_full.then_some(UNTIL_REDELIVERY),
    };
    let run = async |first: usize, times: usize| {
        let case = format!("{subject:?}, {fault:?}, {times} calls from the {first}. on");
        let was_injected = match subject {
            Subject::Command(command) => request(&api, command, fault, first, times, &case).await,
            Subject::Scenario(scenario) => {
                process(&api, scenario, fault, first, times, &case).await
            }
        };
        delete_all(&api, &case).await;
        was_injected
    };
    let mut calls = 0;
    while run(calls + 1, 1).await {
        calls += 1;
    }
    let applies_to_any_call = matches!(fault, Fault::Unsent | Fault::Unanswered | Fault::Silent);
    assert!(calls > 0 || !applies_to_any_call, "{subject:?} makes no call");
    let mut cases = calls;
    if let Some(longer) = longer {
        for first in 1..=calls {
            // Polling of the engine may make fewer calls this time.
            cases += usize::from(run(first, longer).await);
        }
    }
    cases
}

/// Sends a request with a fault. Whether the fault was injected.
async fn request(
    api: &Deployment,
    command: Command,
    fault: Fault,
    first: usize,
    times: usize,
    case: &str,
) -> bool {
    let resources = Resources::create(api).await;
    let expected =
        if command.is_read() { Some(resources.request(api, command).await) } else { None };
    api.env.faults.inject(first, times, fault);
    let began = Instant::now();
    let answer = resources.request(api, command).await;
    let took = began.elapsed();
    let was_injected = api.env.faults.clear();
    assert!(took < GATEWAY_TIMEOUT, "{case}: answered after {took:?}");
    if answer.status >= 300 {
        assert!(was_injected, "{case}: {}", answer.body);
        // A failed call is retried, unless it must not be, or its time budget is used up.
        let has_short_budget = command.is_idempotent()
            || matches!(command, Command::ReadWorkspaceCounted | Command::DeepHealth);
        let takes_long = matches!(fault, Fault::Silent | Fault::Conflicting);
        let may_fail = command.is_execution() || (takes_long && has_short_budget);
        assert!(times > 1 || may_fail, "{case}: {}", answer.body);
        match command {
            Command::Call if answer.status == 504 => answer.assert_error(504, "TIMEOUT"),
            _ => answer.assert_error(503, "SERVICE_UNAVAILABLE"),
        };
    } else if let Some(expected) = expected
        && !command.depends_on_the_clock()
    {
        assert_eq!(answer.body, expected.body, "{case}: a partial response");
    }
    let log_may_be_lost = times > 1 || matches!(fault, Fault::Silent | Fault::Conflicting);
    let allowed = resources.assert_outcome(api, command, &answer, log_may_be_lost, case).await;
    api.settle().await;
    resources.assert_runs(api, command, &answer, case).await;
    assert_consistent(api, &allowed, case).await;
    was_injected
}

/// Processes the stream with a fault. Whether the fault was injected.
async fn process(
    api: &Deployment,
    scenario: Scenario,
    fault: Fault,
    first: usize,
    times: usize,
    case: &str,
) -> bool {
    let function = scenario.run(api).await;
    api.env.faults.inject(first, times, fault);
    api.settle().await;
    let was_injected = api.env.faults.clear();
    api.settle().await;
    scenario.assert_processed(api, &function, case).await;
    let were_deleted = matches!(scenario, Scenario::DeleteFunction | Scenario::DeletePackages);
    let allowed = Allowed { were_deleted, ..Allowed::default() };
    assert_consistent(api, &allowed, case).await;
    was_injected
}

/// Deletes all workspaces, after which nothing is left.
async fn delete_all(api: &Deployment, case: &str) {
    for workspace in api.get("/api/workspaces").await.as_array().unwrap() {
        let path = format!("/api/workspaces/{}", workspace["id"].as_str().unwrap());
        assert_eq!(api.ask("DELETE", &path, None).await.status, 204, "{case}");
    }
    api.settle().await;
    let left = left(api).await;
    assert!(left.is_empty(), "{case}: orphaned: {left:#?}");
}

/// The number of cases of each combination, all of which passed.
fn table(subjects: &[Subject], tried: &HashMap<(Subject, Fault), usize>) -> String {
    let mut table = "| operation |".to_owned();
    for fault in Fault::ALL {
        write!(table, " {} |", format!("{fault:?}").to_lowercase()).unwrap();
    }
    table.push_str("\n| --- |");
    table.push_str(&" ---: |".repeat(Fault::ALL.len()));
    let mut all = 0;
    for subject in subjects {
        let name = match subject {
            Subject::Command(command) => words(&format!("{command:?}")),
            Subject::Scenario(scenario) => format!("stream: {}", words(&format!("{scenario:?}"))),
        };
        write!(table, "\n| {name} |").unwrap();
        for fault in Fault::ALL {
            let cases = tried[&(*subject, fault)];
            all += cases;
            // No call of the operation can fail in this way.
            let cases = if cases == 0 { "–".to_owned() } else { cases.to_string() };
            write!(table, " {cases} |").unwrap();
        }
    }
    write!(table, "\n\n{all} cases. Promises broken: none.\n").unwrap();
    table
}

/// `PatchFunction` as `patch function`.
fn words(name: &str) -> String {
    let spaced = name.chars().enumerate().flat_map(|(at, c)| {
        let begins = at > 0 && c.is_uppercase();
        begins.then_some(' ').into_iter().chain(c.to_lowercase())
    });
    spaced.collect()
}
