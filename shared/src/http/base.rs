//! Where the API is that a request came to.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::header::HOST;
use http::request::Parts;

/// The API's own URL, as the client spelled it, without a slash at its end:
/// `https://abc.execute-api.ap-northeast-2.amazonaws.com`.
///
/// API Gateway passes on only what was sent to a name of its own.
#[derive(Debug)]
pub struct BaseUrl(pub String);

impl<S: Sync> FromRequestParts<S> for BaseUrl {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let text = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let scheme = text("x-forwarded-proto").unwrap_or("https");
        let host = text(HOST.as_str()).or(parts.uri.host()).unwrap_or_default();
        Ok(Self(format!("{scheme}://{host}")))
    }
}
