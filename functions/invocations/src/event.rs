//! The event that a function's handler receives.

use std::collections::BTreeMap;

use axum::body::{Body, Bytes};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use http::request::Parts;
use http_body_util::BodyExt;
use lambda_http::request::RequestContext;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use shared::error::Error;

use crate::API_KEY;

/// The handler's argument `event`.
#[derive(Debug, Serialize)]
pub(crate) struct Event {
    method: String,
    /// The path below the function's URL, percent-decoded. At least `/`.
    path: String,
    /// By lower-case name. Several values are joined with commas.
    headers: BTreeMap<String, String>,
    /// Percent-decoded. Several values are joined with commas.
    query: BTreeMap<String, String>,
    body: Box<RawValue>,
    #[serde(rename = "isBase64Encoded", skip_serializing_if = "std::ops::Not::not")]
    is_base64: bool,
}

/// Reads a request's body, which is in memory: a Lambda event contains all of it.
pub(crate) async fn read_body(body: Body) -> Result<Bytes, Error> {
    Ok(body.collect().await.map_err(Error::internal)?.to_bytes())
}

impl Event {
    /// The event of a request without headers, path and query.
    pub(crate) fn of_body(method: &str, body: Bytes) -> Self {
        let (body, is_base64) = body_value(&body);
        Self {
            method: method.to_owned(),
            path: "/".to_owned(),
            headers: BTreeMap::new(),
            query: BTreeMap::new(),
            body,
            is_base64,
        }
    }

    /// The event of a request to a public URL.
    pub(crate) fn of_request(parts: &Parts, body: Bytes) -> Self {
        // The middleware removes the body of a HEAD response.
        let method = if parts.method == Method::HEAD { "GET" } else { parts.method.as_str() };
        let mut event = Self::of_body(method, body);
        event.path = path_below(parts);
        for (name, value) in &parts.headers {
            join(&mut event.headers, name.as_str(), &String::from_utf8_lossy(value.as_bytes()));
        }
        let query = parts.uri.query().unwrap_or_default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            join(&mut event.query, &name, &value);
        }
        event
    }

    /// Removes the invocation key, which the function must not see.
    pub(crate) fn remove_api_key(&mut self) {
        self.headers.remove(API_KEY.as_str());
    }

    pub(crate) fn method(&self) -> &str {
        &self.method
    }

    pub(crate) fn body(&self) -> &RawValue {
        &self.body
    }
}

/// The path below `/invoke/{ws}/{fn}`, percent-decoded.
///
/// The gateway's event has the decoded path with its trailing slash, which the router has removed from
/// the URI.
fn path_below(parts: &Parts) -> String {
    let whole = match parts.extensions.get() {
        Some(RequestContext::ApiGatewayV2(context)) => context.http.path.clone(),
        _ => None,
    };
    let decoded = || percent_decode_str(parts.uri.path()).decode_utf8_lossy().into_owned();
    let whole = whole.unwrap_or_else(decoded);
    let mut rest = whole.as_str();
    for _ in 0..3 {
        // Skips "/invoke", "/{ws}" and "/{fn}", which the router has matched.
        let next = rest.get(1..).and_then(|tail| tail.find('/')).map(|at| at + 1);
        rest = next.map_or("", |at| &rest[at..]);
    }
    if rest.is_empty() { "/".to_owned() } else { rest.to_owned() }
}

fn join(map: &mut BTreeMap<String, String>, name: &str, value: &str) {
    match map.get_mut(name) {
        Some(values) => {
            values.push(',');
            values.push_str(value);
        }
        None => {
            map.insert(name.to_owned(), value.to_owned());
        }
    }
}

/// A body as JSON, and whether it is base64: JSON stays as it is, text becomes a string, other bytes
/// become base64, and an empty body becomes `{}`.
fn body_value(body: &[u8]) -> (Box<RawValue>, bool) {
    let raw = |value: &Value| to_raw_value(value).unwrap_or_default();
    if body.is_empty() {
        return (raw(&Value::Object(Default::default())), false);
    }
    let Ok(text) = std::str::from_utf8(body) else {
        return (raw(&Value::String(STANDARD.encode(body))), true);
    };
    // Parsed only to check that it is JSON, and not nested too deeply. The text is kept, with all digits.
    let is_json = serde_json::from_str::<Value>(text).is_ok();
    let json = is_json.then(|| RawValue::from_string(text.trim().to_owned()).ok()).flatten();
    (json.unwrap_or_else(|| raw(&Value::String(text.to_owned()))), false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::extract::Request;

    fn event(method: &str, uri: &str, body: &'static [u8]) -> Value {
        let request = Request::builder().method(method).uri(uri).header("X-A", "1");
        let (parts, ()) = request.header("X-A", "2").body(()).unwrap().into_parts();
        serde_json::to_value(Event::of_request(&parts, Bytes::from_static(body))).unwrap()
    }

    #[test]
    fn an_event_has_method_path_headers_query_and_body() {
        let event = event("PUT", "/invoke/ws-1/fn-1/a/%ED%95%9C?x=1&y=%20&x=2", b" [1, 2.50] ");
        assert_eq!(
            event,
            serde_json::json!({
                "method": "PUT", "path": "/a/한", "headers": {"x-a": "1,2"},
                "query": {"x": "1,2", "y": " "}, "body": [1, 2.5]
            })
        );
    }

    #[test]
    fn the_event_path_keeps_its_slashes() {
        for (uri, path) in [
            ("/invoke/ws-1/fn-1", "/"),
            ("/invoke/ws-1/fn-1/", "/"),
            ("/invoke/ws-1/fn-1/a/", "/a/"),
            ("/invoke/ws-1/fn-1//a//b", "//a//b"),
        ] {
            assert_eq!(event("GET", uri, b"")["path"], path, "{uri}");
        }
        assert_eq!(event("HEAD", "/invoke/ws-1/fn-1", b"")["method"], "GET");
    }

    #[test]
    fn a_body_is_json_or_text_or_base64() {
        let body = |bytes| {
            let event = Event::of_body("POST", Bytes::from_static(bytes));
            (event.body.get().to_owned(), event.is_base64)
        };
        assert_eq!(body(b""), ("{}".into(), false));
        assert_eq!(body(b"12345678901234567890123.0"), ("12345678901234567890123.0".into(), false));
        assert_eq!(body(b"a=b"), ("\"a=b\"".into(), false));
        assert_eq!(body(b"{\"a\":"), ("\"{\\\"a\\\":\"".into(), false));
        assert_eq!(body(b"\xff\x00"), ("\"/wA=\"".into(), true));
        let deep = "[".repeat(1000) + &"]".repeat(1000);
        let (value, _) = body_value(deep.as_bytes());
        assert_eq!(value.get(), format!("\"{deep}\""));
    }
}
