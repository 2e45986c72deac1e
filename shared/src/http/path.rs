//! The path of a request.

use axum::extract::{FromRequestParts, Path as AxumPath};
use http::request::Parts;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
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

/// What may not stand in a path or a query.
const NOT_IN_URI: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// The same, and the sign of what is encoded already.
const NOT_IN_TEXT: &AsciiSet = &NOT_IN_URI.add(b'%');

/// `text` with everything percent-encoded that may not stand in a URI.
///
/// API Gateway decodes paths before it passes them on, so a space or a letter
/// outside ASCII arrives bare, which lambda_http can't make a URI of. What
/// decodes to no text is encoded once more: it is then text, and names nothing.
pub(super) fn encoded(text: &str) -> String {
    let is_text = percent_decode_str(text).decode_utf8().is_ok();
    utf8_percent_encode(text, if is_text { NOT_IN_URI } else { NOT_IN_TEXT }).collect()
}

/// The same of a query, which API Gateway passes on as it came: it is encoded already, and what
/// decodes to no text is its reader's to refuse.
pub(super) fn encoded_query(query: &str) -> String {
    utf8_percent_encode(query, NOT_IN_URI).collect()
}

/// The same of a path.
///
/// lambda_http makes a URL of it, by whose rules a segment of dots leads to another path than the one
/// that the gateway has let through. Encoded once more, it stays a segment, which names nothing.
pub(super) fn encoded_path(path: &str) -> String {
    let segment = |segment: &str| match &*segment.to_ascii_lowercase().replace("%2e", ".") {
        "." | ".." => segment.replace('%', "%25").replace('.', "%252E"),
        _ => segment.to_owned(),
    };
    encoded(path).split('/').map(segment).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Uri;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_becomes_a_path(text in "\\PC{0,50}") {
            let path = format!("/{}", encoded(&text));
            prop_assert!(path.parse::<Uri>().is_ok(), "{}", path);
        }
    }

    #[test]
    fn what_is_encoded_stays_so() {
        assert_eq!(encoded("/api/a%20b"), "/api/a%20b");
        assert_eq!(encoded("/api/a b/한?#"), "/api/a%20b/%ED%95%9C%3F%23");
        assert_eq!(encoded("/api/%FF"), "/api/%25FF");
        assert_eq!(encoded_query("a=%FF&b=%20"), "a=%FF&b=%20");
    }

    #[test]
    fn dots_lead_nowhere() {
        assert_eq!(encoded_path("/a/../b/./c.d/..."), "/a/%252E%252E/b/%252E/c.d/...");
        assert_eq!(encoded_path("/a/%2e%2E/.%2E"), "/a/%252e%252E/%252E%252E");
    }
}
