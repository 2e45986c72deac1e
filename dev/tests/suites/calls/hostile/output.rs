//! Attacks on the log: forged lines, endless output, output of others.

use super::AttackEnv;
use serde_json::{Value, json};

use crate::setting;

/// The arguments of a process that writes until it is killed, or its output is closed.
const WRITER: &str = "['tr', '\\\\0', 'x'], stdin=open('/dev/zero')";

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
