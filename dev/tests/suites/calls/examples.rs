//! The functions in `examples`, with real Python.

use super::env::CallEnv;
use emulator::project;
use serde_json::{Value, json};
use shared::domain::FunctionId;
use testkit::{Answer, Event};

/// The examples that are tested here.
// Those of `forms` and `packages` have tests of their own.
const TESTED: [&str; 4] = ["fails.py", "hello.py", "order.py", "report.py"];

fn source(name: &str) -> String {
    let path = project::source_root().join("examples").join(name);
    std::fs::read_to_string(&path)
        .unwrap_or_else(|e| panic!("{} can't be read: {e}", path.display()))
}

/// Deploys an example.
async fn deployed(env: &CallEnv, name: &str, settings: Value) -> FunctionId {
    let id = env.created(&source(name), settings).await;
    env.settle().await;
    id
}

/// The lines that the newest execution printed.
async fn lines(env: &CallEnv, id: &FunctionId) -> Value {
    env.logs(id).await[0]["logs"].clone()
}

#[test]
fn every_example_has_a_test_and_a_curl_line() {
    let folder = project::source_root().join("examples");
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "forms" && name != "packages")
        .collect();
    names.sort_unstable();
    assert_eq!(
        names, TESTED,
        "each example has a test in this file; forms.rs has those of other platforms"
    );
    for name in TESTED {
        let source = source(name);
        let calls = source.lines().filter_map(|line| line.trim().strip_prefix("curl "));
        for call in calls.clone() {
            assert!(call.contains("http://localhost:8000/invoke/$WS/$FN"), "{name}: {call}");
        }
        assert!(calls.count() > 0, "{name} has no curl line");
    }
}

#[tokio::test]
async fn hello_greets_by_name() {
    let env = CallEnv::start().await;
    let id = deployed(&env, "hello.py", json!({})).await;
    for (query, name) in
        [("?name=Ada", "Ada"), ("?name=%EC%A7%80%EC%88%98", "지수"), ("", "세계 🌏")]
    {
        let answer = env.call(&id, "GET", query, "").await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.json(), json!({"message": format!("안녕하세요, {name}!")}));
        assert_eq!(lines(&env, &id).await, json!([format!("GET /: {name}")]));
    }
    env.call(&id, "POST", "/a/b", "").await;
    assert_eq!(lines(&env, &id).await, json!(["POST /a/b: 세계 🌏"]));
}

#[tokio::test]
async fn order_returns_a_total_or_its_problems() {
    let env = CallEnv::start().await;
    let id = deployed(&env, "order.py", json!({})).await;
    let order = json!({"items": [
        {"sku": "TEA-01", "quantity": 2, "unitPrice": "4.50"},
        {"sku": "CUP", "quantity": 3, "unitPrice": 1200},
    ]});
    let answer = env.call(&id, "POST", "", &order.to_string()).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let item = |sku: &str, quantity: u32, amount: &str| json!({"sku": sku, "quantity": quantity, "amount": amount});
    assert_eq!(
        answer.json(),
        json!({
            "items": [item("TEA-01", 2, "9"), item("CUP", 3, "3600")],
            "total": "3609", "currency": "KRW",
        })
    );
    assert_eq!(lines(&env, &id).await, json!(["accepted: 2 items, 3609 KRW"]));

    env.patch(&id, json!({"environmentVariables": {"CURRENCY": "EUR"}})).await;
    env.settle().await;
    let order = json!({"items": [
        {"sku": "TEA-01", "quantity": 2, "unitPrice": "4.50"},
        {"sku": "HALF A CENT", "quantity": 1, "unitPrice": 0.005},
    ]});
    let answer = env.call(&id, "POST", "", &order.to_string()).await;
    assert_eq!((&answer.json()["total"], answer.status), (&json!("9.01"), 201), "{}", answer.body);
    assert_eq!(answer.json()["currency"], "EUR");

    let all_wrong = json!({"items": [
        {"sku": " ", "quantity": true, "unitPrice": "many"},
        {"sku": "A", "quantity": 1, "unitPrice": -1},
        "tea",
    ]});
    let problems = json!([
        "item 1: sku must be text",
        "item 1: quantity must be a whole number from 1 to 10000",
        "item 1: unitPrice must be a number from 0 to 1000000000",
        "item 2: unitPrice must be a number from 0 to 1000000000",
        "item 3 must be an object",
    ]);
    let none = json!(["items must be a list of at least one item"]);
    for (body, problems) in [
        (all_wrong.to_string(), &problems),
        ("{\"items\": []}".into(), &none),
        ("[]".into(), &none),
        ("tea, please".into(), &none),
        (String::new(), &none),
    ] {
        let answer = env.call(&id, "POST", "", &body).await;
        assert_eq!(answer.status, 422, "{body}: {}", answer.body);
        assert_eq!(&answer.json()["problems"], problems, "{body}");
        let log = &env.logs(&id).await[0];
        assert_eq!((&log["status"], &log["level"]), (&json!("success"), &json!("warn")));
        let count = problems.as_array().unwrap().len();
        assert_eq!(log["logs"], json!([format!("refused: {count} problems")]));
    }
}

#[tokio::test]
async fn report_returns_html_or_csv() {
    let env = CallEnv::start().await;
    let id = deployed(&env, "report.py", json!({})).await;
    let table = "이름,값\r\n1,3.0\r\n2,1.0\r\n3,4.0\r\n4,1.0\r\n5,5.0\r\n평균,2.8\r\n중앙값,3.0\r\n\
        표준편차,1.6\r\n";
    let assert_table = |answer: Answer| {
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8");
        assert_eq!(String::from_utf8(answer.bytes()).unwrap(), table);
    };
    assert_table(env.call(&id, "GET", "?values=3,1,4,1,5&format=csv", "").await);
    assert_eq!(lines(&env, &id).await, json!(["8 rows as CSV"]));
    let at = format!("/invoke/{}/{id}?values=3,1,4,1,5", env.workspace);
    let event = Event::fixture("call-function").at(&at).method("GET").text("");
    assert_table(env.send(event.header("accept", Some("text/csv"))).await);
    assert_table(env.call(&id, "POST", "?format=csv", "[3, 1, 4, 1, 5]").await);

    let rows = json!([
        {"name": "서울", "value": 21.5},
        {"name": "부산 <b>", "value": 24},
    ]);
    let answer = env.call(&id, "POST", "", &rows.to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    let page = String::from_utf8(answer.bytes()).unwrap();
    for row in [
        "<tr><th>서울</th><td>21.5</td></tr>",
        "<tr><th>부산 &lt;b&gt;</th><td>24</td></tr>",
        "<tr><th>평균</th><td>22.75</td></tr>",
    ] {
        assert!(page.contains(row), "{page}");
    }
    assert_eq!(lines(&env, &id).await, json!(["5 rows as HTML"]));

    for body in ["", "[]", "[\"many\"]", "[null]", "[1e999]", "{\"a\": 1}", "7", "words"] {
        let answer = env.call(&id, "POST", "", body).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.body);
        assert!(answer.json()["error"].as_str().unwrap().starts_with("send numbers"), "{body}");
    }
}

#[tokio::test]
async fn fails_logs_each_kind_of_failure() {
    let env = CallEnv::start().await;
    let id = deployed(&env, "fails.py", json!({"timeout": 60})).await;
    for (how, sentence, last_line) in [
        ("", "raised an exception", "RuntimeError: as you asked"),
        ("raise", "raised an exception", "RuntimeError: as you asked"),
        ("exit", "process ended", "process ended before it answered"),
        ("memory", "ran out of memory", "memory"),
        ("not-json", "not JSON", "Object of type set is not JSON serializable"),
    ] {
        let query = if how.is_empty() { String::new() } else { format!("?how={how}") };
        let answer = env.call(&id, "GET", &query, "").await;
        let message = answer.assert_error(500, "INTERNAL_ERROR");
        assert!(message.contains(sentence), "{how}: {message}");
        let log = &env.logs(&id).await[0];
        assert_eq!(answer.json()["error"]["details"]["logId"], log["id"], "{how}");
        assert_eq!((&log["status"], &log["level"]), (&json!("error"), &json!("error")), "{how}");
        let how = if how.is_empty() { "raise" } else { how };
        assert_eq!(log["logs"][0], format!("about to fail: {how}"));
        let last = log["logs"].as_array().unwrap().last().unwrap().as_str().unwrap();
        assert!(last.to_lowercase().contains(&last_line.to_lowercase()), "{how}: {last}");
    }

    let answer = env.call(&id, "GET", "?how=status", "").await;
    assert_eq!((answer.status, answer.json()), (503, json!({"error": "come back later"})));
    assert_eq!(env.logs(&id).await[0]["status"], "error");
    let answer = env.call(&id, "GET", "?how=politely", "").await;
    assert_eq!(answer.status, 400);
    assert!(answer.json()["error"].as_str().unwrap().contains("politely"), "{}", answer.body);
    assert_eq!(env.logs(&id).await[0]["level"], "warn");

    env.patch(&id, json!({"timeout": 1})).await;
    env.settle().await;
    let answer = env.call(&id, "GET", "?how=timeout", "").await;
    let message = answer.assert_error(504, "TIMEOUT");
    assert!(message.contains("its timeout of 1 s"), "{message}");
    let log = &env.logs(&id).await[0];
    assert_eq!((&log["statusCode"], &log["level"]), (&json!(504), &json!("error")));
    assert_eq!(log["logs"][0], "about to fail: timeout");
    let last = log["logs"].as_array().unwrap().last().unwrap();
    assert!(last.as_str().unwrap().contains("timeout of 1 s"), "{log}");
}
