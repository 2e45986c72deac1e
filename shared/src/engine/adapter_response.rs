//! The result of an execution, as the adapter reports it, or Lambda in its place.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::domain::{ExecutionResult, Failure, Reply, ReplyBody, ResourceUse, Timeout};

/// The adapter's response. The user's code runs in the same process, so the response is not trusted:
/// one of another form is a failure of that function.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
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
    cpu_time: Option<f64>,
    max_memory: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum AdapterOutcome {
    Returned,
    Raised,
    Unloadable,
    Unusable,
    Memory,
    Timeout,
    Exited,
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

/// Reads the adapter's response: the result of the execution, the lines that it printed, and what it
/// used.
///
/// It took `took`, measured outside, of which `timeout` were allowed.
pub(super) fn read(
    payload: &[u8],
    timeout: Timeout,
    took: Duration,
) -> (ExecutionResult, Vec<String>, ResourceUse) {
    // All of it must be UTF-8, including fields that are ignored.
    let text = std::str::from_utf8(payload).ok();
    let Some(response) = text.and_then(|text| serde_json::from_str::<AdapterResponse>(text).ok())
    else {
        return (ExecutionResult::Failed(unreadable()), Vec::new(), ResourceUse::default());
    };
    let resources = ResourceUse {
        cpu_time: response.cpu_time.filter(|time| *time >= 0.0),
        max_memory: response.max_memory,
    };
    let failure = match response.outcome {
        AdapterOutcome::Returned => {
            let result =
                match reply(response.status, response.headers, response.encoding, response.body) {
                    Some(reply) => ExecutionResult::Returned(reply),
                    None => ExecutionResult::Failed(unreadable()),
                };
            return (result, response.lines, resources);
        }
        AdapterOutcome::Raised => Failure::Raised,
        AdapterOutcome::Unloadable => Failure::Unloadable,
        AdapterOutcome::Memory => Failure::OutOfMemory,
        AdapterOutcome::Unusable => Failure::InvalidResponse(short(&response.reason)),
        AdapterOutcome::Timeout => timed_out(timeout, took),
        AdapterOutcome::Exited => Failure::Exited,
    };
    // The adapter can't print after the end of its process.
    let mut lines = response.lines;
    if matches!(failure, Failure::TimedOut { .. } | Failure::Exited) {
        lines.push(failure.to_string());
    }
    (ExecutionResult::Failed(failure), lines, resources)
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

/// The beginning of a sentence from a user's process, as one line.
fn short(reason: &str) -> String {
    let line: String = reason.chars().filter(|c| !c.is_control()).take(300).collect();
    if line.is_empty() { unreadable().to_string() } else { line }
}

/// Lambda's report where the adapter gave no response.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct LambdaError {
    error_type: String,
    error_message: String,
}

/// The failure of a function that is said to have run past its timeout. A function can call Lambda's
/// Runtime API itself, and forge a report: a timeout is believed only if the time has passed.
fn timed_out(timeout: Timeout, took: Duration) -> Failure {
    match timeout.seconds() {
        limit if took >= Duration::from_secs(limit.into()) => Failure::TimedOut { limit, took },
        _ => Failure::Exited,
    }
}

/// Reads Lambda's report on a process that was stopped, or ended by itself.
pub(super) fn failure(payload: &[u8], timeout: Timeout, took: Duration) -> Failure {
    let report: LambdaError = serde_json::from_slice(payload).unwrap_or_default();
    let (kind, message) = (report.error_type.as_str(), report.error_message.as_str());
    match kind {
        "Sandbox.Timedout" => timed_out(timeout, took),
        // Older and newer runtimes report a timeout differently.
        "" if message.contains("Task timed out after") => timed_out(timeout, took),
        "Runtime.OutOfMemory" => Failure::OutOfMemory,
        // Lambda itself kills a process only when it is out of memory.
        "Runtime.ExitError" if message.ends_with("signal: killed") => Failure::OutOfMemory,
        "Runtime.ExitError" => Failure::Exited,
        "Function.ResponseSizeTooLarge" => Failure::InvalidResponse(
            "the function returned more than an answer can carry, 6 MB".into(),
        ),
        "Runtime.ImportModuleError" | "Runtime.HandlerNotFound" => Failure::Unloadable,
        _ => Failure::Exited,
    }
}

/// The number of MB in Lambda's report of the invocation `request`, which stands in the tail of output.
pub(super) fn max_memory_used(tail: &str, request: Option<&str>) -> Option<u32> {
    let bytes = STANDARD.decode(tail).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let begin = format!("REPORT RequestId: {}", request?);
    let report = text.lines().rev().find(|line| line.starts_with(&begin))?;
    let (_, used) = report.split_once("Max Memory Used: ")?;
    used.split(' ').next()?.parse().ok()
}

/// The most bytes of output that Lambda gives with a response.
const TAIL_BYTES: usize = 4096;

/// The first line of an output whose beginning is not known.
const CUT_MARK: &str = "[truncated: only the last 4 KB of the output are known]";

/// What the function itself wrote, of the tail of output that Lambda gives: whole lines, without those
/// that Lambda puts around it for the invocation `request`.
pub(super) fn printed(tail: &str, request: &str) -> Vec<String> {
    let Ok(bytes) = STANDARD.decode(tail) else { return Vec::new() };
    // Without an identifier nothing is known to be Lambda's.
    let request = if request.is_empty() { "unknown" } else { request };
    let start = format!("START RequestId: {request}");
    let text = match bytes.len() {
        ..TAIL_BYTES => String::from_utf8_lossy(&bytes),
        _ => String::from_utf8_lossy(whole_lines(&bytes)),
    };
    let is_cut = bytes.len() >= TAIL_BYTES && !text.contains(&start);
    let end = format!("END RequestId: {request}");
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
    // Lambda's line follows at once where the function's last line has no end.
    let own = text.lines().map(|line| line.find(&end).map_or(line, |at| &line[..at]));
    let own = own.filter(|line| !is_lambdas(line) && !line.is_empty()).map(str::to_owned);
    is_cut.then(|| CUT_MARK.to_owned()).into_iter().chain(own).collect()
}

/// The lines of a text whose beginning is missing: without the rest of the first line, or, if there is no
/// other, without the rest of its first character.
fn whole_lines(tail: &[u8]) -> &[u8] {
    let begin = match tail.iter().position(|byte| *byte == b'\n') {
        Some(end) if end + 1 < tail.len() => end + 1,
        _ => tail.iter().position(|byte| byte & 0xc0 != 0x80).unwrap_or(tail.len()),
    };
    &tail[begin..]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn timeout() -> Timeout {
        Timeout::try_from(json!(3)).unwrap()
    }

    fn result_of(response: &Value) -> ExecutionResult {
        read(response.to_string().as_bytes(), timeout(), Duration::ZERO).0
    }

    #[test]
    fn a_reply_keeps_every_digit_and_byte() {
        let body = "{\"n\": 12345678901234567890123}";
        let response = json!({"outcome": "returned", "status": 201, "headers": [["a", "b"]],
            "encoding": "json", "body": body, "lines": ["one"]});
        let (result, lines, _) = read(response.to_string().as_bytes(), timeout(), Duration::ZERO);
        assert_eq!(lines, ["one"]);
        let ExecutionResult::Returned(reply) = result else { panic!("{result:?}") };
        assert_eq!((reply.status, reply.headers.len()), (201, 1));
        assert!(matches!(reply.body, ReplyBody::Json(raw) if raw.get() == body));
        let binary = json!({"outcome": "returned", "status": 200, "encoding": "base64",
            "body": "AP8="});
        let ExecutionResult::Returned(reply) = result_of(&binary) else { panic!() };
        assert!(matches!(reply.body, ReplyBody::Binary(bytes) if bytes == [0, 255]));
    }

    #[test]
    fn a_forged_response_is_a_failure_of_the_function() {
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
                matches!(result_of(&forged), ExecutionResult::Failed(Failure::InvalidResponse(_))),
                "{forged}"
            );
        }
        let long = json!({"outcome": "unusable", "reason": "a\nb".repeat(1000)});
        let ExecutionResult::Failed(failure) = result_of(&long) else { panic!() };
        assert!(failure.to_string().len() <= 300 && !failure.to_string().contains('\n'));
    }

    #[test]
    fn lambdas_report_gives_the_reason_of_a_failure() {
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
    fn lambdas_own_lines_are_removed_from_the_tail() {
        let tail = "START RequestId: r-1 Version: 1\nhello\nSTART RequestId: other\n\
            END RequestId: r-1\nREPORT RequestId: r-1\tDuration: 1 ms\n\
            RequestId: r-1 Error: Task timed out after 1.00 seconds\n\
            2026-01-31T09:05:00.123Z r-1 Task timed out after 1.00 seconds\n\n";
        let printed = printed(&STANDARD.encode(tail), "r-1");
        assert_eq!(printed, ["hello", "START RequestId: other"]);
    }

    #[test]
    fn a_cut_tail_is_marked_and_has_whole_lines() {
        let report = "END RequestId: r-1\nREPORT RequestId: r-1\tMax Memory Used: 41 MB\t\n";
        let text = format!("{}\nlast{report}", "가나다 line\n".repeat(1000));
        let tail = &text.as_bytes()[text.len() - TAIL_BYTES..];
        let encoded = STANDARD.encode(tail);
        let lines = printed(&encoded, "r-1");
        assert_eq!(lines[0], CUT_MARK);
        assert!(lines[1..lines.len() - 1].iter().all(|line| line == "가나다 line"), "{lines:?}");
        assert_eq!(lines.last().map(String::as_str), Some("last"));
        assert_eq!(max_memory_used(&encoded, Some("r-1")), Some(41));
        assert_eq!(max_memory_used(&encoded, Some("r-2")), None);
        let one_line = "가".repeat(2000);
        let lines = printed(&STANDARD.encode(&one_line.as_bytes()[one_line.len() - 4096..]), "r-1");
        assert!(lines[1].chars().all(|c| c == '가') && lines[1].len() == 4095, "{lines:?}");
    }
}
