//! API Gateway before a Lambda: its events, and the responses that it accepts.

use std::collections::BTreeMap;
use std::env::VarError;
use std::sync::LazyLock;

use axum::Router;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue};
use lambda_http::Service;
use lambda_http::lambda_runtime::{Context, LambdaEvent};
use lambda_http::request::LambdaRequest;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use shared::config::Config;
use tokio::runtime::{Builder, Runtime};

use crate::routes::ROUTE;

/// The host of every event: the gateway accepts its own name only.
const HOST: &str = "a1b2c3d4e5.execute-api.ap-northeast-2.amazonaws.com";

/// The request id of events from [`request`].
pub const REQUEST_ID: &str = "fuzz-1";

/// The documented error codes.
const CODES: [&str; 13] = [
    "MALFORMED_JSON",
    "UNAUTHORIZED",
    "NOT_FOUND",
    "METHOD_NOT_ALLOWED",
    "CONFLICT",
    "PRECONDITION_FAILED",
    "PAYLOAD_TOO_LARGE",
    "UNSUPPORTED_MEDIA_TYPE",
    "VALIDATION_ERROR",
    "TOO_MANY_REQUESTS",
    "INTERNAL_ERROR",
    "SERVICE_UNAVAILABLE",
    "TIMEOUT",
];

/// A Lambda's settings, without sign-in.
pub static CONFIG: LazyLock<Config> = LazyLock::new(|| {
    let only_keys = |name: &str| {
        let is_key = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].contains(&name);
        is_key.then(|| "fuzz".to_owned()).ok_or(VarError::NotPresent)
    };
    Config::read(&only_keys).expect("valid variables")
});

/// The runtime of all fuzzers.
pub static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    Builder::new_current_thread().enable_time().build().expect("a runtime without any I/O")
});

/// The gateway's event for a request in HTTP/1.1 with lines that end in `\n`. `None` for a request that
/// it rejects.
pub fn request(text: &[u8]) -> Option<Value> {
    let end = text.windows(2).position(|pair| pair == b"\n\n");
    let (head, body) = match end {
        Some(end) => (&text[..end], &text[end + 2..]),
        None => (text, &[][..]),
    };
    let mut lines = std::str::from_utf8(head).ok()?.lines();
    let (method, target) = lines.next()?.split_once(' ')?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers: Map<String, Value> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .collect();
    let path = percent_decode_str(path).decode_utf8_lossy();
    let plain = std::str::from_utf8(body).ok();
    let mut event = json!({
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {
            "http": { "method": method, "path": path },
            "requestId": REQUEST_ID,
            "timeEpoch": 1_769_850_308_123_i64,
        },
        "isBase64Encoded": plain.is_none(),
    });
    if !body.is_empty() {
        event["body"] = plain.map_or_else(|| json!(STANDARD.encode(body)), |text| json!(text));
    }
    with_gateway_fields(event)
}

/// `event` with the fields that only the gateway sets. `None` where it would never send the event.
pub fn with_gateway_fields(mut event: Value) -> Option<Value> {
    if !event["rawPath"].as_str()?.starts_with('/') {
        return None;
    }
    if event["isBase64Encoded"] == json!(true) && !event["body"].is_null() {
        STANDARD.decode(event["body"].as_str()?).ok()?;
    }
    let given = event["headers"].take();
    let mut headers = Map::new();
    for (name, value) in given.as_object().into_iter().flatten() {
        headers.insert(name.to_ascii_lowercase(), value.clone());
    }
    headers.insert("host".to_owned(), json!(HOST));
    headers.insert("x-forwarded-proto".to_owned(), json!("https"));
    event["headers"] = Value::Object(headers);
    let context = event["requestContext"].as_object_mut()?;
    context.insert("stage".to_owned(), json!("$default"));
    context.insert("domainName".to_owned(), json!(HOST));
    Some(event)
}

/// A response that the gateway accepts.
#[derive(Debug)]
pub struct Answer {
    /// 200 to 599.
    pub status: u16,
    /// By lower-case names.
    pub headers: BTreeMap<String, String>,
    /// Values of `Set-Cookie`.
    pub cookies: Vec<String>,
    /// The body's bytes.
    pub body: Vec<u8>,
}

/// The response of a Lambda with `router`, checked against what the gateway accepts. `None` for an
/// invalid event.
pub fn send(router: &Router, event: &Value) -> Option<Answer> {
    let payload: LambdaRequest = serde_json::from_str(&event.to_string()).ok()?;
    let mut lambda = shared::http::lambda(&CONFIG, router.clone());
    let answer = lambda.call(LambdaEvent::new(payload, Context::default()));
    let Ok(answer) = RUNTIME.block_on(answer);
    Some(Answer::read(&serde_json::to_value(answer).expect("an answer is JSON")))
}

/// As [`send`], for [`crate::routes`]: no response is 500 or more, and every error is documented.
pub fn send_to_routes(router: &Router, event: &Value) -> Option<Answer> {
    let answer = send(router, event)?;
    assert!(answer.status < 500, "{answer:?}");
    let context = &event["requestContext"];
    if answer.status >= 400 && context["http"]["method"] != "HEAD" {
        answer.assert_error(context["requestId"].as_str().unwrap_or_default());
    }
    if answer.status == 405 {
        assert!(answer.header("allow").ends_with("OPTIONS"), "{answer:?}");
    }
    let path = event["rawPath"].as_str().unwrap_or_default();
    let route = answer.header(ROUTE);
    if path.starts_with("/invoke/") && !route.is_empty() {
        // The gateway requires no token for these paths, so they must reach no other route.
        assert!(route.starts_with("/invoke/"), "{path} came to {route}");
    }
    Some(answer)
}

impl Answer {
    fn read(answer: &Value) -> Self {
        let status = answer["statusCode"].as_u64().and_then(|status| u16::try_from(status).ok());
        let status = status.filter(|status| (200..=599).contains(status));
        let mut headers = BTreeMap::new();
        for (name, value) in answer["headers"].as_object().expect("headers are an object") {
            let value = value.as_str().expect("a header has one value, which is text");
            HeaderName::from_lowercase(name.as_bytes()).expect("a header's name");
            HeaderValue::from_str(value).expect("a header's value");
            headers.insert(name.clone(), value.to_owned());
        }
        let cookies = answer["cookies"].as_array().expect("cookies are a list");
        let cookie = |value: &Value| {
            let value = value.as_str().expect("a cookie is text");
            HeaderValue::from_str(value).expect("a header's value");
            value.to_owned()
        };
        let body = match &answer["body"] {
            Value::Null => Vec::new(),
            Value::String(text) if answer["isBase64Encoded"] == json!(true) => {
                STANDARD.decode(text).expect("a body of bytes is base64")
            }
            Value::String(text) => text.clone().into_bytes(),
            other => panic!("a body is text, and not {other}"),
        };
        assert!(headers.get("vary").is_some_and(|vary| vary.to_lowercase().contains("origin")));
        if let Some(origin) = headers.get("access-control-allow-origin") {
            assert!(CONFIG.allowed_origins.contains(origin), "{origin} is not allowed");
        }
        Self {
            status: status.expect("a status from 200 to 599"),
            headers,
            cookies: cookies.iter().map(cookie).collect(),
            body,
        }
    }

    /// A header's value, or the empty string.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// Checks the documented format of errors.
    pub fn assert_error(&self, request_id: &str) {
        assert!(self.status >= 400, "{self:?}");
        assert_eq!(self.header("content-type"), "application/json");
        let body: Value = serde_json::from_slice(&self.body).expect("an error is JSON");
        assert_eq!(body.as_object().map(Map::len), Some(1), "{body}");
        let error = body["error"].as_object().expect("an error is an object");
        for (field, value) in error {
            match field.as_str() {
                "code" => assert!(value.as_str().is_some_and(|code| CODES.contains(&code))),
                "message" => assert!(value.as_str().is_some_and(|text| !text.is_empty())),
                "details" => assert!(value.is_object()),
                "requestId" => assert_eq!(value, request_id),
                _ => panic!("{field} is not documented: {body}"),
            }
        }
        for field in ["code", "message", "requestId"] {
            assert!(error.contains_key(field), "{field} is missing: {body}");
        }
    }
}
