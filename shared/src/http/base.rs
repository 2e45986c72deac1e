//! Where the API is that a request came to.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::header::HOST;
use http::request::Parts;

use crate::domain::Function;

/// The API's own URL, as the client spelled it, without a slash at its end:
/// `https://abc.execute-api.ap-northeast-2.amazonaws.com`.
///
/// API Gateway passes on only what was sent to a name of its own.
#[derive(Debug)]
pub struct BaseUrl(pub String);

impl BaseUrl {
    /// `function` with its public URL, if it is deployed.
    ///
    /// The URL is not stored: it would be wrong as soon as the API moves to another name.
    pub fn with_invocation_url(&self, function: Function) -> Function {
        let url = format!("{}/invoke/{}/{}", self.0, function.workspace_id, function.id);
        Function { invocation_url: function.last_deployed.map(|_| url), ..function }
    }
}

impl<S: Sync> FromRequestParts<S> for BaseUrl {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let text = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let scheme = text("x-forwarded-proto").unwrap_or("https");
        let host = text(HOST.as_str()).or(parts.uri.host()).unwrap_or_default();
        Ok(Self(format!("{scheme}://{host}")))
    }
}
