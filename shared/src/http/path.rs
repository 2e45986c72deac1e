//! Paths of requests.

use axum::extract::{FromRequestParts, Path as AxumPath};
use http::request::Parts;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use serde::de::DeserializeOwned;

use crate::error::Error;

/// The parameters of a route's path, percent-decoded.
///
/// They are text here. Handlers parse them as ids after the body, so that an invalid field is reported
/// before a missing resource.
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

/// Characters that a path or query cannot contain.
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

/// The same with the percent sign.
const NOT_IN_TEXT: &AsciiSet = &NOT_IN_URI.add(b'%');

/// Percent-encodes what a URI cannot contain.
///
/// API Gateway decodes paths, so spaces and non-ASCII letters arrive unencoded, and `lambda_http` cannot
/// make a URI of them. Text that decodes to invalid UTF-8 is encoded a second time. It is then valid,
/// and matches no resource.
fn encode(text: &str) -> String {
    let is_text = percent_decode_str(text).decode_utf8().is_ok();
    utf8_percent_encode(text, if is_text { NOT_IN_URI } else { NOT_IN_TEXT }).collect()
}

/// Percent-encodes what a query cannot contain.
///
/// API Gateway does not decode queries. A query that decodes to invalid UTF-8 is rejected by its reader.
pub(super) fn encode_query(query: &str) -> String {
    utf8_percent_encode(query, NOT_IN_URI).collect()
}

/// Percent-encodes what a path cannot contain, and dot segments.
///
/// `lambda_http` parses the path as a URL, which resolves dot segments: the path would no longer be the
/// one that the gateway authorized. An encoded dot segment stays, and matches no resource.
pub(super) fn encode_path(path: &str) -> String {
    let segment = |segment: &str| match &*segment.to_ascii_lowercase().replace("%2e", ".") {
        "." | ".." => segment.replace('%', "%25").replace('.', "%252E"),
        _ => segment.to_owned(),
    };
    encode(path).split('/').map(segment).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Uri;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_encodes_to_a_valid_path(text in "\\PC{0,50}") {
            let path = format!("/{}", encode(&text));
            prop_assert!(path.parse::<Uri>().is_ok(), "{}", path);
        }
    }

    #[test]
    fn encoded_characters_are_not_encoded_again() {
        assert_eq!(encode("/api/a%20b"), "/api/a%20b");
        assert_eq!(encode("/api/a b/한?#"), "/api/a%20b/%ED%95%9C%3F%23");
        assert_eq!(encode("/api/%FF"), "/api/%25FF");
        assert_eq!(encode_query("a=%FF&b=%20"), "a=%FF&b=%20");
    }

    #[test]
    fn dot_segments_are_encoded() {
        assert_eq!(encode_path("/a/../b/./c.d/..."), "/a/%252E%252E/b/%252E/c.d/...");
        assert_eq!(encode_path("/a/%2e%2E/.%2E"), "/a/%252e%252E/%252E%252E");
    }
}
