//! Calls of a function's URL: the function receives the request unchanged, without an invocation key.
#![no_main]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::Router;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fuzz::aws::{Aws, METHODS, URL};
use fuzz::gateway::{REQUEST_ID, request, send};
use libfuzzer_sys::fuzz_target;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

static ENV: LazyLock<(Aws, Router)> = LazyLock::new(Aws::with_invocations);

/// A handler's event.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Event {
    method: String,
    path: String,
    headers: BTreeMap<String, String>,
    #[serde(rename = "query")]
    _query: BTreeMap<String, String>,
    body: Box<RawValue>,
    #[serde(default, rename = "isBase64Encoded")]
    is_base64: bool,
}

fuzz_target!(|data: &[u8]| {
    let Some(mut event) = request(data) else { return };
    let path = event["rawPath"].as_str().unwrap_or_default().to_owned();
    let full_path = json!(format!("{URL}{path}"));
    event["rawPath"] = full_path.clone();
    event["requestContext"]["http"]["path"] = full_path;
    let (aws, router) = &*ENV;
    aws.set_response(
        br#"{"outcome":"returned","status":200,"encoding":"text","body":"ok"}"#,
        false,
    );
    let Some(answer) = send(router, &event) else { return };
    let events = aws.events();
    assert_eq!(aws.logs(), events.len(), "every execution has a log");
    assert!(events.len() <= 1, "called more than once");
    let Some(called) = events.first() else {
        assert!(answer.status < 500, "{answer:?}");
        if answer.status >= 400 && event["requestContext"]["http"]["method"] != "HEAD" {
            answer.assert_error(REQUEST_ID);
        }
        return;
    };
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.header("x-execution-id").starts_with("log-"), "{answer:?}");
    let called: Event = serde_json::from_slice(called).expect("an event");
    assert!(METHODS.contains(&called.method.as_str()), "{}", called.method);
    assert_eq!(called.path, path);
    for name in called.headers.keys() {
        assert!(name != "x-api-key" && *name == name.to_ascii_lowercase(), "{name}");
    }
    let head = data.windows(2).position(|pair| pair == b"\n\n");
    let sent = head.map_or(&[][..], |end| &data[end + 2..]);
    let text = || serde_json::from_str::<String>(called.body.get()).expect("text");
    if called.is_base64 {
        assert_eq!(STANDARD.decode(text()).expect("base64"), sent);
    } else if sent.is_empty() {
        assert_eq!(called.body.get(), "{}");
    } else {
        let sent = std::str::from_utf8(sent).expect("what is no text is base64");
        // JSON is unchanged, with every digit. Everything else is text.
        assert!(called.body.get() == sent.trim() || text() == sent);
    }
});
