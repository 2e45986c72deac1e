//! Attacks on the response: statuses, headers, values, and the adapter that passes them on.

use super::AttackEnv;
use serde_json::{Value, json};

#[tokio::test]
async fn duration_ignores_the_functions_clock() {
    let attacker = AttackEnv::start(json!({})).await;
    let code = "time.time = time.monotonic = time.perf_counter = lambda: 0\ntime.sleep(0.3)\n\
        print('REPORT Duration: 0.01 ms')\nreply = {'statusCode': 200, 'duration': 0.01}";
    let (_, log) = attacker.attack(code).await;
    assert!(log["duration"].as_f64().unwrap() >= 300.0, "{log}");
}

#[tokio::test]
async fn invalid_status_code_returns_500() {
    let attacker = AttackEnv::start(json!({})).await;
    let statuses = "0 99 100 600 1000 -1 True '200' 200.0 1e3 float('nan') None [200] 10**5000";
    for status in statuses.split(' ') {
        let message = attacker.failure(&format!("reply = {{'statusCode': {status}}}")).await;
        assert!(message.contains("whole number from 200 to 599"), "{status}: {message}");
    }
}

#[tokio::test]
async fn reserved_headers_are_not_overwritten() {
    let attacker = AttackEnv::start(json!({})).await;
    let headers = json!({
        "X-Execution-Id": ["log-forged", "log-again"], "x-execution-id": "log-small",
        "Access-Control-Allow-Origin": "*", "Access-Control-Allow-Credentials": "false",
        "Content-Length": "1", "Transfer-Encoding": "chunked", "Connection": "close",
        "Clear-Site-Data": "\"*\"", "Service-Worker-Allowed": "/", "Alt-Svc": "h2=\":1\"",
        "Strict-Transport-Security": "max-age=1", "NEL": "{}", "Report-To": "{}",
        "Idempotency-Replayed": "true",
    });
    let code = format!("reply = {{'statusCode': 200, 'headers': {headers}, 'body': 'whole'}}");
    let (answer, _) = attacker.attack(&code).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "whole"));
    let dropped = "transfer-encoding connection clear-site-data alt-svc nel \
        service-worker-allowed strict-transport-security report-to";
    for name in dropped.split(' ') {
        assert_eq!(answer.header(name), "", "{name}");
    }
    assert_eq!(answer.header("content-length"), "5", "the length of the body");
    // Calls of a function's URL are never replayed, so this header is not reserved there.
    assert_eq!(answer.header("idempotency-replayed"), "true");
}

#[tokio::test]
async fn invalid_headers_return_500() {
    let attacker = AttackEnv::start(json!({})).await;
    let values = ["a\r\nb: c", "a\nb", "a\rb", "a\u{0}", "\u{1b}[2J", "\u{7f}"];
    let values = values.map(|value| format!("{{'X-A': {}}}", json!(value)));
    let names = ["", "a b", "a:b", "a\r\nb", "한"];
    let names = names.map(|name| format!("{{{}: 'x'}}", json!(name)));
    let cookie = "{'Set-Cookie': 'a=한'}".to_owned();
    for headers in values.into_iter().chain(names).chain([cookie]) {
        let code = format!("reply = {{'statusCode': 200, 'headers': {headers}}}");
        let message = attacker.failure(&code).await;
        assert!(message.contains("a header that HTTP can't carry"), "{headers}: {message}");
    }
    for headers in ["{'X-A': '\\ud800'}", "{'\\ud800': 'x'}"] {
        let code = format!("print('kept')\nreply = {{'statusCode': 200, 'headers': {headers}}}");
        let (answer, log) = attacker.attack(&code).await;
        let message = answer.assert_error(500, "INTERNAL_ERROR");
        assert!(message.contains("UTF-8 can't carry"), "{headers}: {message}");
        assert_eq!(log["logs"], json!(["kept", log["responseBody"]]));
    }
}

#[tokio::test]
async fn response_that_raises_when_read_returns_500() {
    let attacker = AttackEnv::start(json!({})).await;
    for (code, sentence, last_line) in [
        (
            "class A(dict):\n    def __contains__(self, key): raise ValueError('secret')\n\
             reply = A()",
            "raised an exception",
            "ValueError: secret",
        ),
        (
            "class A(dict):\n    def items(self): raise LookupError('secret')\nreply = A(a=1)",
            "raised an exception",
            "LookupError: secret",
        ),
        (
            "class A(dict):\n    def items(self): raise MemoryError('secret')\nreply = A(a=1)",
            "ran out of memory",
            "MemoryError: secret",
        ),
        (
            "class A(str):\n    def __str__(self): sys.exit('secret')\n\
             reply = {'statusCode': 200, 'headers': {'X-A': A('a')}}",
            "raised an exception",
            "SystemExit: secret",
        ),
        (
            "reply = {'statusCode': 200, 'headers': {'X-A': 10**5000}}",
            "raised an exception",
            "for integer string conversion",
        ),
    ] {
        let (answer, log) = attacker.attack(code).await;
        let message = answer.assert_error(500, "INTERNAL_ERROR");
        assert!(message.contains(sentence), "{code}: {message}");
        assert!(!answer.body.contains("secret"), "{code}: {}", answer.body);
        let lines = log["logs"].to_string();
        assert!(lines.contains(last_line) && !lines.contains("faas_adapter"), "{code}: {lines}");
    }
}

#[tokio::test]
async fn malformed_adapter_envelope_returns_500() {
    let attacker = AttackEnv::start(json!({})).await;
    let adapter = |change: &str| format!("sys.modules['_faas_adapter.answer'].{change}");
    let reply = |reply: &str| {
        adapter(&format!("encode_reply = lambda reply: json.dumps({reply})[1:-1].encode()"))
    };
    let answer =
        |answer: &str| adapter(&format!("encode = lambda *parts: json.dumps({answer}).encode()"));
    for (code, sentence) in [
        ("json.dumps = lambda *a, **k: 'forged'\nreply = {}".to_owned(), "can't be passed on"),
        (adapter("_lines = lambda text, dropped: ['forged', 1]"), "can't be passed on"),
        (adapter("encode = lambda *parts: b'\\xff'"), "can't be passed on"),
        (reply("{}"), "can't be passed on"),
        (reply("{'status': 99}"), "can't be passed on"),
        (reply("{'status': True}"), "can't be passed on"),
        (reply("{'status': 200, 'outcome': 'fine'}"), "can't be passed on"),
        (reply("{'status': 200, 'encoding': 'json', 'body': '{'}"), "can't be passed on"),
        (reply("{'status': 200, 'encoding': 'base64', 'body': '!'}"), "can't be passed on"),
        (reply("{'status': 200, 'headers': [['a', 'b\\r\\nc: d']]}"), "HTTP can't carry"),
        (answer("{'outcome': 'unusable', 'reason': 'a\\x1b\\r\\nb' * 999}"), "ababab"),
    ] {
        let message = attacker.failure(&code).await;
        assert!(message.contains(sentence) && message.len() <= 300, "{code}: {message}");
        assert!(!message.contains(char::is_control), "{code}: {message:?}");
        attacker.end_process().await;
    }
    let forged = adapter("_lines = lambda text, dropped: ['forged']");
    let (answer, log) = attacker.attack(&forged).await;
    assert_eq!(answer.status, 200);
    assert_eq!(log["logs"], json!(["forged"]), "it could have printed the same");
}

#[tokio::test]
async fn replaced_adapter_affects_its_own_function_until_redeployment() {
    let attacker = AttackEnv::start(json!({})).await;
    // Found by walking the frames: its name in `sys.modules` might be hidden.
    let replace = "frame = sys._getframe()\n\
        while frame.f_code.co_name != '_run': frame = frame.f_back\n\
        frame.f_globals['_run'] = lambda event, context: (\n    \
            'returned', b'\"status\":299,\"encoding\":\"text\",\"body\":\"forged\"')";
    let (answer, _) = attacker.attack(replace).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "done"));
    let (answer, log) = attacker.attack("print('never run')").await;
    assert_eq!((answer.status, answer.body.as_str()), (299, "forged"));
    assert_eq!(log["logs"], json!([]));
    attacker.env.patch(&attacker.hostile, json!({"memory": 256})).await;
    attacker.env.settle().await;
    let (answer, log) = attacker.attack("print('run')").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "done"));
    assert_eq!(log["logs"], json!(["run"]));
}

#[tokio::test]
async fn response_past_the_adapter_gains_nothing() {
    let attacker = AttackEnv::start(json!({})).await;
    let past = |kind: &str, answer: &Value| {
        format!(
            "import http.client\n\
             to = http.client.HTTPConnection(os.environ['AWS_LAMBDA_RUNTIME_API'])\n\
             at = '/2018-06-01/runtime/invocation/' + context.aws_request_id + '/{kind}'\n\
             to.request('POST', at, {})\nto.getresponse().read()\nos._exit(0)",
            json!(answer.to_string())
        )
    };
    let forged = json!({"outcome": "returned", "status": 201, "lines": ["forged"],
        "encoding": "text", "body": "forged", "duration": 0, "id": "log-forged"});
    let (answer, log) = attacker.attack(&past("response", &forged)).await;
    assert_eq!((answer.status, answer.body.as_str()), (201, "forged"));
    assert_eq!(log["logs"], json!(["forged"]));
    attacker.recovers().await;
    // Whether the timeout passed is measured outside the process.
    let forged = json!({"errorType": "Sandbox.Timedout", "errorMessage": "secret"});
    let message = attacker.failure(&past("error", &forged)).await;
    assert!(message.contains("process ended"), "{message}");
    attacker.recovers().await;
    let message = attacker.failure(&past("error", &json!(["secret"]))).await;
    assert!(message.contains("process ended"), "{message}");
    attacker.recovers().await;
}
