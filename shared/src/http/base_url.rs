//! The URL of the API, as the client used it.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::header::HOST;
use http::request::Parts;

use crate::domain::{Function, FunctionId, WorkspaceId};

/// The API's base URL without a trailing slash:
/// `https://abc.execute-api.ap-northeast-2.amazonaws.com`.
///
/// It is taken from the request's `Host`. API Gateway forwards only requests for its own host names.
#[derive(Debug)]
pub struct BaseUrl(pub String);

impl BaseUrl {
    /// `function` with its public URL, if it is deployed.
    ///
    /// The URL is not stored: it would be wrong as soon as the API moves to another name.
    pub fn with_invocation_url(&self, function: Function) -> Function {
        let url = self.invocation_url(&function.workspace_id, &function.id);
        Function { invocation_url: function.last_deployed.map(|_| url), ..function }
    }

    /// The public URL of a function.
    pub fn invocation_url(&self, ws: &WorkspaceId, id: &FunctionId) -> String {
        format!("{}/invoke/{ws}/{id}", self.0)
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
