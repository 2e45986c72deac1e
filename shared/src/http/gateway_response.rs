//! Our answers, as Lambda hands them to API Gateway.

use std::pin::Pin;

use axum::response::Response;
use http::header::{HeaderMap, SET_COOKIE};
use http::{HeaderName, HeaderValue};
use http_body_util::BodyExt;
use lambda_http::{Body, IntoResponse};

/// Marks an answer that a user's function gave: it is passed on as it is.
#[derive(Clone, Copy, Debug)]
pub struct UserResponse {
    /// Whether its body is bytes, and no text of ours to look into.
    pub is_binary: bool,
}

/// An answer on its way to the gateway.
///
/// By itself lambda_http decides by the content's type what is text, and then
/// recodes it: a byte order mark would get lost, and other encodings than UTF-8.
pub(super) struct GatewayResponse(pub(super) Response);

impl IntoResponse for GatewayResponse {
    fn into_response(self) -> Pin<Box<dyn Future<Output = http::Response<Body>> + Send>> {
        Box::pin(async move {
            let (mut parts, body) = self.0.into_parts();
            // Bodies are in memory already, so reading one can't fail.
            let bytes = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
            let binary =
                parts.extensions.get().is_some_and(|passed: &UserResponse| passed.is_binary);
            let body = match String::from_utf8(bytes.into()) {
                Ok(text) if text.is_empty() => Body::Empty,
                Ok(text) if !binary => Body::Text(text),
                Ok(text) => Body::Binary(text.into_bytes()),
                Err(bytes) => Body::Binary(bytes.into_bytes()),
            };
            parts.headers = joined(&parts.headers);
            http::Response::from_parts(parts, body)
        })
    }
}

/// The same headers with those joined that come more than once: API Gateway's
/// format has one value for each. Cookies travel apart from them.
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
                // Values and commas are what a value may hold.
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
