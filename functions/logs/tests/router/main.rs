//! The logs Lambda: order, paging, filters, size limits and retention.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod figures;

use serde_json::json;
use serde_json::value::RawValue;
use shared::domain::{
    ExecutionLog, ExecutionStatus, Expected, FunctionId, Level, LogId, Owner, Timestamp,
    WorkspaceId,
};
use testkit::{Answer, Event, Lambda, TestEnv};

struct RouterEnv {
    env: TestEnv,
    lambda: Lambda,
    workspace: WorkspaceId,
    functions: [FunctionId; 2],
}

fn raw(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.into()).unwrap()
}

impl RouterEnv {
    /// With one workspace and two functions.
    async fn start() -> Self {
        let env = TestEnv::start().unwrap();
        let lambda = env.lambda("logs", logs::router(env.store.clone()));
        let workspace = env.new_workspace().await;
        let function = async || env.new_function(&workspace, "x", &json!({})).await;
        let functions = [function().await, function().await];
        Self { env, lambda, workspace, functions }
    }

    async fn record(&self, function: usize, at: &str, body: &str, lines: Vec<String>) -> LogId {
        let log = ExecutionLog {
            id: LogId::generate(),
            function_id: self.functions[function].clone(),
            timestamp: at.parse::<Timestamp>().unwrap(),
            status: ExecutionStatus::Success,
            duration: 12.5,
            status_code: 200,
            request_body: raw(body),
            response_body: raw("{\"ok\":true}"),
            logs: lines,
            level: Level::Info,
            cpu_time: Some(3.25),
            max_memory: Some(41),
        }
        .cut_to_size();
        self.env.store.record_execution(&self.workspace, &log, 30).await.unwrap();
        log.id
    }

    /// Turns a recorded success into a failure.
    async fn mark_failed(&self, id: &str) {
        let (dynamodb, table) = (&self.env.dynamodb, &self.env.config.table);
        let text = |value: &str| aws_sdk_dynamodb::types::AttributeValue::S(value.into());
        let scanned = dynamodb.scan().table_name(table).send().await.unwrap();
        let matches = |sk: &str| sk.starts_with("LOG#") && sk.ends_with(id);
        let item = scanned.items().iter().find(|item| matches(item["SK"].as_s().unwrap())).unwrap();
        let update = dynamodb.update_item().table_name(table);
        let update = update.key("PK", item["PK"].clone()).key("SK", item["SK"].clone());
        let update = update.update_expression("SET #status = :error, #level = :error");
        let update = update.expression_attribute_names("#status", "status");
        let update = update.expression_attribute_names("#level", "level");
        update.expression_attribute_values(":error", text("error")).send().await.unwrap();
    }

    fn of_function(&self, function: usize) -> String {
        format!("/api/workspaces/{}/functions/{}/logs", self.workspace, self.functions[function])
    }

    fn of_workspace(&self) -> String {
        format!("/api/workspaces/{}/logs", self.workspace)
    }

    async fn get(&self, at: &str) -> Answer {
        self.lambda.answer(Event::fixture("list-function-logs").at(at)).await
    }
}

fn ids(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.body);
    let body = answer.json();
    let logs = body["logs"].as_array().unwrap();
    assert_eq!(body["total"], logs.len());
    logs.iter().map(|log| log["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn logs_are_listed_newest_first_per_function_and_workspace() {
    let env = RouterEnv::start().await;
    let old = env.record(0, "2026-01-31T09:05:00.123Z", "1", vec!["첫 줄 🌱".into()]).await;
    let new =
        env.record(0, "2026-01-31T09:05:00.124Z", "{\"a\":12345678901234567890123}", vec![]).await;
    let other = env.record(1, "2026-01-31T09:05:00.123Z", "null", vec![]).await;

    let answer = env.get(&env.of_function(0)).await;
    answer.assert_shared();
    assert_eq!(ids(&answer), [new.as_str(), old.as_str()]);
    assert_eq!(
        answer.json()["logs"][1],
        json!({
            "id": old, "functionId": env.functions[0], "timestamp": "2026-01-31T09:05:00.123Z",
            "status": "success", "duration": 12.5, "statusCode": 200, "requestBody": 1,
            "responseBody": {"ok": true}, "logs": ["첫 줄 🌱"], "level": "info",
            "cpuTime": 3.25, "maxMemory": 41
        })
    );
    assert!(answer.body.contains("12345678901234567890123"), "every digit is kept");
    assert_eq!(ids(&env.get(&env.of_function(1)).await), [other.as_str()]);

    let all = ids(&env.get(&env.of_workspace()).await);
    assert_eq!(all.len(), 3);
    assert_eq!(all[0], new.as_str());
}

#[tokio::test]
async fn pagination_is_stable_while_logs_are_added() {
    let env = RouterEnv::start().await;
    let mut recorded = Vec::new();
    for i in 0..23 {
        let at = format!("2026-01-31T09:05:00.{:03}Z", i / 2);
        recorded.push(env.record(i % 2, &at, "1", vec![]).await.as_str().to_owned());
    }
    for (start, count) in [(env.of_workspace(), 23), (env.of_function(0), 12)] {
        let mut seen = Vec::new();
        let mut next = Some(format!("{start}?limit=5"));
        while let Some(at) = next {
            let page = env.get(&at).await;
            seen.extend(ids(&page));
            next = page.next().map(str::to_owned);
            env.record(0, "2026-02-01T00:00:00.000Z", "1", vec![]).await;
        }
        let mut unique = seen.clone();
        unique.sort();
        unique.dedup();
        assert_eq!((seen.len(), unique.len()), (count, count));
        assert!(seen.iter().all(|id| recorded.contains(id)));
        recorded.extend(ids(&env.get(&format!("{start}?limit=500")).await));
        // Logs added meanwhile would be seen by the next round.
        let table = &env.env.config.table;
        for item in env.env.dynamodb.scan().table_name(table).send().await.unwrap().items() {
            let sk = item["SK"].as_s().unwrap();
            if sk.starts_with("LOG#2026-02-01") {
                let delete = env.env.dynamodb.delete_item().table_name(table);
                delete
                    .key("PK", item["PK"].clone())
                    .key("SK", item["SK"].clone())
                    .send()
                    .await
                    .unwrap();
            }
        }
    }
}

#[tokio::test]
async fn filters_match_across_pages() {
    let env = RouterEnv::start().await;
    let mut failed = Vec::new();
    for i in 0..60 {
        let at = format!("2026-01-31T09:05:{i:02}.000Z");
        let id = env.record(i % 2, &at, "1", vec![format!("Order {i} 주문"), "done".into()]).await;
        if i % 10 == 3 {
            failed.push(id.as_str().to_owned());
        }
    }
    for id in &failed {
        env.mark_failed(id).await;
    }
    failed.reverse();
    let all = |query: &'static str| {
        let env = &env;
        async move {
            let mut seen = Vec::new();
            let mut next = Some(format!("{}?{query}", env.of_workspace()));
            while let Some(at) = next {
                let page = env.get(&at).await;
                seen.extend(ids(&page));
                next = page.next().map(str::to_owned);
            }
            seen
        }
    };
    for query in ["status=error&limit=500", "level=error&limit=2", "q=ORDER&status=error&limit=1"] {
        assert_eq!(all(query).await, failed, "{query}");
    }
    let count = |query: &'static str| async move { all(query).await.len() };
    assert_eq!(count("q=order%205%20%EC%A3%BC&limit=1").await, 1);
    assert_eq!(count("q=nothing+such").await, 0);
    assert_eq!(count("q=").await, 60);
    assert_eq!(count("since=2026-01-31T09:05:10Z&until=2026-01-31T09:05:20Z&limit=3").await, 10);
    assert_eq!(count("since=2026-01-31T18:05:50%2B09:00").await, 10);
    assert_eq!(count("until=2026-01-31T09:05:00.000Z").await, 0);
    assert_eq!(count("since=2026-01-31T09:06:00Z&until=2026-01-31T09:05:00Z").await, 0);
    let of_function = format!("{}?since=2026-01-31T09:05:50Z", env.of_function(0));
    assert_eq!(ids(&env.get(&of_function).await).len(), 5);

    for (query, field) in [
        ("status=failed", "status"),
        ("level=fatal", "level"),
        ("since=now", "since"),
        ("until=", "until"),
    ] {
        let answer = env.get(&format!("{}?{query}", env.of_function(0))).await;
        answer.assert_error(422, "VALIDATION_ERROR");
        assert_eq!(answer.json()["error"]["details"], json!({ "field": field }));
    }
    // A cursor is bound to its filter.
    let page = env.get(&format!("{}?status=error&limit=1", env.of_workspace())).await;
    let cursor = page.next().unwrap().split_once("cursor=").unwrap().1.to_owned();
    let other = env.get(&format!("{}?status=success&cursor={cursor}", env.of_workspace())).await;
    other.assert_error(422, "VALIDATION_ERROR");
}

#[tokio::test]
async fn selective_filter_returns_an_empty_page_with_a_cursor() {
    let env = RouterEnv::start().await;
    // A text that barely compresses.
    let noise = (0..60_000_u64).map(|i| {
        let mixed = (i + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        char::from(b'0' + ((mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 58) as u8)
    });
    let body = serde_json::to_string(&noise.collect::<String>()).unwrap();
    let first = env.record(0, "2026-01-31T09:05:00.000Z", "1", vec!["needle".into()]).await;
    for i in 1..220 {
        env.record(0, &format!("2026-01-31T09:05:00.{i:03}Z"), &body, vec!["hay".into()]).await;
    }
    let page = env.get(&format!("{}?q=needle", env.of_function(0))).await;
    assert_eq!(ids(&page).len(), 0, "one request does not search all 9 MB");
    let rest = env.get(page.next().unwrap()).await;
    assert_eq!(ids(&rest), [first.as_str()]);
    assert_eq!(rest.next(), None);
}

#[tokio::test]
async fn page_limits_have_documented_defaults_and_maxima() {
    let env = RouterEnv::start().await;
    for i in 0..120 {
        env.record(0, &format!("2026-01-31T09:05:00.{i:03}Z"), "1", vec![]).await;
    }
    assert_eq!(ids(&env.get(&env.of_function(0)).await).len(), 100);
    assert_eq!(ids(&env.get(&env.of_workspace()).await).len(), 50);
    for (path, max) in [(env.of_function(0), 1000), (env.of_workspace(), 500)] {
        assert_eq!(ids(&env.get(&format!("{path}?limit={max}")).await).len(), 120);
        for limit in ["0", "abc", "1.5", &(max + 1).to_string()] {
            let answer = env.get(&format!("{path}?limit={limit}")).await;
            let message = answer.assert_error(422, "VALIDATION_ERROR");
            assert_eq!(message, format!("limit must be a whole number from 1 to {max}"));
        }
    }
    // A cursor is bound to its list.
    let page = env.get(&format!("{}?limit=1", env.of_function(0))).await;
    let cursor = page.next().unwrap().split_once("cursor=").unwrap().1.to_owned();
    let foreign = env.get(&format!("{}?cursor={cursor}", env.of_workspace())).await;
    foreign.assert_error(422, "VALIDATION_ERROR");
}

#[tokio::test]
async fn oversized_log_is_stored_as_a_truncated_preview() {
    let env = RouterEnv::start().await;
    let large = serde_json::to_string(&"\u{1}가".repeat(600_000)).unwrap();
    let lines = (0..50_000).map(|i| format!("줄 {i}")).collect();
    env.record(0, "2026-01-31T09:05:00.123Z", &large, lines).await;
    let answer = env.get(&env.of_function(0)).await;
    let log = answer.json()["logs"][0].clone();
    assert_eq!(log["requestBody"]["truncated"], true);
    assert_eq!(log["requestBody"]["bytes"], large.len());
    assert_eq!(log["responseBody"], json!({"ok": true}));
    let lines = log["logs"].as_array().unwrap();
    // Of the lines that are missing, the last is there in part, behind the mark.
    let missing = 50_000 - (lines.len() - 2);
    let mark = format!("[truncated: {missing} lines or parts of lines before this one]");
    assert_eq!(lines[0], mark);
    assert_eq!(lines.last().unwrap(), "줄 49999");
}

#[tokio::test]
async fn large_logs_are_paged_below_the_response_limit() {
    let env = RouterEnv::start().await;
    let body = serde_json::to_string(&"\\".repeat(30_000)).unwrap();
    for i in 0..100 {
        env.record(0, &format!("2026-01-31T09:05:00.{i:03}Z"), &body, vec![]).await;
    }
    let mut seen = 0;
    let mut next = Some(format!("{}?limit=1000", env.of_function(0)));
    while let Some(at) = next {
        let page = env.get(&at).await;
        assert!(serde_json::to_string(&page.body).unwrap().len() < 6_291_556);
        seen += ids(&page).len();
        next = page.next().map(str::to_owned);
    }
    assert_eq!(seen, 100);
}

#[tokio::test]
async fn logs_expire_after_the_retention_period() {
    let env = RouterEnv::start().await;
    env.record(0, "2026-01-31T09:05:00.123Z", "1", vec![]).await;
    let scanned = env.env.dynamodb.scan().table_name(&env.env.config.table).send().await.unwrap();
    let expiry = scanned.items().iter().find_map(|item| item.get("expiresAt")).unwrap();
    // 30 days of 86,400 seconds after 1769850300.
    assert_eq!(expiry.as_n().unwrap(), "1772442300");
}

#[tokio::test]
async fn logs_of_missing_resources_return_404() {
    let env = RouterEnv::start().await;
    env.record(0, "2026-01-31T09:05:00.123Z", "1", vec![]).await;
    let owner = Owner::anonymous();
    env.env
        .store
        .delete_function(&owner, &env.workspace, &env.functions[0], &Expected::Any)
        .await
        .unwrap();
    env.get(&env.of_function(0)).await.assert_error(404, "NOT_FOUND");
    env.env.store.delete_workspace(&owner, &env.workspace, &Expected::Any).await.unwrap();
    env.get(&env.of_workspace()).await.assert_error(404, "NOT_FOUND");
    env.get(&env.of_function(1)).await.assert_error(404, "NOT_FOUND");
    for path in ["/api/workspaces/x/logs?limit=0", "/api/workspaces/x/functions/y/logs?limit=0"] {
        env.get(path).await.assert_error(422, "VALIDATION_ERROR");
    }
    env.get("/api/workspaces/x/logs").await.assert_error(404, "NOT_FOUND");
    let post = env.lambda.answer(Event::new("POST", &env.of_workspace())).await;
    post.assert_error(405, "METHOD_NOT_ALLOWED");
    assert_eq!(post.header("allow"), "GET,HEAD,OPTIONS");
}
