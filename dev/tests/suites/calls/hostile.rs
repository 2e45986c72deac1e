//! What a function can do to itself, and that it can do nothing to others: after each attack
//! its caller has an answer of the contract, its record is right, and the function beside it
//! runs as if nothing had happened. On the local engine, with real Python.
//!
//! Nothing here attacks what the local engine leaves open and AWS closes: other processes, other
//! functions' files, the network. `HOSTILE_BYTES=1073741824 cargo test --release --test hostile`
//! has a function print 1 GB; 160 MB unless said.

use std::time::Instant;

use super::env::CallEnv;
use serde_json::{Value, json};
use shared::domain::FunctionId;
use testkit::Answer;

/// Runs what its caller sends, in the adapter's process, and answers what that calls `reply`.
const HOSTILE: &str = "import json, os, signal, subprocess, sys, time\n\n\
    def handler(event, context):\n    \
        scope = dict(globals(), event=event, context=context, reply='done')\n    \
        exec(event['body'], scope)\n    \
        return scope['reply']\n";

const NEIGHBOUR: &str = "def handler(event, context):\n    print('well')\n    return 'well'\n";

/// Writes as fast as it can until it is killed, or nobody reads any more.
const WRITER: &str = "['tr', '\\\\0', 'x'], stdin=open('/dev/zero')";

/// A hostile function, and one beside it.
struct Scene {
    env: CallEnv,
    hostile: FunctionId,
    neighbour: FunctionId,
}

impl Scene {
    async fn set(settings: Value) -> Self {
        let env = CallEnv::start().await;
        let hostile = env.created(HOSTILE, settings).await;
        let neighbour = env.deployed(NEIGHBOUR).await;
        Self { env, hostile, neighbour }
    }

    /// What the caller of an attack gets, and its record, which tells the same.
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
        self.neighbour_is_well().await;
        (answer, log)
    }

    async fn neighbour_is_well(&self) {
        let answer = self.env.call(&self.neighbour, "GET", "", "").await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "well"));
        let log = &self.env.logs(&self.neighbour).await[0];
        assert_eq!(log["id"], answer.header("x-execution-id"));
        assert_eq!((&log["status"], &log["level"]), (&json!("success"), &json!("info")));
        assert_eq!((&log["statusCode"], &log["logs"]), (&json!(200), &json!(["well"])));
    }

    /// Why an attack fails, in the record and to its caller, who learns nothing beyond that.
    async fn failure(&self, code: &str) -> String {
        let (answer, log) = self.attack(code).await;
        let message = answer.assert_error(500, "INTERNAL_ERROR");
        assert!(!answer.body.contains("secret"), "{code}: {}", answer.body);
        let reason = log["responseBody"].as_str().unwrap();
        assert!(message.starts_with(reason), "{code}: {message}");
        reason.to_owned()
    }

    /// Has the function begin anew, whatever it has done to its process.
    async fn end_process(&self) {
        let message = self.failure("os._exit(0)").await;
        assert!(message.contains("process ended"), "{message}");
    }

    /// A process that has hurt itself may cost a call or two; then another one takes its place.
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

/// How much is printed where much is printed.
#[expect(clippy::disallowed_methods, reason = "it is the test's own, and not the product's")]
fn hostile_bytes() -> u64 {
    std::env::var("HOSTILE_BYTES").map_or(160 * 1024 * 1024, |bytes| bytes.parse().unwrap())
}

#[tokio::test]
async fn lines_that_look_like_lambdas_or_like_ours_are_the_functions_own() {
    let scene = Scene::set(json!({})).await;
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
    let (answer, log) = scene.attack(&format!("for line in {lines}: print(line)")).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "done"));
    assert_eq!(log["logs"], lines);
    let odd = "print('\\ud800')\nsys.stdout.buffer.write(b'\\xff\\n')\nprint('a\\nb\\r\\nc')";
    let (_, log) = scene.attack(odd).await;
    assert_eq!(log["logs"], json!(["\\ud800", "\u{fffd}", "a", "b", "c"]));

    // What it wrote before its process ended stands between Lambda's own lines, of which it can
    // hide its own, and make no others.
    let ended = "own = context.aws_request_id\nprint('END RequestId: ' + own)\n\
        print('RequestId: ' + own + ' Error: Task timed out after 1.00 seconds')\n\
        print('START RequestId: other')\nos._exit(3)";
    let (answer, log) = scene.attack(ended).await;
    answer.assert_error(500, "INTERNAL_ERROR");
    assert_eq!(log["logs"], json!(["START RequestId: other", log["responseBody"]]));
}

#[tokio::test]
async fn what_is_written_past_python_is_no_answer_and_no_line() {
    let scene = Scene::set(json!({})).await;
    let forged = "text = json.dumps({'outcome': 'returned', 'status': 299, 'lines': ['forged'],\n\
        'encoding': 'text', 'body': 'forged'}).encode() + b'\\n'\n\
        for number in (1, 2): os.write(number, text)\n\
        os.system('echo END RequestId: ' + context.aws_request_id)\nprint('mine')";
    let (answer, log) = scene.attack(forged).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "done"));
    assert_eq!(log["logs"], json!(["mine"]));
}

#[tokio::test]
async fn no_clock_of_the_functions_is_asked_how_long_it_took() {
    let scene = Scene::set(json!({})).await;
    let code = "time.time = time.monotonic = time.perf_counter = lambda: 0\ntime.sleep(0.3)\n\
        print('REPORT Duration: 0.01 ms')\nreply = {'statusCode': 200, 'duration': 0.01}";
    let (_, log) = scene.attack(code).await;
    assert!(log["duration"].as_f64().unwrap() >= 300.0, "{log}");
}

#[tokio::test]
async fn a_status_that_is_none_of_http_is_a_failure() {
    let scene = Scene::set(json!({})).await;
    let statuses = "0 99 100 600 1000 -1 True '200' 200.0 1e3 float('nan') None [200] 10**5000";
    for status in statuses.split(' ') {
        let message = scene.failure(&format!("reply = {{'statusCode': {status}}}")).await;
        assert!(message.contains("whole number from 200 to 599"), "{status}: {message}");
    }
}

#[tokio::test]
async fn headers_that_are_not_the_functions_to_set_are_ours() {
    let scene = Scene::set(json!({})).await;
    let headers = json!({
        "X-Execution-Id": ["log-forged", "log-again"], "x-execution-id": "log-small",
        "Access-Control-Allow-CreationSeed": "*", "Access-Control-Allow-Credentials": "false",
        "Content-Length": "1", "Transfer-Encoding": "chunked", "Connection": "close",
        "Clear-Site-Data": "\"*\"", "Service-Worker-Allowed": "/", "Alt-Svc": "h2=\":1\"",
        "Strict-Transport-Security": "max-age=1", "NEL": "{}", "Report-To": "{}",
        "Idempotency-Replayed": "true",
    });
    let code = format!("reply = {{'statusCode': 200, 'headers': {headers}, 'body': 'whole'}}");
    let (answer, _) = scene.attack(&code).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "whole"));
    let dropped = "transfer-encoding connection clear-site-data alt-svc nel \
        service-worker-allowed strict-transport-security report-to";
    for name in dropped.split(' ') {
        assert_eq!(answer.header(name), "", "{name}");
    }
    assert_eq!(answer.header("content-length"), "5", "what it is, and not what was said");
    // We replay nothing at a function's URL, so there it is a word like any other.
    assert_eq!(answer.header("idempotency-replayed"), "true");
}

#[tokio::test]
async fn no_header_ends_its_line() {
    let scene = Scene::set(json!({})).await;
    let values = ["a\r\nb: c", "a\nb", "a\rb", "a\u{0}", "\u{1b}[2J", "\u{7f}"];
    let values = values.map(|value| format!("{{'X-A': {}}}", json!(value)));
    let names = ["", "a b", "a:b", "a\r\nb", "한"];
    let names = names.map(|name| format!("{{{}: 'x'}}", json!(name)));
    let cookie = "{'Set-Cookie': 'a=한'}".to_owned();
    for headers in values.into_iter().chain(names).chain([cookie]) {
        let code = format!("reply = {{'statusCode': 200, 'headers': {headers}}}");
        let message = scene.failure(&code).await;
        assert!(message.contains("a header that HTTP can't carry"), "{headers}: {message}");
    }
    for headers in ["{'X-A': '\\ud800'}", "{'\\ud800': 'x'}"] {
        let code = format!("print('kept')\nreply = {{'statusCode': 200, 'headers': {headers}}}");
        let (answer, log) = scene.attack(&code).await;
        let message = answer.assert_error(500, "INTERNAL_ERROR");
        assert!(message.contains("UTF-8 can't carry"), "{headers}: {message}");
        assert_eq!(log["logs"], json!(["kept", log["responseBody"]]));
    }
}

#[tokio::test]
async fn a_reply_that_fights_back_when_it_is_read_has_raised() {
    let scene = Scene::set(json!({})).await;
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
        let (answer, log) = scene.attack(code).await;
        let message = answer.assert_error(500, "INTERNAL_ERROR");
        assert!(message.contains(sentence), "{code}: {message}");
        assert!(!answer.body.contains("secret"), "{code}: {}", answer.body);
        let lines = log["logs"].to_string();
        assert!(lines.contains(last_line) && !lines.contains("faas_adapter"), "{code}: {lines}");
    }
}

#[tokio::test]
async fn what_a_broken_adapter_answers_is_read_with_care() {
    let scene = Scene::set(json!({})).await;
    let adapter = |change: &str| format!("sys.modules['faas_adapter'].{change}");
    let reply = |reply: &str| adapter(&format!("_reply = lambda value: {reply}"));
    for (code, sentence) in [
        ("json.dumps = lambda *a, **k: 'forged'\nreply = {}".to_owned(), "can't be passed on"),
        (adapter("_output.lines = lambda: ['forged', 1]"), "can't be passed on"),
        (reply("{}"), "can't be passed on"),
        (reply("{'status': 99}"), "can't be passed on"),
        (reply("{'status': True}"), "can't be passed on"),
        (reply("{'status': 200, 'outcome': 'fine'}"), "can't be passed on"),
        (reply("{'status': 200, 'encoding': 'json', 'body': '{'}"), "can't be passed on"),
        (reply("{'status': 200, 'encoding': 'base64', 'body': '!'}"), "can't be passed on"),
        (reply("{'status': 200, 'headers': [['a', 'b\\r\\nc: d']]}"), "HTTP can't carry"),
        (reply("{'outcome': 'unusable', 'reason': 'a\\x1b\\r\\nb' * 999}"), "ababab"),
    ] {
        let message = scene.failure(&code).await;
        assert!(message.contains(sentence) && message.len() <= 300, "{code}: {message}");
        assert!(!message.contains(char::is_control), "{code}: {message:?}");
        scene.end_process().await;
    }
    let (answer, log) = scene.attack(&adapter("_output.lines = lambda: ['forged']")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(log["logs"], json!(["forged"]), "what it might have printed as well");
}

#[tokio::test]
async fn an_adapter_that_was_replaced_lies_for_its_own_function_until_the_next_deployment() {
    let scene = Scene::set(json!({})).await;
    // Found by walking the frames, as its name in `sys.modules` might be hidden.
    let replace = "frame = sys._getframe()\n\
        while frame.f_code.co_name != '_run': frame = frame.f_back\n\
        frame.f_globals['_run'] = lambda event, context: (\n    \
            'returned', {'status': 299, 'encoding': 'text', 'body': 'forged'})";
    let (answer, _) = scene.attack(replace).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "done"));
    let (answer, log) = scene.attack("print('never run')").await;
    assert_eq!((answer.status, answer.body.as_str()), (299, "forged"));
    assert_eq!(log["logs"], json!([]));
    scene.env.patch(&scene.hostile, json!({"memory": 256})).await;
    scene.env.settle().await;
    let (answer, log) = scene.attack("print('run')").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "done"));
    assert_eq!(log["logs"], json!(["run"]));
}

#[tokio::test]
async fn an_answer_past_the_adapter_says_nothing_that_a_handler_could_not() {
    let scene = Scene::set(json!({})).await;
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
    let (answer, log) = scene.attack(&past("response", &forged)).await;
    assert_eq!((answer.status, answer.body.as_str()), (201, "forged"));
    assert_eq!(log["logs"], json!(["forged"]));
    scene.recovers().await;
    // Whether time ran out is seen from outside.
    let forged = json!({"errorType": "Sandbox.Timedout", "errorMessage": "secret"});
    let message = scene.failure(&past("error", &forged)).await;
    assert!(message.contains("process ended"), "{message}");
    scene.recovers().await;
    let message = scene.failure(&past("error", &json!(["secret"]))).await;
    assert!(message.contains("process ended"), "{message}");
    scene.recovers().await;
}

#[tokio::test]
async fn more_output_than_memory_is_a_log_of_its_end() {
    let scene = Scene::set(json!({"memory": 128, "timeout": 60})).await;
    let count = hostile_bytes() / 65536;
    let code = format!("for _ in range({count}): print('x' * 65535)\nprint('last')");
    let (answer, log) = scene.attack(&code).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "done"));
    let lines: Vec<&str> =
        log["logs"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(lines[0].starts_with("[truncated"), "{}", lines[0]);
    assert_eq!(lines.last(), Some(&"last"));
    let kept: usize = lines.iter().map(|line| line.len()).sum();
    assert!(kept <= 129 * 1024, "{kept}");
}

#[tokio::test]
async fn output_without_end_ends_at_the_timeout() {
    let scene = Scene::set(json!({"timeout": 1})).await;
    let (answer, log) = scene.attack("while True: os.write(1, b'x' * 65536)").await;
    answer.assert_error(504, "TIMEOUT");
    let duration = log["duration"].as_f64().unwrap();
    assert!((1000.0..10_000.0).contains(&duration), "{duration}");
    assert!(log["logs"].to_string().len() < 10_000, "the end of it");
}

#[tokio::test]
async fn a_child_that_never_stops_writing_holds_nobody_up() {
    let scene = Scene::set(json!({})).await;
    let (answer, log) = scene.attack(&format!("subprocess.Popen({WRITER})")).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "done"));
    assert_eq!(log["logs"], json!([]));
    let (answer, _) = scene.attack("pass").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "done"));
    // In a session of its own it outlives its parent, here until nobody reads any more.
    let left = format!("subprocess.Popen({WRITER}, start_new_session=True)\nos._exit(0)");
    let message = scene.failure(&left).await;
    assert!(message.contains("process ended"), "{message}");
    scene.recovers().await;
}

#[tokio::test]
async fn children_outlive_an_answer_and_are_in_no_record() {
    let scene = Scene::set(json!({"memory": 1024, "timeout": 2})).await;
    let printing = "if os.fork() == 0:\n    for _ in range(20):\n        time.sleep(0.02)\n        \
        print('child')\n    os._exit(0)";
    let sleeping = "for _ in range(5):\n    if os.fork() == 0: time.sleep(60); os._exit(0)";
    for code in [printing, sleeping, "pass"] {
        let (answer, log) = scene.attack(code).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "done"), "{code}");
        assert_eq!(log["logs"], json!([]), "{code}");
    }
    // Two processes answer on one connection. What arrives is anybody's guess, and one answer.
    let (answer, _) = scene.attack("os.fork()").await;
    assert!([200, 500, 504].contains(&answer.status), "{}", answer.status);
}

#[tokio::test]
async fn one_that_ignores_every_signal_is_stopped_at_its_timeout() {
    let scene = Scene::set(json!({"timeout": 1})).await;
    let code = "for number in range(1, signal.NSIG):\n    \
        try: signal.signal(number, signal.SIG_IGN)\n    \
        except (OSError, ValueError): pass\n\
        print('begun')\ntry: time.sleep(60)\nfinally: print('never')";
    let (answer, log) = scene.attack(code).await;
    answer.assert_error(504, "TIMEOUT");
    assert_eq!(log["logs"], json!(["begun", log["responseBody"]]));
    let duration = log["duration"].as_f64().unwrap();
    assert!((1000.0..10_000.0).contains(&duration), "{duration}");
    let (answer, _) = scene.attack("pass").await;
    assert_eq!(answer.body, "done", "in another process");
}

#[tokio::test]
async fn one_that_kills_itself_is_said_to_have_had_no_memory() {
    let scene = Scene::set(json!({})).await;
    let message = scene.failure("os.kill(os.getpid(), signal.SIGTERM)").await;
    assert!(message.contains("process ended"), "{message}");
    // Lambda tells both ends in the same words.
    let message = scene.failure("os.kill(os.getpid(), signal.SIGKILL)").await;
    assert!(message.contains("ran out of memory"), "{message}");
}

#[tokio::test]
async fn one_that_closes_its_files_hurts_its_own_process() {
    let scene = Scene::set(json!({})).await;
    for code in ["os.closerange(0, 3)", "os.closerange(0, 256)", "del sys.stdout, sys.stderr"] {
        let (answer, _) = scene.attack(code).await;
        assert!([200, 500].contains(&answer.status), "{code}: {}", answer.status);
        // The next one to print may find that it can't, and then the process is replaced.
        scene.attack("print('into nothing')\nos._exit(0)").await;
        scene.recovers().await;
    }
}

#[tokio::test]
async fn one_that_deletes_its_files_is_whole_again_with_its_next_deployment() {
    let scene = Scene::set(json!({})).await;
    let delete = "folder = os.path.dirname(__file__)\n\
        for name in os.listdir(folder): os.remove(os.path.join(folder, name))";
    let (answer, _) = scene.attack(delete).await;
    assert_eq!(answer.body, "done");
    let (answer, _) = scene.attack("pass").await;
    assert_eq!(answer.body, "done", "what is loaded stays loaded");
    // Here the next process of this version finds no files; on AWS they can't be deleted.
    scene.end_process().await;
    let message = scene.failure("pass").await;
    assert!(message.contains("could not be loaded"), "{message}");
    scene.env.patch(&scene.hostile, json!({"memory": 256})).await;
    scene.env.settle().await;
    let (answer, _) = scene.attack("pass").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "done"));
}
