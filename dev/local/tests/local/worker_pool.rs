//! Workers and pools with a real Lambda, `examples/echo_lambda.rs`.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use emulator::process::Launcher;
use emulator::worker::{InvokeError, WorkerSpec};
use emulator::worker_pool::Pool;
use serde_json::{Value, json};
use tempfile::TempDir;

/// `cargo test` builds examples before it runs tests.
fn echo_lambda() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(2).unwrap().join("examples/echo_lambda")
}

fn spec() -> WorkerSpec {
    WorkerSpec {
        name: "echo".to_owned(),
        memory_mb: 128,
        timeout: Duration::from_secs(20),
        region: "ap-northeast-2".to_owned(),
        environment: BTreeMap::from([("OWN".to_owned(), "1".to_owned())]),
        launcher: Launcher::Direct,
    }
}

async fn pool(spec: WorkerSpec) -> Pool {
    Pool::start(spec, echo_lambda().into()).await.unwrap()
}

fn event(event: &Value) -> Bytes {
    Bytes::from(event.to_string())
}

async fn described(pool: &Pool) -> Value {
    let answer = pool.invoke(event(&json!({"do": "describe"}))).await.unwrap();
    serde_json::from_slice(&answer).unwrap()
}

async fn until(holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("it comes to hold");
}

/// Invocations that have begun and wait in their workers.
struct Meeting {
    folder: TempDir,
    answers: Vec<tokio::task::JoinHandle<Result<Bytes, InvokeError>>>,
}

impl Meeting {
    async fn of(pool: &Pool, size: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut answers = Vec::new();
        for me in 0..size {
            let event = event(&json!({"do": "meet", "folder": folder.path(), "me": me}));
            let pool = pool.clone();
            answers.push(tokio::spawn(async move { pool.invoke(event).await }));
        }
        let all_there = |folder: &Path| (0..size).all(|me| folder.join(me.to_string()).exists());
        until(|| all_there(folder.path())).await;
        Self { folder, answers }
    }

    async fn end(self) -> HashSet<u64> {
        std::fs::write(self.folder.path().join("go"), "").unwrap();
        let mut processes = HashSet::new();
        for answer in self.answers {
            let answer: Value = serde_json::from_slice(&answer.await.unwrap().unwrap()).unwrap();
            processes.insert(answer["pid"].as_u64().unwrap());
        }
        processes
    }
}

#[tokio::test]
async fn a_worker_is_reused_and_sees_nothing_of_our_environment() {
    let pool = pool(spec()).await;
    let first = described(&pool).await;
    let second = described(&pool).await;
    assert_eq!(first["pid"], second["pid"]);
    assert_ne!(first["requestId"], second["requestId"]);
    assert_eq!(first["arn"], "arn:aws:lambda:ap-northeast-2:000000000000:function:echo");
    let names: HashSet<&str> =
        first["variables"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(names.contains("OWN") && names.contains("AWS_LAMBDA_RUNTIME_API"));
    assert!(!names.contains("CARGO_MANIFEST_DIR") && !names.contains("HOME"), "{names:?}");
}

#[tokio::test]
async fn several_requests_run_at_once() {
    let pool = pool(spec()).await;
    let meeting = Meeting::of(&pool, 4).await;
    assert_eq!(meeting.end().await.len(), 4, "each in a process of its own");
}

#[tokio::test]
async fn a_swap_drops_no_request() {
    let pool = pool(spec()).await;
    let before = described(&pool).await["pid"].as_u64().unwrap();
    let meeting = Meeting::of(&pool, 3).await;
    pool.swap(echo_lambda().into()).await.unwrap();
    let new = described(&pool).await["pid"].as_u64().unwrap();
    let old = meeting.end().await;
    assert_eq!(old.len(), 3);
    assert!(old.contains(&before) && !old.contains(&new));
    assert_eq!(pool.idle_process_ids(), [u32::try_from(new).unwrap()], "the old ones are gone");
}

#[tokio::test]
async fn a_binary_that_does_not_start_leaves_the_old_one() {
    let pool = pool(spec()).await;
    let before = described(&pool).await["pid"].clone();
    let missing = pool.swap(PathBuf::from("/nowhere/at-all").into()).await.unwrap_err();
    assert!(missing.to_string().contains("/nowhere/at-all"), "{missing}");
    assert_eq!(described(&pool).await["pid"], before);

    let mut refusing = spec();
    refusing.environment.insert("REFUSE_TO_START".to_owned(), "1".to_owned());
    let refused = Pool::start(refusing, echo_lambda().into()).await.unwrap_err();
    assert!(refused.to_string().contains("told not to start"), "{refused}");
}

#[tokio::test]
async fn failures_are_told_apart_and_the_next_request_is_answered() {
    let mut spec = spec();
    spec.timeout = Duration::from_millis(300);
    let pool = pool(spec).await;
    let invoke = async |what: &str| pool.invoke(event(&json!({"do": what}))).await.unwrap_err();
    assert!(matches!(invoke("crash").await, InvokeError::Crashed(_)));
    let InvokeError::Failed(report) = invoke("fail").await else { panic!("it reports") };
    assert!(String::from_utf8_lossy(&report).contains("told to fail"));
    assert!(matches!(invoke("hang").await, InvokeError::TimedOut(_)));
    described(&pool).await;
}

#[tokio::test]
async fn an_answer_over_the_limit_is_an_error_and_the_worker_stays() {
    let pool = pool(spec()).await;
    let before = described(&pool).await["pid"].clone();
    let error = pool.invoke(event(&json!({"do": "large"}))).await.unwrap_err();
    assert!(matches!(error, InvokeError::AnswerTooLarge(7_000_002)), "{error}");
    assert_eq!(described(&pool).await["pid"], before);
}

#[tokio::test]
async fn the_end_of_the_pool_ends_its_workers() {
    let pool = pool(spec()).await;
    let pid = described(&pool).await["pid"].as_u64().unwrap();
    drop(pool);
    let status = PathBuf::from(format!("/proc/{pid}"));
    until(|| !status.exists()).await;
}
