//! An HTTP request as API Gateway's event, payload format 2.0.

use std::collections::BTreeMap;
use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, COOKIE, HOST, TRANSFER_ENCODING, USER_AGENT};
use http::{HeaderMap, request::Parts};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use emulator::ids;
use emulator::route::PathParameters;

/// What an event holds beside the request itself.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// The gateway's id for the request.
    pub request_id: String,
    /// The key of its route.
    pub route_key: String,
    /// The path parameters, decoded.
    pub path_parameters: PathParameters,
    /// The claims of its token, where its route needs one.
    pub claims: Option<Map<String, Value>>,
    /// The client's address.
    pub source: IpAddr,
    /// The gateway's port.
    pub port: u16,
    /// When it was received.
    pub time: Timestamp,
}

/// The event of a request. As on AWS, empty parts are left out.
pub fn to_event(parts: &Parts, body: &Bytes, context: &RequestContext) -> Value {
    // In spite of its name, `rawPath` is percent-decoded; only the query string is as sent.
    let path = percent_decode_str(parts.uri.path()).decode_utf8_lossy();
    let query = parts.uri.query().unwrap_or("");
    let host = host(&parts.headers);
    let mut event = json!({
        "version": "2.0",
        "routeKey": context.route_key,
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers(parts, context),
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "local",
            "domainName": host,
            "domainPrefix": host.split('.').next(),
            "http": {
                "method": parts.method.as_str(),
                "path": path,
                "protocol": format!("{:?}", parts.version),
                "sourceIp": context.source.to_string(),
                "userAgent": text(&parts.headers, &USER_AGENT).unwrap_or_default(),
            },
            "requestId": context.request_id,
            "routeKey": context.route_key,
            "stage": "$default",
            "time": context.time.to_zoned(TimeZone::UTC).strftime("%d/%b/%Y:%H:%M:%S %z").to_string(),
            "timeEpoch": context.time.as_millisecond(),
        },
        "isBase64Encoded": false,
    });
    if let Some(claims) = &context.claims {
        let token = json!({ "claims": claims, "scopes": null });
        event["requestContext"]["authorizer"] = json!({ "jwt": token });
    }
    let cookies: Vec<String> = joined(&parts.headers, &COOKIE)
        .map(|all| all.split([';', ',']).map(|one| one.trim().to_owned()).collect())
        .unwrap_or_default();
    if !cookies.is_empty() {
        event["cookies"] = json!(cookies);
    }
    let query = query_parameters(query);
    if !query.is_empty() {
        event["queryStringParameters"] = json!(query);
    }
    if !context.path_parameters.is_empty() {
        event["pathParameters"] = json!(context.path_parameters);
    }
    if !body.is_empty() {
        let plain = std::str::from_utf8(body).ok().filter(|_| is_text(&parts.headers));
        event["isBase64Encoded"] = json!(plain.is_none());
        event["body"] = match plain {
            Some(text) => json!(text),
            None => json!(STANDARD.encode(body)),
        };
    }
    event
}

fn headers(parts: &Parts, context: &RequestContext) -> Map<String, Value> {
    let mut headers = Map::new();
    for name in parts.headers.keys() {
        // Cookies have a list of their own; the others concern only the connection.
        if [COOKIE, CONNECTION, TRANSFER_ENCODING].contains(name) {
            continue;
        }
        if let Some(value) = joined(&parts.headers, name) {
            headers.insert(name.as_str().to_owned(), Value::String(value));
        }
    }
    let forwarded = match headers.get("x-forwarded-for").and_then(Value::as_str) {
        Some(earlier) => format!("{earlier}, {}", context.source),
        None => context.source.to_string(),
    };
    headers.insert("x-forwarded-for".to_owned(), Value::String(forwarded));
    headers.insert("x-forwarded-port".to_owned(), Value::String(context.port.to_string()));
    headers.insert("x-forwarded-proto".to_owned(), Value::String("http".to_owned()));
    headers.entry("x-amzn-trace-id").or_insert_with(|| Value::String(ids::trace_id()));
    headers
}

fn query_parameters(query: &str) -> BTreeMap<String, String> {
    let mut parameters = BTreeMap::<String, String>::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        parameters
            .entry(name.into_owned())
            .and_modify(|earlier| {
                earlier.push(',');
                earlier.push_str(&value);
            })
            .or_insert_with(|| value.clone().into_owned());
    }
    parameters
}

/// Whether API Gateway passes the body as text. Without a type it does not.
fn is_text(headers: &HeaderMap) -> bool {
    let Some(content_type) = text(headers, &CONTENT_TYPE) else { return false };
    let media_type = content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    media_type.starts_with("text/")
        || media_type.ends_with("+json")
        || [
            "application/json",
            "application/xml",
            "application/javascript",
            "application/x-www-form-urlencoded",
        ]
        .contains(&media_type.as_str())
}

fn host(headers: &HeaderMap) -> String {
    let host = text(headers, &HOST).unwrap_or_else(|| "localhost".to_owned());
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name.to_owned(),
        _ => host,
    }
}

fn text(headers: &HeaderMap, name: &http::HeaderName) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

fn joined(headers: &HeaderMap, name: &http::HeaderName) -> Option<String> {
    let values: Vec<_> =
        headers.get_all(name).iter().map(|v| String::from_utf8_lossy(v.as_bytes())).collect();
    (!values.is_empty()).then(|| values.join(","))
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn context() -> RequestContext {
        RequestContext {
            request_id: "R1".to_owned(),
            route_key: "ANY /pets/{name}".to_owned(),
            path_parameters: PathParameters::from([("name".to_owned(), "a b".to_owned())]),
            claims: None,
            source: "127.0.0.1".parse().unwrap(),
            port: 8000,
            time: "2020-03-12T19:03:58.390Z".parse().unwrap(),
        }
    }

    fn event_of(builder: http::request::Builder, body: &'static [u8]) -> Value {
        let (parts, ()) = builder.body(()).unwrap().into_parts();
        let mut event = to_event(&parts, &Bytes::from_static(body), &context());
        let trace = event["headers"]["x-amzn-trace-id"].take();
        assert!(trace.as_str().unwrap().starts_with("Root=1-"), "{trace}");
        event
    }

    #[test]
    fn an_event_has_the_form_of_aws() {
        let request = Request::post("/pets/a%20b?x=1&x=%EA%B0%80&y=")
            .header("Host", "localhost:8000")
            .header("User-Agent", "curl/8")
            .header("Content-Type", "application/json; charset=utf-8")
            .header("X-Many", "1")
            .header("X-Many", "2")
            .header("Cookie", "a=b; c=d")
            .header("Connection", "keep-alive");
        assert_eq!(
            event_of(request, b"{\"a\":1}"),
            json!({
                "version": "2.0",
                "routeKey": "ANY /pets/{name}",
                "rawPath": "/pets/a b",
                "rawQueryString": "x=1&x=%EA%B0%80&y=",
                "cookies": ["a=b", "c=d"],
                "headers": {
                    "content-type": "application/json; charset=utf-8",
                    "host": "localhost:8000",
                    "user-agent": "curl/8",
                    "x-amzn-trace-id": null,
                    "x-forwarded-for": "127.0.0.1",
                    "x-forwarded-port": "8000",
                    "x-forwarded-proto": "http",
                    "x-many": "1,2",
                },
                "queryStringParameters": {"x": "1,가", "y": ""},
                "pathParameters": {"name": "a b"},
                "requestContext": {
                    "accountId": "000000000000",
                    "apiId": "local",
                    "domainName": "localhost",
                    "domainPrefix": "localhost",
                    "http": {
                        "method": "POST",
                        "path": "/pets/a b",
                        "protocol": "HTTP/1.1",
                        "sourceIp": "127.0.0.1",
                        "userAgent": "curl/8",
                    },
                    "requestId": "R1",
                    "routeKey": "ANY /pets/{name}",
                    "stage": "$default",
                    "time": "12/Mar/2020:19:03:58 +0000",
                    "timeEpoch": 1_584_039_838_390_i64,
                },
                "body": "{\"a\":1}",
                "isBase64Encoded": false,
            })
        );
    }

    #[test]
    fn empty_parts_are_left_out() {
        let event = event_of(Request::get("/"), b"");
        for name in ["cookies", "queryStringParameters", "body"] {
            assert_eq!(event.get(name), None, "{name}");
        }
        assert_eq!(event["isBase64Encoded"], json!(false));
        assert_eq!(event["rawQueryString"], json!(""));
    }

    #[test]
    fn a_body_is_base64_unless_its_type_is_text_and_it_is_utf_8() {
        let cases: [(Option<&str>, &[u8], bool); 7] = [
            (Some("application/json"), b"{}", false),
            (Some("application/problem+json"), b"{}", false),
            (Some("text/plain"), b"x", false),
            (Some("application/x-www-form-urlencoded"), b"a=b", false),
            (Some("application/json"), b"\xff", true),
            (Some("application/octet-stream"), b"x", true),
            (None, b"{}", true),
        ];
        for (content_type, body, encoded) in cases {
            let mut request = Request::post("/");
            if let Some(content_type) = content_type {
                request = request.header("Content-Type", content_type);
            }
            let event = event_of(request, body);
            assert_eq!(event["isBase64Encoded"], json!(encoded), "{content_type:?}");
            if encoded {
                assert_eq!(event["body"], json!(STANDARD.encode(body)));
            }
        }
    }
}
