//! The response and the log of each kind of execution, with real Python.

use super::env::CallEnv;
use serde_json::{Value, json};

/// The source of `def handler(event, context):` with this body.
fn handler(body: &str) -> String {
    let lines: Vec<_> = body.lines().map(|line| format!("    {line}\n")).collect();
    format!("def handler(event, context):\n{}", lines.concat())
}

#[tokio::test]
async fn request_reaches_the_handler_and_its_response_the_caller() {
    let env = CallEnv::start().await;
    let source = "import os, sys\n\n".to_owned()
        + &handler(
            "print('하나')\nprint('둘', file=sys.stderr)\nos.system('echo from a child > /dev/null')\n\
             return {'statusCode': 201, 'headers': {'X-Mine': 'yes', 'Set-Cookie': ['a=1', 'b=2'],\n\
             'Connection': 'close', 'Transfer-Encoding': 'chunked'}, 'body': event}",
        );
    let id = env.deployed(&source).await;
    let answer =
        env.call(&id, "PUT", "/a/b c/?x=1&y=%ED%95%9C", "{\"n\": 12345678901234567890}").await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert_eq!(answer.header("x-mine"), "yes");
    assert_eq!(answer.header("connection"), "");
    assert_eq!(answer.header("transfer-encoding"), "");
    assert_eq!(answer.header("content-type"), "application/json");
    answer.assert_shared();
    let event = answer.json();
    assert_eq!(event["method"], "PUT");
    assert_eq!(event["path"], "/a/b c/");
    assert_eq!(event["query"], json!({"x": "1", "y": "한"}));
    assert_eq!(event["headers"]["origin"], "http://localhost:5173");
    assert!(answer.body.contains("12345678901234567890"), "{}", answer.body);

    let logs = env.logs(&id).await;
    assert_eq!(logs.len(), 1);
    let log = &logs[0];
    assert_eq!(log["id"], answer.header("x-execution-id"));
    assert_eq!(log["functionId"], id.as_str());
    assert_eq!((&log["status"], &log["level"]), (&json!("success"), &json!("info")));
    assert_eq!(log["statusCode"], 201);
    assert_eq!(log["logs"], json!(["하나", "둘"]));
    assert_eq!(log["responseBody"], event);
    assert!(log["duration"].as_f64().unwrap() > 0.0, "{log}");
    let tried = env.try_out(&id, "[1, 2.5]").await;
    assert_eq!(tried["responseBody"]["body"], json!([1, 2.5]));
    assert_eq!(
        tried["responseBody"]["headers"],
        json!({"content-type": "application/json"}),
        "of the console's headers only this is passed on"
    );
    assert_eq!(env.logs(&id).await[0], tried, "the response is the stored log");
}

#[tokio::test]
async fn plain_return_value_becomes_the_body_of_a_200() {
    let env = CallEnv::start().await;
    let id = env.deployed(&handler("return eval(event['body'])")).await;
    for (value, kind, body, logged) in [
        (
            "{'a': [1, None, True]}",
            "application/json",
            "{\"a\":[1,null,true]}",
            json!({"a": [1, null, true]}),
        ),
        ("'안녕'", "text/plain; charset=utf-8", "안녕", json!("안녕")),
        ("None", "application/json", "null", json!(null)),
        ("1.50", "application/json", "1.5", json!(1.5)),
        ("[]", "application/json", "[]", json!([])),
        ("{'status': 404}", "application/json", "{\"status\":404}", json!({"status": 404})),
        ("{'statusCode': 204}", "", "", json!(null)),
        ("{'statusCode': 404, 'body': 'no'}", "text/plain; charset=utf-8", "no", json!("no")),
    ] {
        let answer = env.call(&id, "POST", "", &json!(value).to_string()).await;
        assert_eq!(answer.body, body, "{value}");
        assert_eq!(answer.header("content-type"), kind, "{value}");
        assert_eq!(env.logs(&id).await[0]["responseBody"], logged, "{value}");
    }
    assert_eq!(env.logs(&id).await[0]["level"], "warn", "404");
}

#[tokio::test]
async fn response_headers_and_text_are_unchanged() {
    let env = CallEnv::start().await;
    let source = handler(
        "return {'statusCode': 200, 'headers': {'Content-Type': event['query']['as'], 'Vary': 'Accept',\n\
         'X-Many': ['1', '2'], 'Allow': 'GET', 'X-Execution-Id': 'forged'},\n\
         'body': '\\ufeff이름,값' if event['query']['as'] != 'text/x' else '이름'.encode('euc-kr')}",
    );
    let id = env.deployed(&source).await;
    for kind in ["text/csv", "text/csv; charset=euc-kr", "application/octet-stream", "image/png"] {
        let encoded = kind.replace("; ", "%3B%20").replace('/', "%2F");
        let answer = env.call(&id, "GET", &format!("?as={encoded}"), "").await;
        assert_eq!(answer.bytes(), "\u{feff}이름,값".as_bytes(), "{kind}");
        assert_eq!(answer.header("content-type"), kind);
        assert_eq!(answer.header("vary"), "Accept, Origin");
        assert_eq!(answer.header("x-many"), "1, 2");
        assert_eq!(answer.header("allow"), "GET");
        assert!(answer.header("x-execution-id").starts_with("log-"));
    }
    let bytes = env.call(&id, "GET", "?as=text%2Fx", "").await.bytes();
    assert_eq!(bytes, [0xc0, 0xcc, 0xb8, 0xa7], "bytes in another encoding are unchanged");
}

#[tokio::test]
async fn binary_bodies_round_trip() {
    let env = CallEnv::start().await;
    let source = "import base64\n".to_owned()
        + &handler(
            "sent = base64.b64decode(event['body']) if event.get('isBase64Encoded') else b''\n\
             return {'statusCode': 200, 'headers': {'Content-Type': 'image/png'}, 'body': sent[::-1]}",
        );
    let id = env.deployed(&source).await;
    let at = format!("/invoke/{}/{id}", env.workspace);
    let event = testkit::Event::fixture("call-function").at(&at).bytes(b"\x00\xff\x01");
    let answer = env.send(event).await;
    assert_eq!((answer.status, answer.bytes()), (200, b"\x01\xff\x00".to_vec()));
    assert_eq!(answer.header("content-type"), "image/png");
    let log = &env.logs(&id).await[0];
    assert_eq!((&log["requestBody"], &log["responseBody"]), (&json!("AP8B"), &json!("Af8A")));
}

#[tokio::test]
async fn handler_failure_returns_500_and_logs_the_cause() {
    let env = CallEnv::start().await;
    let source = "import os, sys\n\n".to_owned()
        + &handler(
            "print('before')\nscope = dict(globals())\nexec(event['body'], scope)\nreturn scope['reply']",
        );
    let id = env.deployed(&source).await;
    for (code, sentence, last_line) in [
        ("raise ValueError('secret 42')", "raised an exception", "ValueError: secret 42"),
        ("sys.exit(3)", "raised an exception", "SystemExit: 3"),
        ("raise KeyboardInterrupt", "raised an exception", "KeyboardInterrupt"),
        ("raise MemoryError", "ran out of memory", "MemoryError"),
        ("os._exit(3)", "process ended", "process ended before it answered"),
        ("os.kill(os.getpid(), 11)", "process ended", "process ended before it answered"),
        ("reply = {1, 2}", "not JSON", "Object of type set is not JSON serializable"),
        ("reply = float('nan')", "not JSON", "not JSON"),
        ("reply = []; reply.append(reply)", "not JSON", "Circular reference"),
        ("reply = '\\ud800'", "UTF-8 can't carry", "surrogate"),
        ("reply = {'statusCode': '200'}", "statusCode", "whole number from 200 to 599"),
        ("reply = {'statusCode': 101}", "statusCode", "whole number from 200 to 599"),
        ("reply = {'statusCode': 200, 'headers': []}", "headers", "not a dict"),
        (
            "reply = {'statusCode': 200, 'headers': {'a': 'b\\r\\nc: d'}}",
            "header",
            "HTTP can't carry",
        ),
        (
            "reply = {'statusCode': 200, 'headers': {'h%d' % i: 'x' for i in range(30_000)}}",
            "more headers",
            "more headers",
        ),
        (
            "class A(dict):\n    def items(self): raise ValueError('secret 43')\nreply = A(a=1)",
            "not JSON",
            "secret 43",
        ),
        ("reply = 'x' * 7_000_000", "6 MB", "6 MB"),
        ("reply = '\"' * 4_500_000", "6 MB", "6 MB"),
    ] {
        let answer = env.call(&id, "POST", "", code).await;
        let message = answer.assert_error(500, "INTERNAL_ERROR");
        assert!(message.contains(sentence), "{code}: {message}");
        assert!(!answer.body.contains("secret"), "{code}: {}", answer.body);
        let log = &env.logs(&id).await[0];
        assert_eq!(answer.json()["error"]["details"]["logId"], log["id"], "{code}");
        assert_eq!((&log["status"], &log["level"]), (&json!("error"), &json!("error")), "{code}");
        assert_eq!(log["statusCode"], 500, "{code}");
        let lines = log["logs"].as_array().unwrap();
        assert_eq!(lines[0], "before", "{code}: {lines:?}");
        assert!(lines.last().unwrap().as_str().unwrap().contains(last_line), "{code}: {lines:?}");
        let tried = env.try_out(&id, &json!(code).to_string()).await;
        assert_eq!(
            (&tried["status"], &tried["statusCode"]),
            (&json!("error"), &json!(500)),
            "{code}"
        );
    }
    let raised = env.try_out(&id, "\"raise ValueError(1)\"").await;
    let lines: Vec<&str> =
        raised["logs"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(lines[1], "Traceback (most recent call last):");
    assert!(!lines.iter().any(|line| line.contains("faas_adapter")), "{lines:?}");
    let failing =
        env.call(&id, "POST", "", "reply = {'statusCode': 503, 'body': 'own words'}").await;
    assert_eq!((failing.status, failing.body.as_str()), (503, "own words"));
    assert_eq!(env.logs(&id).await[0]["status"], "error", "a status of 500 or more is an error");
}

#[tokio::test]
async fn load_failure_returns_500_and_logs_the_cause() {
    let env = CallEnv::start().await;
    for (source, last_line) in [
        ("import nothing_of_this_name\n", "ModuleNotFoundError"),
        ("x = 1\n", "there is no `def handler(event, context)`"),
        ("handler = 1\n", "there is no `def handler(event, context)`"),
        ("print('loading')\n1 / 0\n", "ZeroDivisionError"),
        ("import sys\nsys.exit('bye')\n", "SystemExit: bye"),
    ] {
        let id = env.deployed(source).await;
        for _ in 0..2 {
            let answer = env.call(&id, "GET", "", "").await;
            let message = answer.assert_error(500, "INTERNAL_ERROR");
            assert!(message.contains("could not be loaded"), "{message}");
            let log = &env.logs(&id).await[0];
            let lines = log["logs"].as_array().unwrap();
            let last = lines.last().unwrap().as_str().unwrap();
            assert!(last.contains(last_line), "{source}: {lines:?}");
        }
    }
}

#[tokio::test]
async fn timeout_and_memory_limit_are_enforced() {
    let env = CallEnv::start().await;
    let source = "import signal, time\n\n".to_owned()
        + &handler("print('begun', flush=True)\nexec(event['body'])");
    let id = env.created(&source, json!({"timeout": 1})).await;
    env.settle().await;
    let sleep = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(60)";
    let answer = env.call(&id, "POST", "", sleep).await;
    let message = answer.assert_error(504, "TIMEOUT");
    assert!(message.contains("its timeout of 1 s and was stopped after "), "{message}");
    assert_eq!(answer.json()["error"]["details"]["limitSeconds"], 1);
    let log = &env.logs(&id).await[0];
    assert_eq!((&log["status"], &log["statusCode"]), (&json!("error"), &json!(504)));
    let lines = log["logs"].as_array().unwrap();
    assert_eq!(lines[..2], [json!("begun"), json!("the function was stopped here:")], "{lines:?}");
    assert_eq!(lines.last(), Some(&log["responseBody"]), "output, then the cause");
    assert!(log["duration"].as_f64().unwrap() >= 1000.0, "{log}");

    let large = "x = [bytearray(b'x' * 10_000_000) for _ in range(60)]\ntime.sleep(5)";
    env.patch(&id, json!({"timeout": 900})).await;
    env.settle().await;
    let message = env.call(&id, "POST", "", large).await.assert_error(500, "INTERNAL_ERROR");
    assert!(message.contains("ran out of memory"), "{message}");
    let log = &env.logs(&id).await[0];
    assert_eq!((&log["status"], &log["logs"][0]), (&json!("error"), &json!("begun")));
    assert_eq!(
        env.call(&id, "POST", "", "pass").await.status,
        200,
        "the next execution has a new process"
    );
}

#[tokio::test]
async fn output_of_processes_is_logged_in_order() {
    let env = CallEnv::start().await;
    let source = "import multiprocessing, os, subprocess, sys\n\n\
        def work(word):\n    print(word, flush=True)\n\n"
        .to_owned()
        + &handler(
            "print('first')\nsubprocess.run(['echo', 'second'])\nos.system('echo third')\n\
             os.write(1, b'fourth\\n')\nprint('fifth', file=sys.stderr)\n\
             for method in ('fork', 'spawn'):\n    \
                 process = multiprocessing.get_context(method).Process(target=work, args=[method])\n    \
                 process.start()\n    process.join()\n\
             print('last')",
        );
    let id = env.deployed(&source).await;
    let tried = env.try_out(&id, "").await;
    let lines = json!(["first", "second", "third", "fourth", "fifth", "fork", "spawn", "last"]);
    assert_eq!(tried["logs"], lines);
    assert!(tried["cpuTime"].as_f64().unwrap() > 0.0, "{tried}");
    assert!(tried["maxMemory"].as_u64().unwrap() > 0, "{tried}");
}

#[tokio::test]
async fn long_output_is_truncated_to_its_end() {
    let env = CallEnv::start().await;
    let source = handler(
        "for i in range(100_000):\n    print('line', i)\nprint('x' * 1_000_000)\nprint('last')",
    );
    let id = env.deployed(&source).await;
    let tried = env.try_out(&id, "{}").await;
    assert_eq!(tried["status"], "success");
    let lines = tried["logs"].as_array().unwrap();
    assert!(lines[0].as_str().unwrap().starts_with("[truncated"), "{}", lines[0]);
    assert_eq!(lines.last().unwrap(), "last");
    assert_eq!(&env.logs(&id).await[0], &tried);
}

#[tokio::test]
async fn logging_works_as_in_plain_python() {
    let env = CallEnv::start().await;
    let source = "import logging\n\n".to_owned()
        + &handler(
            "logging.warning('early')\n\
             logging.basicConfig(level=logging.INFO, format='%(levelname)s %(message)s')\n\
             logging.info('hello')\nprint('a', end='')\nprint('b')",
        );
    let id = env.deployed(&source).await;
    let tried = env.try_out(&id, "").await;
    assert_eq!(tried["logs"], json!(["WARNING:root:early", "INFO hello", "ab"]));
    let source = "import logging\n\n".to_owned()
        + &handler(
            "root = logging.getLogger()\nroot.setLevel(logging.INFO)\nroot.info('hello')\n\
             return type(root.handlers[0]).__name__",
        );
    let id = env.deployed(&source).await;
    let tried = env.try_out(&id, "").await;
    assert_eq!(tried["logs"], json!(["INFO:root:hello"]));
}
