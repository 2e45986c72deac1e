//! Every call of every operation, and of everything that follows the table, going wrong in every
//! way: once, and for as long as somebody waits. Then all is well again, and must be as if nothing
//! had been, or as if it had not been asked for.
//!
//! What follows the table is tried with single calls only, unless `FAULTS=all cargo test --workspace
//! --test suites faults` says so: then four in a row go wrong, too, and it takes ten minutes. `FAULTS=PatchSource` tries one
//! operation only.

mod command;
mod scenario;

use std::collections::{HashMap, VecDeque};
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use deployment::Deployment;
use futures_util::future::join_all;
use shared::domain::Quotas;
use testkit::faults::Fault;

use self::command::{Command, Scene};
use self::scenario::Story;
use crate::REPORT;
use crate::consistency::{Allowed, assert_whole, left};

/// More often than anything is tried again: for good, until it is healed.
const FOR_GOOD: usize = 1000;

/// As often as the SDK tries, and once more: then what failed comes again by the stream.
const FOR_A_WHILE: usize = 4;

/// After which API Gateway would answer in our place, with an answer of its own.
const GATEWAY_TIME: Duration = Duration::from_secs(29);

/// How many things are tried at a time: much of it is waiting.
const AT_A_TIME: usize = 24;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Subject {
    Command(Command),
    Story(Story),
}

#[test]
#[expect(clippy::disallowed_methods, reason = "it is the test's own, and not the product's")]
fn consistency_holds_under_every_fault() {
    let commands = Command::ALL.map(Subject::Command).into_iter();
    let mut subjects: Vec<_> = commands.chain(Story::ALL.map(Subject::Story)).collect();
    let asked = std::env::var("FAULTS").ok();
    let only = asked.as_ref().filter(|asked| *asked != "all");
    if let Some(only) = only {
        subjects.retain(|subject| format!("{subject:?}").contains(&format!("({only})")));
        assert!(!subjects.is_empty(), "nothing is called {only}");
    }
    let pairs = subjects.iter().flat_map(|subject| Fault::ALL.map(|fault| (*subject, fault)));
    // Those that wait longest first.
    let mut pairs: Vec<_> = pairs.collect();
    pairs.sort_by_key(|(_, fault)| *fault != Fault::Silent);
    let left = Mutex::new(VecDeque::from(pairs));
    let tried = Mutex::new(HashMap::new());
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        let work = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let worker = async || {
                while let Some((subject, fault)) = next(&left) {
                    let cases = Box::pin(every_call(subject, fault, asked.is_some())).await;
                    let mut tried = tried.lock().unwrap_or_else(PoisonError::into_inner);
                    tried.insert((subject, fault), cases);
                }
            };
            runtime.unwrap().block_on(join_all((0..AT_A_TIME).map(|_| worker())));
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

fn next<T>(left: &Mutex<VecDeque<T>>) -> Option<T> {
    left.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
}

/// Lets each call go wrong in turn, once and for longer; how many cases there were.
async fn every_call(subject: Subject, fault: Fault, is_whole: bool) -> usize {
    let requests_per_second = match subject {
        Subject::Command(Command::ReadWorkspaceCounted) => Some(1000),
        _ => None,
    };
    let api = Deployment::on_disk(|quotas| Quotas { requests_per_second, ..quotas }).await;
    let longer = match subject {
        Subject::Command(_) => Some(FOR_GOOD),
        Subject::Story(_) => is_whole.then_some(FOR_A_WHILE),
    };
    let case = async |first: usize, times: usize| {
        let story = format!("{subject:?}, {fault:?}, {times} calls from the {first}. on");
        let was_injected = match subject {
            Subject::Command(command) => ask(&api, command, fault, first, times, &story).await,
            Subject::Story(what) => follow(&api, what, fault, first, times, &story).await,
        };
        clear(&api, &story).await;
        was_injected
    };
    let mut calls = 0;
    while case(calls + 1, 1).await {
        calls += 1;
    }
    let is_any_calls = matches!(fault, Fault::Unsent | Fault::Unanswered | Fault::Silent);
    assert!(calls > 0 || !is_any_calls, "{subject:?} makes no call");
    let mut cases = calls;
    if let Some(longer) = longer {
        for first in 1..=calls {
            // Whoever asks the engine whether it is done may do so less often the next time.
            cases += usize::from(case(first, longer).await);
        }
    }
    cases
}

/// Asks while calls go wrong; whether any did.
async fn ask(
    api: &Deployment,
    command: Command,
    fault: Fault,
    first: usize,
    times: usize,
    story: &str,
) -> bool {
    let scene = Scene::make(api).await;
    let expected = if command.only_reads() { Some(scene.ask(api, command).await) } else { None };
    api.env.faults.inject(first, times, fault);
    let began = Instant::now();
    let answer = scene.ask(api, command).await;
    let took = began.elapsed();
    let was_injected = api.env.faults.clear();
    assert!(took < GATEWAY_TIME, "{story}: answered after {took:?}");
    if answer.status >= 300 {
        assert!(was_injected, "{story}: {}", answer.body);
        // One that goes wrong is sent again, unless it may not, or there is no time to.
        let is_in_haste = command.is_once()
            || matches!(command, Command::ReadWorkspaceCounted | Command::DeepHealth);
        let takes_long = matches!(fault, Fault::Silent | Fault::Conflicting);
        let may_fail = command.runs() || (takes_long && is_in_haste);
        assert!(times > 1 || may_fail, "{story}: {}", answer.body);
        match command {
            Command::Call if answer.status == 504 => answer.assert_error(504, "TIMEOUT"),
            _ => answer.assert_error(503, "SERVICE_UNAVAILABLE"),
        };
    } else if let Some(expected) = expected
        && command != Command::DeepHealth
    {
        assert_eq!(answer.body, expected.body, "{story}: all or nothing");
    }
    let may_lose = times > 1 || matches!(fault, Fault::Silent | Fault::Conflicting);
    let allowed = scene.assert_kept(api, command, &answer, may_lose, story).await;
    api.settle().await;
    scene.assert_runs(api, command, &answer, story).await;
    assert_whole(api, &allowed, story).await;
    was_injected
}

/// Follows while calls go wrong; whether any did.
async fn follow(
    api: &Deployment,
    what: Story,
    fault: Fault,
    first: usize,
    times: usize,
    story: &str,
) -> bool {
    let function = what.happen(api).await;
    api.env.faults.inject(first, times, fault);
    api.settle().await;
    let was_injected = api.env.faults.clear();
    api.settle().await;
    what.assert_followed(api, &function, story).await;
    let allowed = Allowed { were_deleted: what == Story::DeleteFunction, ..Allowed::default() };
    assert_whole(api, &allowed, story).await;
    was_injected
}

/// Deletes all workspaces: then nothing is left of what was in them.
async fn clear(api: &Deployment, story: &str) {
    for workspace in api.get("/api/workspaces").await.as_array().unwrap() {
        let path = format!("/api/workspaces/{}", workspace["id"].as_str().unwrap());
        assert_eq!(api.ask("DELETE", &path, None).await.status, 204, "{story}");
    }
    api.settle().await;
    let left = left(api).await;
    assert!(left.is_empty(), "{story}: nobody owns {left:#?}");
}

/// How many cases of each were tried. All of them kept their promises, or this isn't reached.
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
            Subject::Story(story) => format!("follow: {}", words(&format!("{story:?}"))),
        };
        write!(table, "\n| {name} |").unwrap();
        for fault in Fault::ALL {
            let cases = tried[&(*subject, fault)];
            all += cases;
            // A dash for what can't go wrong so.
            let cases = if cases == 0 { "–".to_owned() } else { cases.to_string() };
            write!(table, " {cases} |").unwrap();
        }
    }
    write!(table, "\n\n{all} cases. Promises broken: none.\n").unwrap();
    table
}

/// `PatchFunction` as it is spoken.
fn words(name: &str) -> String {
    let spaced = name.chars().enumerate().flat_map(|(at, c)| {
        let begins = at > 0 && c.is_uppercase();
        begins.then_some(' ').into_iter().chain(c.to_lowercase())
    });
    spaced.collect()
}
