//! The path of a request.

use axum::extract::{FromRequestParts, Path as AxumPath};
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::error::Error;

/// The variables of a route's path, percent-decoded.
///
/// They are plain text here, and become identifiers only after the body was
/// read: a field that breaks a rule is told before a resource that isn't there.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<T, S> FromRequestParts<S> for Path<T>
where
    T: DeserializeOwned + Send,
    S: Send + Sync,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let AxumPath(variables) = AxumPath::from_request_parts(parts, state).await?;
        Ok(Self(variables))
    }
}

/// Percent-encodes what may not stand in a URI.
///
/// API Gateway decodes paths before it passes them on, so a space or a letter
/// outside ASCII arrives bare, which lambda_http can't make a URI of.
pub(super) fn encoded(text: &str) -> String {
    let mut uri = String::with_capacity(text.len());
    for byte in text.bytes() {
        let allowed = byte.is_ascii_graphic() && !b"\"#<>?\\^`{|}".contains(&byte);
        if allowed {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Uri;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_becomes_a_path(text in "\\PC{0,50}") {
            prop_assert!(format!("/{}", encoded(&text)).parse::<Uri>().is_ok());
        }
    }

    #[test]
    fn what_is_encoded_stays_so() {
        assert_eq!(encoded("/api/a%20b"), "/api/a%20b");
        assert_eq!(encoded("/api/a b/한?#"), "/api/a%20b/%ED%95%9C%3F%23");
    }
}
