//! A Lambda's answer as an HTTP response, as API Gateway reads it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, SET_COOKIE, TRANSFER_ENCODING};
use http::{HeaderName, HeaderValue, Method, Response, StatusCode};
use serde_json::Value;

/// Why an answer can't be a response. For the terminal, not for clients.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("its answer is not one that API Gateway understands: {0}")]
pub struct InvalidResponse(String);

/// The response to a Lambda's answer to a request of this method.
///
/// `multiValueHeaders` is ignored: payload format 2.0 has no such field.
///
/// # Errors
/// Where API Gateway would respond with 500.
pub fn to_response(method: &Method, payload: &Bytes) -> Result<Response<Bytes>, InvalidResponse> {
    let answer: Value =
        serde_json::from_slice(payload).map_err(|e| InvalidResponse(format!("not JSON, {e}")))?;
    let Some(status) = answer.get("statusCode") else {
        // JSON without a status is the body of a 200.
        let mut response = Response::new(payload.clone());
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(CONTENT_TYPE, json);
        return Ok(response);
    };
    let status = match status {
        Value::String(text) => text.parse().ok(),
        number => number.as_u64().and_then(|n| u16::try_from(n).ok()),
    };
    // After a 1xx the client would wait for another response.
    let status = status
        .filter(|status| (200..600).contains(status))
        .and_then(|status| StatusCode::from_u16(status).ok())
        .ok_or_else(|| {
            InvalidResponse(format!("statusCode {} is no status", answer["statusCode"]))
        })?;

    let mut response = Response::new(body(&answer)?);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in answer["headers"].as_object().into_iter().flatten() {
        let name = HeaderName::try_from(name)
            .map_err(|_| InvalidResponse(format!("{name:?} is no header's name")))?;
        // The gateway sets these itself. Only a response to HEAD has a length without a body.
        let is_own = [CONTENT_LENGTH, CONNECTION, TRANSFER_ENCODING].contains(&name);
        if !is_own || (name == CONTENT_LENGTH && method == Method::HEAD) {
            headers.insert(name.clone(), header_value(name.as_str(), value)?);
        }
    }
    for cookie in answer["cookies"].as_array().into_iter().flatten() {
        headers.append(SET_COOKIE, header_value("a cookie", cookie)?);
    }
    if !headers.contains_key(CONTENT_TYPE) && !response.body().is_empty() {
        let plain = HeaderValue::from_static("text/plain;charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, plain);
    }
    Ok(response)
}

fn body(answer: &Value) -> Result<Bytes, InvalidResponse> {
    match &answer["body"] {
        Value::Null => Ok(Bytes::new()),
        Value::String(text) if answer["isBase64Encoded"] == Value::Bool(true) => STANDARD
            .decode(text)
            .map(Bytes::from)
            .map_err(|e| InvalidResponse(format!("body is not base64, {e}"))),
        Value::String(text) => Ok(Bytes::from(text.clone())),
        _ => Err(InvalidResponse("body is not a string".to_owned())),
    }
}

fn header_value(name: &str, value: &Value) -> Result<HeaderValue, InvalidResponse> {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    HeaderValue::try_from(text)
        .map_err(|_| InvalidResponse(format!("the value of {name} is no header's value")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn converted(answer: &Value) -> Result<Response<Bytes>, InvalidResponse> {
        to_response(&Method::GET, &Bytes::from(answer.to_string()))
    }

    #[test]
    fn status_headers_cookies_and_body_become_the_response() {
        let response = converted(&json!({
            "statusCode": 201,
            "headers": {"Content-Type": "text/html", "X-Number": 5, "Content-Length": "99"},
            "multiValueHeaders": {"x-other": ["1"]},
            "cookies": ["a=b", "c=d"],
            "body": "aGk=",
            "isBase64Encoded": true,
        }))
        .unwrap();
        assert_eq!(response.status(), 201);
        assert_eq!(response.body(), "hi");
        assert_eq!(response.headers()["content-type"], "text/html");
        assert_eq!(response.headers()["x-number"], "5");
        assert_eq!(response.headers().get_all("set-cookie").iter().count(), 2);
        assert!(!response.headers().contains_key("x-other"));
        assert!(!response.headers().contains_key("content-length"));
    }

    #[test]
    fn json_without_a_status_is_a_200() {
        for answer in [json!({"a": 1}), json!("text"), json!(null)] {
            let response = converted(&answer).unwrap();
            assert_eq!(response.status(), 200);
            assert_eq!(response.headers()["content-type"], "application/json");
            assert_eq!(response.body(), answer.to_string().as_bytes());
        }
    }

    #[test]
    fn a_bare_status_has_no_body() {
        let response = converted(&json!({"statusCode": 204})).unwrap();
        assert_eq!(response.status(), 204);
        assert!(response.body().is_empty() && response.headers().is_empty());
    }

    #[test]
    fn an_invalid_answer_is_an_error() {
        for answer in [
            json!({"statusCode": "abc"}),
            json!({"statusCode": 99}),
            json!({"statusCode": 200, "body": {"a": 1}}),
            json!({"statusCode": 200, "body": "?", "isBase64Encoded": true}),
            json!({"statusCode": 200, "headers": {"a b": "c"}}),
            json!({"statusCode": 200, "headers": {"a": "\n"}}),
        ] {
            assert!(converted(&answer).is_err(), "{answer}");
        }
        assert!(to_response(&Method::GET, &Bytes::from_static(b"not JSON")).is_err());
    }
}
