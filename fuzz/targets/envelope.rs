//! The response of a user's process, as the adapter's envelope or in its place. The caller always gets a
//! valid HTTP response, and the execution is logged.
//!
//! After a `!`, the input is Lambda's error of a failed process.
#![no_main]

use std::sync::LazyLock;

use axum::Router;
use fuzz::aws::{Aws, URL};
use fuzz::gateway::{REQUEST_ID, request, send};
use libfuzzer_sys::fuzz_target;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use shared::domain::LogId;

static ENV: LazyLock<(Aws, Router)> = LazyLock::new(Aws::with_invocations);

/// A log in the API.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Log {
    id: String,
    function_id: String,
    #[serde(rename = "timestamp")]
    _timestamp: String,
    status: String,
    duration: f64,
    status_code: u16,
    #[serde(rename = "requestBody")]
    _request_body: Box<RawValue>,
    #[serde(rename = "responseBody")]
    _response_body: Box<RawValue>,
    logs: Vec<String>,
    level: String,
}

fuzz_target!(|data: &[u8]| {
    let (payload, failed) = match data.split_first() {
        Some((b'!', rest)) => (rest, true),
        _ => (data, false),
    };
    let (aws, router) = &*ENV;
    aws.set_response(payload, failed);

    let call = request(format!("POST {URL}").as_bytes()).expect("a request");
    let answer = send(router, &call).expect("a request");
    assert!(answer.header("x-execution-id").parse::<LogId>().is_ok(), "{answer:?}");
    assert_eq!((aws.events().len(), aws.logs()), (1, 1), "one execution, one log");
    let is_json = serde_json::from_slice::<&RawValue>(payload).is_ok();
    if failed || !is_json {
        answer.assert_error(REQUEST_ID);
    } else if let Ok(envelope @ Value::Object(_)) = serde_json::from_slice(payload) {
        let status = envelope["status"].as_u64().unwrap_or_default();
        let returned = envelope["outcome"] == "returned" && (200..=599).contains(&status);
        if envelope["outcome"].is_string() && !returned {
            answer.assert_error(REQUEST_ID);
        } else if returned && answer.status != 500 {
            assert_eq!(u64::from(answer.status), status);
            assert_cookies(&envelope, &answer.cookies);
        }
    }

    let path = "/api/workspaces/ws-1/functions/fn-1/invoke";
    let call = request(format!("POST {path}").as_bytes()).expect("a request");
    let tried = send(router, &call).expect("a request");
    assert_eq!((tried.status, aws.logs()), (200, 2), "{tried:?}");
    let log: Log = serde_json::from_slice(&tried.body).expect("a log");
    assert!(log.id.parse::<LogId>().is_ok() && log.function_id == "fn-1", "{}", log.id);
    assert_eq!(log.status_code, answer.status);
    let expected = match log.status_code {
        200..400 => ("success", "info"),
        400..500 => ("success", "warn"),
        _ => ("error", "error"),
    };
    assert_eq!((log.status.as_str(), log.level.as_str()), expected);
    assert!(log.duration >= 0.0);
    assert!(log.logs.iter().map(|line| line.len() + 4).sum::<usize>() <= 129 * 1024);
});

/// Checks that no cookie is lost.
fn assert_cookies(envelope: &Value, cookies: &[String]) {
    for pair in envelope["headers"].as_array().into_iter().flatten() {
        let (name, value) = (pair[0].as_str().unwrap_or(""), pair[1].as_str().unwrap_or(""));
        if name.eq_ignore_ascii_case("set-cookie") {
            assert!(cookies.iter().any(|cookie| cookie == value), "{value:?} in {cookies:?}");
        }
    }
}
