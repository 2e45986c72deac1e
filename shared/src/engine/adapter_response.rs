//! What the adapter, or Lambda in its place, answers to an execution.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::domain::{ExecutionResult, Failure, Reply, ReplyBody, Timeout};

/// The adapter's answer. The user's code shares its process, so nothing in here
/// is trusted: what doesn't have this form is a failure of that function.
#[derive(Debug, Deserialize)]
struct AdapterResponse {
    outcome: AdapterOutcome,
    #[serde(default)]
    lines: Vec<String>,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    status: u16,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    encoding: Encoding,
    #[serde(default)]
    body: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum AdapterOutcome {
    Returned,
    Raised,
    Unloadable,
    Unusable,
    Memory,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Encoding {
    #[default]
    Empty,
    Json,
    Text,
    Base64,
}

/// Reads the adapter's answer: how the execution ended, and what it printed.
pub(super) fn read(payload: &[u8]) -> (ExecutionResult, Vec<String>) {
    // All of it is text, also what nobody takes.
    let text = std::str::from_utf8(payload).ok();
    let Some(answer) = text.and_then(|text| serde_json::from_str::<AdapterResponse>(text).ok())
    else {
        return (ExecutionResult::Failed(unreadable()), Vec::new());
    };
    let failure = match answer.outcome {
        AdapterOutcome::Returned => {
            let ending = match reply(answer.status, answer.headers, answer.encoding, answer.body) {
                Some(reply) => ExecutionResult::Returned(reply),
                None => ExecutionResult::Failed(unreadable()),
            };
            return (ending, answer.lines);
        }
        AdapterOutcome::Raised => Failure::Raised,
        AdapterOutcome::Unloadable => Failure::Unloadable,
        AdapterOutcome::Memory => Failure::OutOfMemory,
        AdapterOutcome::Unusable => Failure::InvalidResponse(short(&answer.reason)),
    };
    (ExecutionResult::Failed(failure), answer.lines)
}

fn reply(
    status: u16,
    headers: Vec<(String, String)>,
    encoding: Encoding,
    body: String,
) -> Option<Reply> {
    let body = match encoding {
        Encoding::Empty => ReplyBody::Empty,
        Encoding::Json => ReplyBody::Json(RawValue::from_string(body).ok()?),
        Encoding::Text => ReplyBody::Text(body),
        Encoding::Base64 => ReplyBody::Binary(STANDARD.decode(body).ok()?),
    };
    (200..=599).contains(&status).then_some(Reply { status, headers, body })
}

fn unreadable() -> Failure {
    Failure::InvalidResponse("the function returned what can't be passed on".into())
}

/// As much of a sentence from a user's process as belongs into one of ours.
fn short(reason: &str) -> String {
    let line: String = reason.chars().filter(|c| !c.is_control()).take(300).collect();
    if line.is_empty() { unreadable().to_string() } else { line }
}

/// What Lambda says where the adapter couldn't answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct LambdaError {
    error_type: String,
    error_message: String,
}

/// Reads what Lambda answers in the adapter's place, because its process was
/// stopped or ended by itself.
pub(super) fn failure(payload: &[u8], timeout: Timeout, took: Duration) -> Failure {
    // A function can reach Lambda's Runtime API itself, and say there what only Lambda
    // should. Time that hasn't passed here has passed nowhere.
    let timed_out = || match timeout.seconds() {
        limit if took >= Duration::from_secs(limit.into()) => Failure::TimedOut { limit, took },
        _ => Failure::Exited,
    };
    let report: LambdaError = serde_json::from_slice(payload).unwrap_or_default();
    let (kind, message) = (report.error_type.as_str(), report.error_message.as_str());
    match kind {
        "Sandbox.Timedout" => timed_out(),
        // Older and newer runtimes spell a timeout differently.
        "" if message.contains("Task timed out after") => timed_out(),
        "Runtime.OutOfMemory" => Failure::OutOfMemory,
        // Out of memory is the one reason for which Lambda itself kills a process.
        "Runtime.ExitError" if message.ends_with("signal: killed") => Failure::OutOfMemory,
        "Runtime.ExitError" => Failure::Exited,
        "Function.ResponseSizeTooLarge" => Failure::InvalidResponse(
            "the function returned more than an answer can carry, 6 MB".into(),
        ),
        "Runtime.ImportModuleError" | "Runtime.HandlerNotFound" => Failure::Unloadable,
        _ => Failure::Exited,
    }
}

/// What the function itself wrote, of the tail of output that Lambda gives:
/// without the lines that Lambda puts around it for the invocation `request`.
pub(super) fn printed(tail: &str, request: &str) -> Vec<String> {
    let Ok(bytes) = STANDARD.decode(tail) else { return Vec::new() };
    // Without an identifier nothing is known to be Lambda's.
    let request = if request.is_empty() { "unknown" } else { request };
    let text = String::from_utf8_lossy(&bytes);
    let error = format!("RequestId: {request} Error: ");
    let timed_out = format!(" {request} Task timed out after ");
    let is_lambdas = |line: &&str| {
        line.starts_with(&error)
            || line.contains(&timed_out)
            || line.starts_with("INIT_START ")
            || line.starts_with("INIT_REPORT ")
            || ["START", "END", "REPORT"].iter().any(|word| {
                line.strip_prefix(word)
                    .and_then(|rest| rest.strip_prefix(" RequestId: "))
                    .is_some_and(|rest| rest.starts_with(request))
            })
    };
    text.lines().filter(|line| !is_lambdas(line) && !line.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn timeout() -> Timeout {
        Timeout::try_from(json!(3)).unwrap()
    }

    fn ending(answer: &Value) -> ExecutionResult {
        read(answer.to_string().as_bytes()).0
    }

    #[test]
    fn a_reply_keeps_every_digit_and_byte() {
        let body = "{\"n\": 12345678901234567890123}";
        let answer = json!({"outcome": "returned", "status": 201, "headers": [["a", "b"]],
            "encoding": "json", "body": body, "lines": ["one"]});
        let (ending, lines) = read(answer.to_string().as_bytes());
        assert_eq!(lines, ["one"]);
        let ExecutionResult::Returned(reply) = ending else { panic!("{ending:?}") };
        assert_eq!((reply.status, reply.headers.len()), (201, 1));
        assert!(matches!(reply.body, ReplyBody::Json(raw) if raw.get() == body));
        let binary = json!({"outcome": "returned", "status": 200, "encoding": "base64",
            "body": "AP8="});
        let ExecutionResult::Returned(reply) = self::ending(&binary) else { panic!() };
        assert!(matches!(reply.body, ReplyBody::Binary(bytes) if bytes == [0, 255]));
    }

    #[test]
    fn a_forged_answer_is_a_failure_and_nothing_worse() {
        for forged in [
            json!(null),
            json!([]),
            json!({"outcome": "fine"}),
            json!({"outcome": "returned"}),
            json!({"outcome": "returned", "status": 99}),
            json!({"outcome": "returned", "status": 200, "encoding": "json", "body": "{"}),
            json!({"outcome": "returned", "status": 200, "encoding": "base64", "body": "!"}),
            json!({"outcome": "returned", "status": 70000}),
        ] {
            assert!(
                matches!(ending(&forged), ExecutionResult::Failed(Failure::InvalidResponse(_))),
                "{forged}"
            );
        }
        let long = json!({"outcome": "unusable", "reason": "a\nb".repeat(1000)});
        let ExecutionResult::Failed(failure) = ending(&long) else { panic!() };
        assert!(failure.to_string().len() <= 300 && !failure.to_string().contains('\n'));
    }

    #[test]
    fn what_lambda_says_of_a_stopped_process_is_understood() {
        let took = Duration::from_millis(3010);
        let of = |kind: &str, message: &str| {
            let report = json!({"errorType": kind, "errorMessage": message}).to_string();
            failure(report.as_bytes(), timeout(), took)
        };
        let expected = Failure::TimedOut { limit: 3, took };
        let timed_out = "RequestId: 1 Error: Task timed out after 3.00 seconds";
        assert_eq!(of("Sandbox.Timedout", timed_out), expected);
        let timed_out = "2026-01-31T09:05:00.123Z 1 Task timed out after 3.00 seconds";
        assert_eq!(of("", timed_out), expected);
        let report = json!({"errorType": "Sandbox.Timedout"}).to_string();
        let forged = failure(report.as_bytes(), timeout(), Duration::from_millis(10));
        assert_eq!(forged, Failure::Exited, "it did not run for 3 s");
        let killed = "RequestId: 1 Error: Runtime exited with error: signal: killed";
        assert_eq!(of("Runtime.ExitError", killed), Failure::OutOfMemory);
        assert_eq!(of("Runtime.OutOfMemory", killed), Failure::OutOfMemory);
        let exited = "RequestId: 1 Error: Runtime exited with error: exit status 3";
        assert_eq!(of("Runtime.ExitError", exited), Failure::Exited);
        assert_eq!(failure(b"nonsense", timeout(), took), Failure::Exited);
    }

    #[test]
    fn only_lambdas_own_lines_are_taken_out_of_the_tail() {
        let tail = "START RequestId: r-1 Version: 1\nhello\nSTART RequestId: other\n\
            END RequestId: r-1\nREPORT RequestId: r-1\tDuration: 1 ms\n\
            RequestId: r-1 Error: Task timed out after 1.00 seconds\n\
            2026-01-31T09:05:00.123Z r-1 Task timed out after 1.00 seconds\n\n";
        let printed = printed(&STANDARD.encode(tail), "r-1");
        assert_eq!(printed, ["hello", "START RequestId: other"]);
    }
}
