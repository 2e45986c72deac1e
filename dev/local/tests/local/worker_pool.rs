//! Workers and pools with a real Lambda, `examples/echo_lambda.rs`.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::client::{TIMEOUT, until};
use bytes::Bytes;
use emulator::process::Launcher;
use emulator::worker::{InvokeError, WorkerSpec};
use emulator::worker_pool::WorkerPool;
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
        timeout: TIMEOUT,
        region: "ap-northeast-2".to_owned(),
        environment: BTreeMap::from([("OWN".to_owned(), "1".to_owned())]),
        launcher: Launcher::Direct,
    }
}

async fn pool(spec: WorkerSpec) -> WorkerPool {
    WorkerPool::start(spec, echo_lambda().into()).await.unwrap()
}

fn event(event: &Value) -> Bytes {
    Bytes::from(event.to_string())
}

async fn described(pool: &WorkerPool) -> Value {
    let answer = pool.invoke(event(&json!({"do": "describe"}))).await.unwrap();
    serde_json::from_slice(&answer).unwrap()
}

/// Running invocations that wait until [`Waiting::end`].
struct Waiting {
    folder: TempDir,
    answers: Vec<tokio::task::JoinHandle<Result<Bytes, InvokeError>>>,
}

impl Waiting {
    async fn start(pool: &WorkerPool, size: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut answers = Vec::new();
        for me in 0..size {
            let event = event(&json!({"do": "wait", "folder": folder.path(), "me": me}));
            let pool = pool.clone();
            answers.push(tokio::spawn(async move { pool.invoke(event).await }));
        }
        let all_there = |folder: &Path| (0..size).all(|me| folder.join(me.to_string()).exists());
        until(async || all_there(folder.path())).await;
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
async fn a_worker_is_reused_and_has_none_of_the_hosts_variables() {
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
async fn concurrent_requests_have_workers_of_their_own() {
    let pool = pool(spec()).await;
    let waiting = Waiting::start(&pool, 4).await;
    assert_eq!(waiting.end().await.len(), 4, "each in a process of its own");
}

#[tokio::test]
async fn a_new_binary_drops_no_request() {
    let pool = pool(spec()).await;
    let before = described(&pool).await["pid"].as_u64().unwrap();
    let waiting = Waiting::start(&pool, 3).await;
    pool.replace_binary(echo_lambda().into()).await.unwrap();
    let new = described(&pool).await["pid"].as_u64().unwrap();
    let old = waiting.end().await;
    assert_eq!(old.len(), 3);
    assert!(old.contains(&before) && !old.contains(&new));
    assert_eq!(pool.idle_process_ids(), [u32::try_from(new).unwrap()], "the old ones are gone");
}

#[tokio::test]
async fn a_binary_that_does_not_start_leaves_the_old_one_in_use() {
    let pool = pool(spec()).await;
    let before = described(&pool).await["pid"].clone();
    let missing = pool.replace_binary(PathBuf::from("/nowhere/at-all").into()).await.unwrap_err();
    assert!(missing.to_string().contains("/nowhere/at-all"), "{missing}");
    assert_eq!(described(&pool).await["pid"], before);

    let mut refusing = spec();
    refusing.environment.insert("REFUSE_TO_START".to_owned(), "1".to_owned());
    let refused = WorkerPool::start(refusing, echo_lambda().into()).await.unwrap_err();
    assert!(refused.to_string().contains("told not to start"), "{refused}");
}

#[tokio::test]
async fn after_a_failure_the_next_request_is_answered() {
    let pool = pool(spec()).await;
    let invoke = async |what: &str| pool.invoke(event(&json!({"do": what}))).await.unwrap_err();
    assert!(matches!(invoke("crash").await, InvokeError::Crashed(_)));
    let InvokeError::Failed(report) = invoke("fail").await else { panic!("it reports") };
    assert!(String::from_utf8_lossy(&report).contains("told to fail"));
    described(&pool).await;
}

#[tokio::test]
async fn a_timeout_kills_the_worker_and_the_next_request_has_a_new_one() {
    let pool = pool(WorkerSpec { timeout: Duration::from_millis(300), ..spec() }).await;
    for _ in 0..2 {
        let error = pool.invoke(event(&json!({"do": "hang"}))).await.unwrap_err();
        assert!(matches!(error, InvokeError::TimedOut(_)), "{error}");
        assert!(pool.idle_process_ids().is_empty());
    }
}

#[tokio::test]
async fn an_answer_over_the_limit_is_an_error_and_the_worker_is_reused() {
    let pool = pool(spec()).await;
    let before = described(&pool).await["pid"].clone();
    let error = pool.invoke(event(&json!({"do": "large"}))).await.unwrap_err();
    assert!(matches!(error, InvokeError::AnswerTooLarge(7_000_002)), "{error}");
    assert_eq!(described(&pool).await["pid"], before);
}

#[tokio::test]
async fn dropping_the_pool_ends_its_workers() {
    let pool = pool(spec()).await;
    let pid = described(&pool).await["pid"].as_u64().unwrap();
    drop(pool);
    let status = PathBuf::from(format!("/proc/{pid}"));
    until(async || !status.exists()).await;
}
