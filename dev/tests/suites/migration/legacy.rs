//! A table and a bucket of the legacy backend.

use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use shared::domain::Timestamp;
use testkit::TestEnv;

/// A workspace with functions of every kind.
pub(crate) const TEAM: &str = "ws-7hKQxZ2m";
/// A workspace with one function, and times with an offset.
pub(crate) const OTHER: &str = "ws-Bb3dEf9h";
/// A workspace whose name is above today's limit.
pub(crate) const LONG: &str = "ws-LongName";
/// An orphan: a workspace item with usage only.
pub(crate) const ORPHAN: &str = "ws-Gh2stGh3";

/// A function with logs of every kind.
pub(crate) const BUSY: &str = "fn-Aa2bCd4e";
/// A function with a source too large for an item.
pub(crate) const LARGE: &str = "fn-LargeSrc";
/// A function with its source in the bucket only.
pub(crate) const BUCKETED: &str = "fn-Bucketed";
/// A function whose source has a syntax error.
pub(crate) const SYNTAX_ERROR: &str = "fn-Wr2ngSyn";
/// The function of [`OTHER`].
pub(crate) const OF_OTHER: &str = "fn-L2nelyFn";
/// A function with more memory than today's limit.
pub(crate) const LARGE_MEMORY: &str = "fn-GreedyFn";
/// A function whose source is not UTF-8.
pub(crate) const BINARY: &str = "fn-BinarySr";
/// An orphan: a function item with usage only.
pub(crate) const ORPHAN_FUNCTION: &str = "fn-Gh2stFnc";
/// A function without a workspace.
pub(crate) const WITHOUT_WORKSPACE: &str = "fn-H2meless";

/// A source in the form of the legacy backend.
const SPIN: &str = "import json\n\
    from spin_sdk.http import IncomingHandler as BaseHandler, Request, Response\n\n\
    class IncomingHandler(BaseHandler):\n    \
        def handle_request(self, request: Request) -> Response:\n        \
            name = json.loads(request.body)['name']\n        \
            return Response(200, {'content-type': 'text/plain'}, bytes(f'안녕 👋 {name}', 'utf-8'))\n";

/// The functions that can be migrated, with their sources.
pub(crate) fn sources() -> [(&'static str, String); 5] {
    let noise = |i: u64| format!("{:016x}", i.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    [
        (BUSY, SPIN.replace('\n', "\r\n")),
        (LARGE, "#".to_owned() + &(1..4000).map(noise).collect::<String>()),
        (BUCKETED, "print('só no balde')\n".into()),
        (SYNTAX_ERROR, "def (:\n".into()),
        (OF_OTHER, "x = 1".into()),
    ]
}

/// Logs of [`BUSY`]: the end of the id, the request's body and the response's body.
pub(crate) fn bodies() -> Vec<(&'static str, Value, Value)> {
    vec![
        ("2bjectsA", json!({"b": [1, {"c": null}], "a": "é"}), json!({"ok": true, "empty": {}})),
        ("2rraysBb", json!([1, "two", [false]]), json!([])),
        ("TextsCcc", json!("just text"), json!("{\"looks\": \"like JSON\"}")),
        ("NumbersD", json!(0), json!(-1.5)),
        ("BoolsEee", json!(true), json!(false)),
        ("NullsFff", json!(null), json!(null)),
    ]
}

/// A time `minutes_ago` in the legacy format with microseconds: UTC without an offset, or Korean time.
fn legacy_time(minutes_ago: i64, in_korea: bool) -> String {
    let hours = if in_korea { 9 } else { 0 };
    let milliseconds = Timestamp::now().epoch_milliseconds() + (hours * 60 - minutes_ago) * 60_000;
    let time = Timestamp::from_epoch_milliseconds(milliseconds).unwrap().to_string();
    let time = time.trim_end_matches('Z');
    if in_korea { format!("{time}456+09:00") } else { format!("{time}456") }
}

/// Fills table and bucket.
pub(crate) async fn fill(env: &TestEnv) {
    let workspaces = [
        json!({"id": TEAM, "name": "결제팀 🚀", "description": "orders\nand refunds",
            "createdAt": "2025-11-08T03:04:05.123456", "functionCount": -1,
            "invocations24h": 1234, "errorRate": 12.5}),
        json!({"id": OTHER, "name": "other", "description": "",
            "createdAt": "2025-12-24T00:30:00.000001+09:00", "functionCount": 7,
            "invocations24h": 0, "errorRate": 0}),
        json!({"id": LONG, "name": "가".repeat(101), "description": "",
            "createdAt": "2025-11-08T03:04:05", "functionCount": 1}),
    ];
    for workspace in &workspaces {
        let pk = format!("WS#{}", workspace["id"].as_str().unwrap());
        put(env, &pk, "METADATA", workspace).await;
    }
    put(env, &format!("WS#{ORPHAN}"), "METADATA", &json!({"invocations24h": 3})).await;
    let build = json!({"Type": "BuildTask", "status": "done"});
    put(env, &format!("WS#{TEAM}"), "BUILD#0b9f2c3e-1111-4222-8333-444455556666", &build).await;
    functions(env).await;
    logs(env).await;
}

async fn functions(env: &TestEnv) {
    for (id, source) in sources() {
        let mut function = function(id, &source);
        match id {
            BUSY => {
                function["lastDeployed"] = json!("2025-11-09T12:00:00.000000+09:00");
                object(env, TEAM, id, "a change that failed").await;
            }
            LARGE => {
                function["lastModified"] = json!("2025-11-08T03:04:05");
                function["status"] = json!("disabled");
            }
            BUCKETED => {
                function["code"] = json!(null);
                object(env, TEAM, id, &source).await;
            }
            _ => {}
        }
        let ws = if id == OF_OTHER { OTHER } else { TEAM };
        put(env, &format!("WS#{ws}"), &format!("FN#{id}"), &function).await;
    }
    let mut large_memory = function(LARGE_MEMORY, "x = 1");
    large_memory["memory"] = json!(4096);
    let mut binary = function(BINARY, "x = 1");
    binary["code"] = json!("/w==");
    let counts = json!({"invocations24h": 2, "errors24h": 1, "avgDuration": 3.5});
    for (ws, id, item) in [
        (TEAM, LARGE_MEMORY, &large_memory),
        (TEAM, BINARY, &binary),
        (TEAM, ORPHAN_FUNCTION, &counts),
        (LONG, "fn-LongLong", &function("fn-LongLong", "x = 1")),
        ("ws-G2ne2345", WITHOUT_WORKSPACE, &function(WITHOUT_WORKSPACE, "x = 1")),
    ] {
        put(env, &format!("WS#{ws}"), &format!("FN#{id}"), item).await;
    }
}

async fn logs(env: &TestEnv) {
    for (i, (id, request, response)) in bodies().into_iter().enumerate() {
        let second = 10 + i;
        let time = match i % 2 {
            0 => format!("2025-11-08T03:04:{second}.123456"),
            _ => format!("2025-11-08T12:04:{second}.123456+09:00"),
        };
        let mut log = log(id, &time, "success");
        log["requestBody"] = request;
        log["responseBody"] = response;
        put(env, &format!("FN#{BUSY}"), &format!("LOG#{time}#{id}"), &log).await;
    }
    for (minutes, in_korea, id, status) in
        [(5, false, "RecentAa", "success"), (7, true, "RecentBb", "error")]
    {
        let time = legacy_time(minutes, in_korea);
        put(env, &format!("FN#{BUSY}"), &format!("LOG#{time}#{id}"), &log(id, &time, status)).await;
    }
    // Without level and response, and with a number beyond a float's precision.
    let (time, id) = ("2025-11-08T03:04:20", "BareBare");
    let mut item = item(&json!({"status": "error", "duration": 7, "statusCode": 500}));
    let digits = AttributeValue::N("12345678901234567890.123456789".into());
    item.insert("requestBody".into(), digits);
    put_item(env, &format!("FN#{BUSY}"), &format!("LOG#{time}#{id}"), item).await;
    for (function, id, status) in [
        (BUSY, "StrangeS", "perhaps"),
        (LARGE_MEMORY, "GreedyLg", "success"),
        (ORPHAN_FUNCTION, "Gh2stLog", "success"),
        ("fn-N2body23", "2rphanLg", "success"),
    ] {
        let time = "2025-11-08T03:05:00.000001";
        put(env, &format!("FN#{function}"), &format!("LOG#{time}#{id}"), &log(id, time, status))
            .await;
    }
}

fn function(id: &str, source: &str) -> Value {
    json!({
        "id": id, "workspaceId": TEAM, "name": format!("이름 {id}"), "description": "",
        "runtime": "Python 3.12", "memory": 256, "timeout": 30, "httpMethods": ["GET", "POST"],
        "environmentVariables": {"KEY": "값 🔑"}, "code": STANDARD.encode(source),
        "invocationUrl": null, "status": "active",
        "lastModified": "2025-11-08T12:04:05.123456+09:00", "lastDeployed": null,
        "invocations24h": 99, "errors24h": 9, "avgDuration": 12.34,
    })
}

pub(crate) fn log(id: &str, time: &str, status: &str) -> Value {
    let (code, level) = if status == "error" { (500, "error") } else { (200, "info") };
    json!({
        "id": id, "functionId": BUSY, "timestamp": time, "status": status, "duration": 12.5,
        "statusCode": code, "requestBody": {"any": "body"}, "responseBody": null,
        "logs": ["first", "둘째 🥈", ""], "level": level,
    })
}

fn item(value: &Value) -> std::collections::HashMap<String, AttributeValue> {
    serde_dynamo::to_item(value).unwrap()
}

pub(crate) async fn put(env: &TestEnv, pk: &str, sk: &str, value: &Value) {
    put_item(env, pk, sk, item(value)).await;
}

async fn put_item(
    env: &TestEnv,
    pk: &str,
    sk: &str,
    mut item: std::collections::HashMap<String, AttributeValue>,
) {
    item.insert("PK".into(), AttributeValue::S(pk.into()));
    item.insert("SK".into(), AttributeValue::S(sk.into()));
    let put = env.dynamodb.put_item().table_name(&env.config.table).set_item(Some(item));
    put.send().await.unwrap();
}

async fn object(env: &TestEnv, ws: &str, function: &str, source: &str) {
    let put = env.s3.put_object().bucket(&env.config.bucket).key(format!("{ws}/{function}.py"));
    put.body(source.as_bytes().to_vec().into()).send().await.unwrap();
}
