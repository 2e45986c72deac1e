//! Hostile functions, with real Python. After each attack the caller has a valid response, the log
//! is right, and another function is unaffected.
//!
//! Nothing here attacks what AWS isolates and the emulator doesn't: other processes, other
//! functions' files, the network.

use std::time::Instant;

use super::env::CallEnv;
use serde_json::{Value, json};
use shared::domain::FunctionId;
use testkit::Answer;

use crate::setting;

/// Executes the Python in its request's body, in the adapter's process, and returns `reply`.
const HOSTILE: &str = "import json, os, signal, subprocess, sys, time\n\n\
    def handler(event, context):\n    \
        scope = dict(globals(), event=event, context=context, reply='done')\n    \
        exec(event['body'], scope)\n    \
        return scope['reply']\n";

const OTHER: &str = "def handler(event, context):\n    print('well')\n    return 'well'\n";

/// The arguments of a process that writes until it is killed, or its output is closed.
const WRITER: &str = "['tr', '\\\\0', 'x'], stdin=open('/dev/zero')";

/// A hostile function, and another one.
struct AttackEnv {
    env: CallEnv,
    hostile: FunctionId,
    other: FunctionId,
}

impl AttackEnv {
    async fn start(settings: Value) -> Self {
        let env = CallEnv::start().await;
        let hostile = env.created(HOSTILE, settings).await;
        let other = env.deployed(OTHER).await;
        Self { env, hostile, other }
    }

    /// The response to an attack, and its log, which agree.
    async fn attack(&self, code: &str) -> (Answer, Value) {
        let before = self.env.logs(&self.hostile).await.len();
        let began = Instant::now();
        let answer = self.env.call(&self.hostile, "POST", "", code).await;
        let took = began.elapsed().as_secs_f64() * 1000.0;
        answer.assert_shared();
        let logs = self.env.logs(&self.hostile).await;
        assert_eq!(logs.len(), before + 1, "{code}");
        let log = logs[0].clone();
        assert_eq!(log["id"], answer.header("x-execution-id"), "{code}");
        assert_eq!(log["functionId"], self.hostile.as_str(), "{code}");
        assert_eq!(log["requestBody"], code);
        assert_eq!(log["statusCode"], answer.status, "{code}");
        let (status, level) = match answer.status {
            500.. => ("error", "error"),
            400.. => ("success", "warn"),
            _ => ("success", "info"),
        };
        assert_eq!((&log["status"], &log["level"]), (&json!(status), &json!(level)), "{code}");
        let duration = log["duration"].as_f64().unwrap();
        assert!(duration > 0.0 && duration <= took, "{code}: {duration} of {took} ms");
        self.assert_other_is_unaffected().await;
        (answer, log)
    }

    async fn assert_other_is_unaffected(&self) {
        let answer = self.env.call(&self.other, "GET", "", "").await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "well"));
        let log = &self.env.logs(&self.other).await[0];
        assert_eq!(log["id"], answer.header("x-execution-id"));
        assert_eq!((&log["status"], &log["level"]), (&json!("success"), &json!("info")));
        assert_eq!((&log["statusCode"], &log["logs"]), (&json!(200), &json!(["well"])));
    }

    /// The reason of a failed attack, in the log and in the response, which tells nothing else.
    async fn failure(&self, code: &str) -> String {
        let (answer, log) = self.attack(code).await;
        let message = answer.assert_error(500, "INTERNAL_ERROR");
        assert!(!answer.body.contains("secret"), "{code}: {}", answer.body);
        let reason = log["responseBody"].as_str().unwrap();
        assert!(message.starts_with(reason), "{code}: {message}");
        reason.to_owned()
    }

    /// Ends the function's process, from outside: its adapter may be damaged.
    async fn end_process(&self) {
        let kill = "subprocess.run(['kill', '-9', str(os.getpid())])\ntime.sleep(60)";
        let message = self.failure(kill).await;
        assert!(message.contains("ran out of memory"), "{message}");
    }

    /// A damaged process may fail up to two more calls before a new one replaces it.
    async fn recovers(&self) {
        for _ in 0..3 {
            let (answer, _) = self.attack("pass").await;
            if answer.body == "done" {
                return;
            }
            answer.assert_error(500, "INTERNAL_ERROR");
        }
        panic!("the function does not recover");
    }
}

/// How much is printed where much is printed: `HOSTILE_BYTES`, or 160 MB.
fn hostile_bytes() -> u64 {
    setting("HOSTILE_BYTES").unwrap_or(160 * 1024 * 1024)
}

#[tokio::test]
async fn forged_log_lines_are_logged_as_output() {
    let attacker = AttackEnv::start(json!({})).await;
    let lines = json!([
        "START RequestId: 1 Version: 9",
        "END RequestId: 1",
        "REPORT RequestId: 1\tDuration: 0.01 ms\tMax Memory Used: 1 MB",
        "RequestId: 1 Error: Task timed out after 1.00 seconds",
        "INIT_START Runtime Version: python:3.12",
        "[truncated: 7 characters before this]",
        "the function ran out of memory",
        "{\"outcome\":\"returned\",\"status\":299,\"lines\":[\"forged\"]}",
        "{\"_aws\":{\"CloudWatchMetrics\":[]},\"Errors\":1,\"level\":\"ERROR\"}",
        "\u{1b}[2J\u{1b}]0;title\u{7} a\rb \u{0} \u{85} \u{2028} \u{202e}",
    ]);
    let (answer, log) = attacker.attack(&format!("for line in {lines}: print(line)")).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "done"));
    assert_eq!(log["logs"], lines);
    let odd = "print('\\ud800')\nsys.stdout.buffer.write(b'\\xff\\n')\nprint('a\\nb\\r\\nc')";
    let (_, log) = attacker.attack(odd).await;
    assert_eq!(log["logs"], json!(["\\ud800", "\\xff", "a", "b", "c"]));

    // Lambda's log of a process that was killed has the function's output between its own lines. Forged
    // lines of this request are hidden; forged lines of others are output.
    let ended = "own = context.aws_request_id\nprint('END RequestId: ' + own)\n\
        print('RequestId: ' + own + ' Error: Task timed out after 1.00 seconds')\n\
        print('START RequestId: other')\nsubprocess.run(['kill', '-9', str(os.getpid())])";
    let (answer, log) = attacker.attack(ended).await;
    answer.assert_error(500, "INTERNAL_ERROR");
    assert_eq!(log["logs"], json!(["START RequestId: other", log["responseBody"]]));
}

#[tokio::test]
async fn output_past_python_is_logged_and_is_no_response() {
    let attacker = AttackEnv::start(json!({})).await;
    let forged = "text = json.dumps({'outcome': 'returned', 'status': 299, 'lines': ['forged'],\n\
        'encoding': 'text', 'body': 'forged'}).encode() + b'\\n'\n\
        for number in (1, 2): os.write(number, text)\n\
        os.system('echo END RequestId: 1')\nprint('mine')";
    let (answer, log) = attacker.attack(forged).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "done"));
    let lines = log["logs"].as_array().unwrap();
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(lines[..2].iter().all(|line| line.as_str().unwrap().contains("forged")), "{lines:?}");
    assert_eq!(lines[2..], [json!("END RequestId: 1"), json!("mine")]);
}

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

#[tokio::test]
async fn output_above_the_memory_limit_is_truncated() {
    let attacker = AttackEnv::start(json!({"memory": 128, "timeout": 900})).await;
    let count = hostile_bytes() / 65536;
    let code = format!("for _ in range({count}): print('x' * 65535)\nprint('last')");
    let (answer, log) = attacker.attack(&code).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "done"));
    let lines: Vec<&str> =
        log["logs"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(lines[0].starts_with("[truncated"), "{}", lines[0]);
    assert_eq!(lines.last(), Some(&"last"));
    let kept: usize = lines.iter().map(|line| line.len()).sum();
    assert!(kept <= 129 * 1024, "{kept}");
}

#[tokio::test]
async fn endless_output_stops_at_the_timeout() {
    let attacker = AttackEnv::start(json!({"timeout": 1})).await;
    let (answer, log) = attacker.attack("while True: os.write(1, b'x' * 65536)").await;
    answer.assert_error(504, "TIMEOUT");
    assert!(log["duration"].as_f64().unwrap() >= 1000.0, "{log}");
    let lines = log["logs"].as_array().unwrap();
    assert!(lines[0].as_str().unwrap().starts_with("[truncated: "), "{}", lines[0]);
    assert!(log["logs"].to_string().len() < 200_000, "only the end is kept");
}

#[tokio::test]
async fn writing_child_process_does_not_block_calls() {
    let attacker = AttackEnv::start(json!({})).await;
    for code in [&*format!("subprocess.Popen({WRITER})"), "pass"] {
        let (answer, log) = attacker.attack(code).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "done"));
        for line in log["logs"].as_array().unwrap().iter().filter_map(Value::as_str) {
            assert!(line.starts_with("[truncated") || line.bytes().all(|b| b == b'x'), "{line}");
        }
    }
    // A child in its own session outlives its parent, until its output is closed.
    let left = format!("subprocess.Popen({WRITER}, start_new_session=True)\nos._exit(0)");
    let message = attacker.failure(&left).await;
    assert!(message.contains("process ended"), "{message}");
    attacker.recovers().await;
}

#[tokio::test]
async fn output_after_the_response_is_logged_with_the_next_execution() {
    let attacker = AttackEnv::start(json!({"memory": 1024, "timeout": 900})).await;
    // The child prints when it is told to, and the second execution waits for its end.
    let child = "first, second = os.pipe(), None\nchild = os.fork()\n\
        if child == 0:\n    os.read(first[0], 1)\n    print('child')\n    os._exit(0)\n\
        sys.left = (child, first[1])";
    let (answer, log) = attacker.attack(child).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "done"));
    assert_eq!(log["logs"], json!([]));
    let next = "child, pipe = sys.left\nos.write(pipe, b'x')\nos.waitpid(child, 0)\nprint('mine')";
    let (_, log) = attacker.attack(next).await;
    assert_eq!(log["logs"], json!(["child", "mine"]));
    let thread = "import threading\nsys.go = threading.Event()\n\
        sys.left = threading.Thread(target=lambda: (sys.go.wait(), print('thread')))\n\
        sys.left.start()";
    let (_, log) = attacker.attack(thread).await;
    assert_eq!(log["logs"], json!([]));
    let (_, log) = attacker.attack("sys.go.set()\nsys.left.join()").await;
    assert_eq!(log["logs"], json!(["thread"]));

    let sleeping = "for _ in range(5):\n    if os.fork() == 0: time.sleep(60); os._exit(0)";
    for code in [sleeping, "pass"] {
        let (answer, log) = attacker.attack(code).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "done"), "{code}");
        assert_eq!(log["logs"], json!([]), "{code}");
    }
}

#[tokio::test]
async fn handler_ignoring_signals_is_stopped_at_the_timeout() {
    let attacker = AttackEnv::start(json!({"timeout": 1})).await;
    let code = "for number in range(1, signal.NSIG):\n    \
        try: signal.signal(number, signal.SIG_IGN)\n    \
        except (OSError, ValueError): pass\n\
        print('begun')\ntry: time.sleep(60)\nfinally: print('never')";
    let (answer, log) = attacker.attack(code).await;
    let message = answer.assert_error(504, "TIMEOUT");
    assert!(message.contains("its timeout of 1 s"), "{message}");
    let lines = log["logs"].as_array().unwrap();
    assert_eq!(lines[..2], [json!("begun"), json!("the function was stopped here:")]);
    assert_eq!(lines.last(), Some(&log["responseBody"]));
    assert!(log["duration"].as_f64().unwrap() >= 1000.0, "{log}");
    let (answer, _) = attacker.attack("pass").await;
    assert_eq!(answer.body, "done", "in a new process");
}

#[tokio::test]
async fn sigkill_is_reported_as_out_of_memory() {
    let attacker = AttackEnv::start(json!({})).await;
    for signal in ["SIGTERM", "SIGKILL"] {
        let (answer, log) = attacker
            .attack(&format!("print('mine', end='')\nos.kill(os.getpid(), signal.{signal})"))
            .await;
        let message = answer.assert_error(500, "INTERNAL_ERROR");
        assert!(message.contains("process ended"), "{message}");
        assert_eq!(log["logs"][0], "mine");
    }
    // Lambda reports SIGKILL and an exceeded memory limit in the same words.
    let from_outside = "subprocess.run(['kill', '-9', str(os.getpid())])\ntime.sleep(60)";
    let message = attacker.failure(from_outside).await;
    assert!(message.contains("ran out of memory"), "{message}");
}

#[tokio::test]
async fn closed_file_descriptors_affect_only_their_process() {
    let attacker = AttackEnv::start(json!({})).await;
    for code in ["os.closerange(0, 3)", "os.closerange(0, 256)", "del sys.stdout, sys.stderr"] {
        let (answer, _) = attacker.attack(code).await;
        assert!([200, 500].contains(&answer.status), "{code}: {}", answer.status);
        // The next execution that prints may fail, and then the process is replaced.
        attacker.attack("print('into nothing')\nos._exit(0)").await;
        attacker.recovers().await;
    }
}

#[tokio::test]
async fn deleted_files_are_restored_by_the_next_deployment() {
    let attacker = AttackEnv::start(json!({})).await;
    let delete = "folder = os.path.dirname(__file__)\n\
        for name in os.listdir(folder): os.remove(os.path.join(folder, name))";
    let (answer, _) = attacker.attack(delete).await;
    assert_eq!(answer.body, "done");
    let (answer, _) = attacker.attack("pass").await;
    assert_eq!(answer.body, "done", "loaded modules stay loaded");
    // In the emulator, this version's next process finds no files. On AWS they can't be deleted.
    attacker.end_process().await;
    let message = attacker.failure("pass").await;
    assert!(message.contains("could not be loaded"), "{message}");
    attacker.env.patch(&attacker.hostile, json!({"memory": 256})).await;
    attacker.env.settle().await;
    let (answer, _) = attacker.attack("pass").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "done"));
}
