//! Request bodies.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::domain::Fields;
use crate::error::Error;

/// The maximum size of a request body: files of 3,000,000 bytes as base64, and what is around them.
///
/// The largest useful body creates a function: 1 MiB of source is 1.4 MB as base64, and all other
/// fields are below 100 KB, however they are escaped.
pub const MAX_BODY_BYTES: usize = 4_500_000;

impl<S: Sync> FromRequest<S> for Fields {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self, Error> {
        let (parts, body) = request.into_parts();
        Ok(Fields::parse(&json(&parts.headers, body).await?)?)
    }
}

/// Reads a body whose `Content-Type` is JSON.
pub(super) async fn json(headers: &HeaderMap, body: Body) -> Result<Bytes, Error> {
    require_json(headers)?;
    read(body).await
}

/// Accepts `application/json`, `application/*+json` and a missing type.
fn require_json(headers: &HeaderMap) -> Result<(), Error> {
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return Ok(());
    };
    let text = String::from_utf8_lossy(value.as_bytes());
    let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let json = essence == "application/json"
        || essence.strip_prefix("application/").is_some_and(|sub| sub.ends_with("+json"));
    if essence.is_empty() || json {
        return Ok(());
    }
    Err(Error::UnsupportedMediaType { expected: "application/json", found: essence })
}

/// Reads a body of any type.
///
/// # Errors
/// [`Error::PayloadTooLarge`] above [`MAX_BODY_BYTES`].
pub async fn read(body: Body) -> Result<Bytes, Error> {
    use axum::body::HttpBody;
    // A Lambda event contains the whole body, so its size is known before it is read.
    let size = body.size_hint().lower();
    let read = Limited::new(body, MAX_BODY_BYTES).collect().await;
    match read {
        Ok(read) => Ok(read.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Error::PayloadTooLarge {
            limit: MAX_BODY_BYTES,
            size: usize::try_from(size).unwrap_or(usize::MAX),
        }),
        Err(error) => Err(Error::Internal(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn parsed(content_type: Option<&str>, body: impl Into<Body>) -> Result<Fields, Error> {
        let mut request = Request::new(body.into());
        if let Some(value) = content_type {
            request.headers_mut().insert(CONTENT_TYPE, value.parse().unwrap());
        }
        Fields::from_request(request, &()).await
    }

    #[tokio::test]
    async fn only_json_content_types_are_accepted() {
        for accepted in [
            None,
            Some("application/json"),
            Some("Application/JSON; charset=utf-8"),
            Some("application/merge-patch+json"),
            Some(""),
        ] {
            assert!(parsed(accepted, "{}").await.is_ok(), "{accepted:?}");
        }
        for refused in
            ["text/plain", "application/jsonx", "text/json", "multipart/form-data", "*/*"]
        {
            let error = parsed(Some(refused), "{}").await.unwrap_err();
            assert!(matches!(error, Error::UnsupportedMediaType { .. }), "{refused}");
        }
    }

    #[tokio::test]
    async fn an_oversized_body_error_has_limit_and_size() {
        let body = format!("{{\"a\":\"{}\"}}", "a".repeat(MAX_BODY_BYTES));
        let size = body.len();
        match parsed(None, body).await {
            Err(Error::PayloadTooLarge { limit: MAX_BODY_BYTES, size: found }) => {
                assert_eq!(found, size);
            }
            other => panic!("{other:?}"),
        }
        let body = format!("{{\"a\":\"{}\"}}", "a".repeat(MAX_BODY_BYTES - 8));
        assert!(parsed(None, body).await.is_ok());
    }
}
