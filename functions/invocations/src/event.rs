//! The event that the adapter around a user's function receives.

use axum::body::{Body, Bytes};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONTENT_TYPE, COOKIE};
use http::request::Parts;
use http::{HeaderMap, HeaderName};
use http_body_util::BodyExt;
use lambda_http::request::RequestContext;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use shared::domain::{LogId, Timeout};
use shared::error::Error;

use crate::API_KEY;

/// A request to a function, as it came.
#[derive(Debug, Default)]
pub(crate) struct FunctionRequest {
    /// The path below the function's URL, percent-decoded. At least `/`.
    path: String,
    /// What the URL has before that path.
    prefix: String,
    /// The query, undecoded.
    query: String,
    /// By lower-case name, in order.
    headers: Vec<(String, String)>,
    source_ip: String,
    pub(crate) body: Bytes,
}

/// The adapter's event. Binary bodies are base64, and so are texts that are shorter that way: JSON
/// escapes some characters with six.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    execution_id: &'a LogId,
    /// In seconds.
    timeout: u16,
    method: &'a str,
    path: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    prefix: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    raw_query: &'a str,
    headers: Vec<(&'a str, &'a str)>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cookies: Vec<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    source_ip: &'a str,
    #[serde(flatten)]
    body: EventBody<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum EventBody<'a> {
    Empty {},
    Text {
        body: &'a str,
    },
    #[serde(rename_all = "camelCase")]
    Base64 {
        body: String,
        is_base64: bool,
    },
}

impl<'a> From<&'a [u8]> for EventBody<'a> {
    fn from(body: &'a [u8]) -> Self {
        match std::str::from_utf8(body) {
            Ok("") => Self::Empty {},
            Ok(text) if escaped_length(text) <= body.len().div_ceil(3) * 4 => {
                Self::Text { body: text }
            }
            _ => Self::Base64 { body: STANDARD.encode(body), is_base64: true },
        }
    }
}

/// The bytes of `text` in a JSON string.
fn escaped_length(text: &str) -> usize {
    let length = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0..0x20 => 6,
        _ => 1,
    };
    text.bytes().map(length).sum()
}

/// Reads a request's body, which is in memory: a Lambda event contains all of it.
pub(crate) async fn read_body(body: Body) -> Result<Bytes, Error> {
    Ok(body.collect().await.map_err(Error::internal)?.to_bytes())
}

impl FunctionRequest {
    /// A request at the test button: of the client's headers, only the type of the body is passed on.
    pub(crate) fn of_test(parts: &Parts, body: Bytes) -> Self {
        let mut headers = HeaderMap::new();
        if let Some(value) = parts.headers.get(CONTENT_TYPE) {
            headers.insert(CONTENT_TYPE, value.clone());
        }
        let (headers, source_ip) = (pairs(&headers), source_ip(parts));
        Self { path: "/".to_owned(), headers, source_ip, body, ..Self::default() }
    }

    /// A request to a public URL.
    pub(crate) fn of_url(parts: &Parts, body: Bytes) -> Self {
        let (prefix, path) = split_path(parts);
        let query = parts.uri.query().unwrap_or_default().to_owned();
        let headers = pairs(&parts.headers);
        Self { path, prefix, query, headers, source_ip: source_ip(parts), body }
    }

    /// Removes the invocation key, which the function must not see.
    pub(crate) fn remove_api_key(&mut self) {
        self.headers.retain(|(name, _)| name != API_KEY.as_str());
    }

    /// The event of this request, as JSON.
    pub(crate) fn event(
        &self,
        method: &str,
        log: &LogId,
        timeout: Timeout,
    ) -> Result<Vec<u8>, Error> {
        let cookies = self.headers.iter().filter(|(name, _)| name == COOKIE.as_str());
        let cookies = cookies.flat_map(|(_, value)| value.split(';')).map(str::trim);
        let event = Event {
            execution_id: log,
            timeout: timeout.seconds(),
            method,
            path: &self.path,
            prefix: &self.prefix,
            raw_query: &self.query,
            headers: self.headers.iter().map(|(name, value)| (&**name, &**value)).collect(),
            cookies: cookies.filter(|cookie| !cookie.is_empty()).collect(),
            source_ip: &self.source_ip,
            body: EventBody::from(&*self.body),
        };
        serde_json::to_vec(&event).map_err(Error::internal)
    }

    /// The body for the log: JSON stays as it is, text becomes a string, other bytes become base64, and
    /// an empty body becomes `{}`.
    pub(crate) fn logged_body(&self) -> Box<RawValue> {
        let empty = RawValue::from_string("{}".to_owned()).unwrap_or_default();
        let Ok(text) = std::str::from_utf8(&self.body) else {
            return to_raw_value(&STANDARD.encode(&self.body)).unwrap_or_default();
        };
        if text.is_empty() {
            return empty;
        }
        // Checked without being built: a small text can describe a tree of many times its size.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        match serde_json::from_str::<&RawValue>(text) {
            Ok(json) => json.to_owned(),
            Err(_) => to_raw_value(text).unwrap_or_default(),
        }
    }
}

fn pairs(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |name: &HeaderName, value: &[u8]| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value).into_owned())
    };
    headers.iter().map(|(name, value)| text(name, value.as_bytes())).collect()
}

fn source_ip(parts: &Parts) -> String {
    match parts.extensions.get() {
        Some(RequestContext::ApiGatewayV2(context)) => {
            context.http.source_ip.clone().unwrap_or_default()
        }
        _ => String::new(),
    }
}

/// The path up to `/invoke/{ws}/{fn}`, and the path below that, percent-decoded.
///
/// The gateway's event has the decoded path with its trailing slash, which the router has removed from
/// the URI.
fn split_path(parts: &Parts) -> (String, String) {
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
    let prefix = whole[..whole.len() - rest.len()].to_owned();
    (prefix, if rest.is_empty() { "/".to_owned() } else { rest.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::extract::Request;
    use serde_json::{Value, json};

    fn event(method: &str, uri: &str, body: &'static [u8]) -> Value {
        let request = Request::builder().method(method).uri(uri).header("X-A", "1");
        let request = request.header("X-A", "2").header("Cookie", "a=1; b=2").body(());
        let (parts, ()) = request.unwrap().into_parts();
        let request = FunctionRequest::of_url(&parts, Bytes::from_static(body));
        let timeout = Timeout::try_from(json!(3)).unwrap();
        let event = request.event(method, &LogId::generate(), timeout).unwrap();
        serde_json::from_slice(&event).unwrap()
    }

    #[test]
    fn an_event_has_the_request_as_it_came() {
        let mut event = event("PUT", "/invoke/ws-1/fn-1/a/%ED%95%9C?x=1&y=%20&x=2", b" [1, 2.50] ");
        assert!(event["executionId"].take().is_string());
        assert_eq!(
            event,
            json!({
                "executionId": null, "timeout": 3, "method": "PUT", "path": "/a/한",
                "prefix": "/invoke/ws-1/fn-1", "rawQuery": "x=1&y=%20&x=2",
                "headers": [["x-a", "1"], ["x-a", "2"], ["cookie", "a=1; b=2"]],
                "cookies": ["a=1", "b=2"], "body": " [1, 2.50] "
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
            let event = event("GET", uri, b"");
            assert_eq!(
                (&event["path"], &event["prefix"]),
                (&json!(path), &json!("/invoke/ws-1/fn-1"))
            );
        }
    }

    #[test]
    fn a_body_is_text_or_base64_whichever_is_shorter() {
        assert_eq!(event("POST", "/invoke/w/f", b"").get("body"), None);
        let binary = event("POST", "/invoke/w/f", b"\xff\x00");
        assert_eq!((&binary["body"], &binary["isBase64"]), (&json!("/wA="), &json!(true)));
        let quoted = event("POST", "/invoke/w/f", b"\"\\\"\\\"\\\"\\");
        assert_eq!(quoted["isBase64"], true);
        let controls = event("POST", "/invoke/w/f", b"\x01\x01\x01");
        assert_eq!(controls["isBase64"], true);
        let plain = event("POST", "/invoke/w/f", "{\"a\": \"한\"}".as_bytes());
        assert_eq!((&plain["body"], plain.get("isBase64")), (&json!("{\"a\": \"한\"}"), None));
    }

    #[test]
    fn the_log_keeps_json_as_its_text() {
        let logged = |body: &'static [u8]| {
            let body = Bytes::from_static(body);
            FunctionRequest { body, ..FunctionRequest::default() }.logged_body().get().to_owned()
        };
        assert_eq!(logged(b""), "{}");
        assert_eq!(logged(b" 12345678901234567890123.0 "), "12345678901234567890123.0");
        assert_eq!(logged(b"1e309"), "1e309");
        assert_eq!(logged("\u{feff}[1]".as_bytes()), "[1]");
        assert_eq!(logged(b"a=b"), "\"a=b\"");
        assert_eq!(logged(b"{\"a\":"), "\"{\\\"a\\\":\"");
        assert_eq!(logged(b"\xff\x00"), "\"/wA=\"");
        let deep = "[".repeat(1000) + &"]".repeat(1000);
        assert_eq!(logged(deep.clone().leak().as_bytes()), deep);
    }
}
