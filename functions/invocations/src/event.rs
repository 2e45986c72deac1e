//! What a handler is given: `event`.

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

use crate::KEY;

/// A handler's `event`.
#[derive(Debug, Serialize)]
pub(crate) struct Event {
    method: String,
    /// What follows the function's URL, percent-decoded; `/` at least.
    path: String,
    /// By lower-case names; values of the same name are joined with commas.
    headers: BTreeMap<String, String>,
    /// Percent-decoded; values of the same name are joined with commas.
    query: BTreeMap<String, String>,
    body: Box<RawValue>,
    #[serde(rename = "isBase64Encoded", skip_serializing_if = "std::ops::Not::not")]
    is_base64: bool,
}

/// A request's body, read whole: a Lambda's event holds all of it.
pub(crate) async fn body(body: Body) -> Result<Bytes, Error> {
    Ok(body.collect().await.map_err(Error::internal)?.to_bytes())
}

impl Event {
    /// The event of a request that is nothing but its body.
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
        // HEAD is GET whose body nobody wants.
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

    /// Takes out the key to a function: it is between its caller and us.
    pub(crate) fn hide_key(&mut self) {
        self.headers.remove(KEY.as_str());
    }

    /// The request's method.
    pub(crate) fn method(&self) -> &str {
        &self.method
    }

    /// The body, as the handler sees it.
    pub(crate) fn body(&self) -> &RawValue {
        &self.body
    }
}

/// What follows `/invoke/{ws}/{fn}` in the path, percent-decoded.
///
/// Taken from the gateway's own event, which is decoded already, because the
/// router has cut a slash at the end.
fn path_below(parts: &Parts) -> String {
    let whole = match parts.extensions.get() {
        Some(RequestContext::ApiGatewayV2(context)) => context.http.path.clone(),
        _ => None,
    };
    let decoded = || percent_decode_str(parts.uri.path()).decode_utf8_lossy().into_owned();
    let whole = whole.unwrap_or_else(decoded);
    let mut rest = whole.as_str();
    for _ in 0..3 {
        // "/invoke", "/{ws}" and "/{fn}" are there, or the router wouldn't have come here.
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

/// A body as JSON: itself where it is JSON, else its text, else base64 of its
/// bytes, which the second part tells; `{}` where there is none.
fn body_value(body: &[u8]) -> (Box<RawValue>, bool) {
    let raw = |value: &Value| to_raw_value(value).unwrap_or_default();
    if body.is_empty() {
        return (raw(&Value::Object(Default::default())), false);
    }
    let Ok(text) = std::str::from_utf8(body) else {
        return (raw(&Value::String(STANDARD.encode(body))), true);
    };
    // Read as values only to see whether it is JSON, and not nested too deep to
    // be passed on; then kept as it came, with every digit.
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
    fn a_request_becomes_the_handlers_event() {
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
    fn the_path_is_the_rest_with_its_slashes() {
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
    fn a_body_is_json_else_text_else_base64() {
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
