//! Lines and processor time, for the console's page of a function.

use serde_json::value::RawValue;
use serde_json::{Value, json};
use shared::domain::{
    Clock, ExecutionLog, ExecutionStatus, FunctionId, Level, LogId, Timestamp, WorkspaceId,
};
use testkit::{Answer, Event, Lambda, TestEnv};

/// Half a minute after a full hour.
const NOW: &str = "2026-01-31T10:00:30.000Z";

struct FiguresEnv {
    env: TestEnv,
    lambda: Lambda,
    workspace: WorkspaceId,
    function: FunctionId,
}

impl FiguresEnv {
    async fn start() -> Self {
        let mut env = TestEnv::start().unwrap();
        env.store = env.store.clone().with_clock(Clock::standing_at(NOW.parse().unwrap()));
        let lambda = env.lambda("logs", logs::router(env.store.clone()));
        let workspace = env.new_workspace().await;
        let function = env.new_function(&workspace, "x", &json!({})).await;
        Self { env, lambda, workspace, function }
    }

    /// Records an execution that took a second.
    async fn record(&self, at: &str, lines: Vec<String>, cpu_time: Option<f64>) {
        let log = ExecutionLog {
            id: LogId::generate(),
            function_id: self.function.clone(),
            timestamp: at.parse::<Timestamp>().unwrap(),
            status: ExecutionStatus::Success,
            duration: 1000.0,
            status_code: 200,
            request_body: RawValue::NULL.to_owned(),
            response_body: RawValue::NULL.to_owned(),
            logs: lines,
            level: Level::Info,
            cpu_time,
            max_memory: None,
        };
        self.env.store.record_execution(&self.workspace, &log.cut_to_size(), 30).await.unwrap();
    }

    async fn get(&self, rest: &str) -> Answer {
        self.get_as("anonymous", rest).await
    }

    async fn get_as(&self, owner: &str, rest: &str) -> Answer {
        let event = Event::new("GET", &format!("/api/functions/{}/{rest}", self.function));
        let event = if owner == "anonymous" { event } else { event.from(owner) };
        self.lambda.answer(event).await
    }

    async fn lines(&self, query: &str) -> Vec<String> {
        let answer = self.get(&format!("loki-logs{query}")).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let body = answer.json();
        let logs = body["logs"].as_array().unwrap();
        assert_eq!(
            (&body["total"], &body["function_id"]),
            (&json!(logs.len()), &json!(self.function))
        );
        logs.iter().map(|line| line["line"].as_str().unwrap().to_owned()).collect()
    }
}

fn lines(all: &[&str]) -> Vec<String> {
    all.iter().map(|line| (*line).to_owned()).collect()
}

#[tokio::test]
async fn lines_are_listed_newest_first_with_nanoseconds() {
    let env = FiguresEnv::start().await;
    env.record("2026-01-31T09:05:00.123Z", lines(&["첫 줄", "둘째"]), None).await;
    env.record("2026-01-31T09:05:00.124Z", Vec::new(), None).await;
    env.record("2026-01-31T09:05:01.000Z", lines(&["last"]), None).await;
    let answer = env.get("loki-logs").await;
    answer.assert_shared();
    assert_eq!(
        answer.json(),
        json!({
            "logs": [
                {"timestamp": "1769850301000000000", "line": "last"},
                {"timestamp": "1769850300123000001", "line": "둘째"},
                {"timestamp": "1769850300123000000", "line": "첫 줄"},
            ],
            "total": 3, "function_id": env.function,
        })
    );
    assert_eq!(env.lines("?limit=2").await, ["last", "둘째"]);
}

#[tokio::test]
async fn the_limit_counts_lines_from_1_to_1000() {
    let env = FiguresEnv::start().await;
    for second in 0..4 {
        let many = (0..300).map(|line| format!("{second} {line}")).collect();
        env.record(&format!("2026-01-31T09:05:0{second}.000Z"), many, None).await;
    }
    assert_eq!(env.lines("").await.len(), 100);
    let thousand = env.lines("?limit=1000").await;
    assert_eq!((thousand.len(), &*thousand[0], &*thousand[999]), (1000, "3 299", "0 200"));
    for wrong in ["0", "1001", "abc", "-1", ""] {
        let answer = env.get(&format!("loki-logs?limit={wrong}")).await;
        answer.assert_error(422, "VALIDATION_ERROR");
    }
}

#[tokio::test]
async fn lines_end_where_one_answer_is_full() {
    let env = FiguresEnv::start().await;
    for second in 10..70 {
        let at = format!("2026-01-31T09:{:02}:{:02}.000Z", second / 60, second % 60);
        // Compresses well, so that reading ends by the size of the answer.
        env.record(&at, vec!["x".repeat(120_000)], None).await;
    }
    let answer = env.get("loki-logs?limit=1000").await;
    assert_eq!(answer.status, 200);
    assert!((5_500_000..6_291_456).contains(&answer.body.len()), "{}", answer.body.len());
}

#[tokio::test]
async fn processor_time_has_a_point_a_minute_over_the_last_hour() {
    let env = FiguresEnv::start().await;
    env.record("2026-01-31T08:59:00.000Z", Vec::new(), Some(60_000.0)).await;
    env.record("2026-01-31T09:00:00.000Z", Vec::new(), Some(600.0)).await;
    env.record("2026-01-31T09:59:10.000Z", Vec::new(), Some(300.0)).await;
    env.record("2026-01-31T09:59:20.000Z", Vec::new(), Some(30.0)).await;
    env.record("2026-01-31T09:59:30.000Z", Vec::new(), None).await;
    env.record("2026-01-31T10:00:10.000Z", Vec::new(), Some(60_000.0)).await;
    let body = env.get("metrics").await.json();
    let mut data = body["data"].clone();
    let series = data["cpu_series"].take();
    let series = series.as_array().unwrap();
    assert_eq!(
        (&body["status"], &body["function_id"], &data),
        (
            &json!("success"),
            &json!(env.function),
            &json!({
                "cpu_total": 0.0055, "cpu_series": null, "window_seconds": 3600,
                "instant_query": "", "range_query": "",
            })
        )
    );
    assert_eq!(series.len(), 60);
    let at = |time: &str| time.parse::<Timestamp>().unwrap().epoch_seconds();
    assert_eq!(series[0], json!({"timestamp": at("2026-01-31T09:00:00Z"), "value": 0.01}));
    assert_eq!(series[59], json!({"timestamp": at("2026-01-31T09:59:00Z"), "value": 0.0055}));
    assert!(series[1..59].iter().all(|point| point["value"] == 0.0), "{series:?}");
}

#[tokio::test]
async fn without_a_measured_execution_there_is_no_total() {
    let env = FiguresEnv::start().await;
    let data = env.get("metrics").await.json()["data"].take();
    assert_eq!(data["cpu_total"], Value::Null);
    assert_eq!(data["cpu_series"].as_array().map(Vec::len), Some(60));
    env.record("2026-01-31T09:59:30.000Z", Vec::new(), None).await;
    assert_eq!(env.get("metrics").await.json()["data"]["cpu_total"], Value::Null);
}

#[tokio::test]
async fn a_function_is_found_by_its_log_or_in_all_workspaces() {
    let env = FiguresEnv::start().await;
    for _ in 0..120 {
        env.env.new_workspace().await;
    }
    let calls = async |path: &str| {
        env.env.meter.start();
        let answer = env.get(path).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        env.env.meter.stop().len()
    };
    // Lines, newest log, workspaces; functions by hundreds; the function and its workspace.
    assert_eq!((calls("loki-logs").await, calls("metrics").await), (5, 5));
    env.record("2026-01-31T07:00:00.000Z", lines(&["old"]), None).await;
    assert_eq!((calls("loki-logs").await, calls("metrics").await), (2, 3));
    env.record("2026-01-31T09:59:00.000Z", lines(&["new"]), None).await;
    assert_eq!((calls("loki-logs").await, calls("metrics").await), (2, 2));
}

#[tokio::test]
async fn a_function_of_somebody_else_looks_absent() {
    let env = FiguresEnv::start().await;
    for path in ["loki-logs", "metrics"] {
        for owner in ["bob", "anonymous"] {
            let nothing = Event::new("GET", &format!("/api/functions/fn-nothing/{path}"));
            let nothing = if owner == "bob" { nothing.from(owner) } else { nothing };
            let told = env.lambda.answer(nothing).await.assert_error(404, "NOT_FOUND");
            assert_eq!(told, "there is no function fn-nothing");
        }
        let told = env.get_as("bob", path).await.assert_error(404, "NOT_FOUND");
        assert_eq!(told, format!("there is no function {}", env.function));
    }
    env.record("2026-01-31T09:59:00.000Z", lines(&["a secret"]), Some(1.0)).await;
    for path in ["loki-logs", "metrics"] {
        let told = env.get_as("bob", path).await.assert_error(404, "NOT_FOUND");
        assert_eq!(told, format!("there is no function {}", env.function));
    }
    let missing = env.lambda.answer(Event::new("GET", "/api/functions/x/metrics")).await;
    missing.assert_error(404, "NOT_FOUND");
}
