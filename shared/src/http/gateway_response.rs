//! Responses in the form that API Gateway expects from a Lambda.

use std::pin::Pin;

use axum::response::Response;
use http::header::{HeaderMap, SET_COOKIE};
use http::{HeaderName, HeaderValue};
use http_body_util::BodyExt;
use lambda_http::{Body, IntoResponse};

/// An extension of a response that a user's function returned. Such a response is passed through.
#[derive(Clone, Copy, Debug)]
pub struct UserResponse {
    /// Whether the body is binary, even where its bytes are valid UTF-8.
    pub is_binary: bool,
}

/// A response whose body is text or base64 by its bytes.
///
/// `lambda_http` would decide by `Content-Type` and recode text. This would lose byte order marks and
/// damage encodings other than UTF-8.
pub(super) struct GatewayResponse(pub(super) Response);

impl IntoResponse for GatewayResponse {
    fn into_response(self) -> Pin<Box<dyn Future<Output = http::Response<Body>> + Send>> {
        Box::pin(async move {
            let (mut parts, body) = self.0.into_parts();
            // The body is in memory, so reading it can't fail.
            let bytes = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
            let is_binary =
                parts.extensions.get().is_some_and(|user: &UserResponse| user.is_binary);
            let body = match String::from_utf8(bytes.into()) {
                Ok(text) if text.is_empty() => Body::Empty,
                Ok(text) if !is_binary => Body::Text(text),
                Ok(text) => Body::Binary(text.into_bytes()),
                Err(bytes) => Body::Binary(bytes.into_bytes()),
            };
            parts.headers = joined(&parts.headers);
            http::Response::from_parts(parts, body)
        })
    }
}

/// Joins the values of each header with commas, because API Gateway's format has one value per header.
/// Cookies have a list of their own in that format.
fn joined(headers: &HeaderMap) -> HeaderMap {
    let mut all = HeaderMap::with_capacity(headers.len());
    for name in headers.keys() {
        let values: Vec<&HeaderValue> = headers.get_all(name).iter().collect();
        match values.as_slice() {
            _ if name == SET_COOKIE => {
                values.into_iter().for_each(|value| append(&mut all, name, value))
            }
            [value] => append(&mut all, name, value),
            several => {
                let bytes: Vec<&[u8]> = several.iter().map(|value| value.as_bytes()).collect();
                // Valid values joined with commas are a valid value.
                if let Ok(value) = HeaderValue::from_bytes(&bytes.join(&b", "[..])) {
                    append(&mut all, name, &value);
                }
            }
        }
    }
    all
}

fn append(headers: &mut HeaderMap, name: &HeaderName, value: &HeaderValue) {
    headers.append(name.clone(), value.clone());
}
