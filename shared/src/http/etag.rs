//! Entity tags of JSON responses.

use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::error::Error;

/// Clients may cache a response, and must revalidate it before each use.
const REVALIDATE: HeaderValue = HeaderValue::from_static("private, no-cache");

/// 200 with `value` as JSON and an `ETag`.
///
/// The tag consists of the version, if there is one, and 64 bits of the body's SHA-256. Usage and
/// deployments change the body, but not the version, so they cannot fail a conditional write.
pub fn json_with_etag(version: Option<u64>, value: &impl Serialize) -> Response {
    let body = match serde_json::to_vec(value) {
        Ok(body) => body,
        Err(error) => return Error::internal(error).into_response(),
    };
    let digest = Sha256::digest(&body);
    let hash = hex::encode(&digest[..8]);
    let tag = match version {
        Some(version) => format!("\"{version}-{hash}\""),
        None => format!("\"{hash}\""),
    };
    let json = HeaderValue::from_static("application/json");
    let mut response = ([(CONTENT_TYPE, json), (CACHE_CONTROL, REVALIDATE)], body).into_response();
    // A tag is ASCII without control characters, so it is a valid header.
    response.headers_mut().extend(HeaderValue::from_str(&tag).ok().map(|tag| (ETAG, tag)));
    response
}

/// The version in a tag of [`json_with_etag`], or of an earlier release, whose tags were the version alone.
pub(super) fn version_in(tag: &[u8]) -> Option<u64> {
    let inner = tag.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    let mut parts = inner.split(|byte| *byte == b'-');
    let digits = parts.next()?;
    // The hash is not compared, but a tag of another form is not one of this API.
    let is_hash = |hash: &[u8]| hash.len() == 16 && hash.iter().all(u8::is_ascii_hexdigit);
    if !parts.next().is_none_or(is_hash) || parts.next().is_some() {
        return None;
    }
    let version = std::str::from_utf8(digits).ok()?.parse::<u64>().ok()?;
    // "+7" and "007" parse as numbers too.
    (version.to_string().as_bytes() == digits).then_some(version)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_etag_depends_on_version_and_body() {
        let tag = |version, value| json_with_etag(version, &value).headers()[ETAG].clone();
        assert_eq!(tag(Some(7), json!({"a": 1})), "\"7-015abd7f5cc57a2d\"");
        assert_eq!(tag(None, json!([1])), tag(None, json!([1])));
        assert_ne!(tag(None, json!([1])), tag(None, json!([2])));
        assert_ne!(tag(Some(1), json!([1])), tag(Some(2), json!([1])));
    }

    #[test]
    fn version_in_reads_tags_of_this_api_only() {
        for (tag, version) in [("\"7\"", Some(7)), ("\"7-015abd7f5cc57a2d\"", Some(7))] {
            assert_eq!(version_in(tag.as_bytes()), version, "{tag}");
        }
        for none in [
            "W/\"7\"",
            "7",
            "\"+7\"",
            "\"007\"",
            "\"x\"",
            "",
            "\"-1\"",
            "\"7-\"",
            "\"7-x\"",
            "\"7-015abd7f5cc57a2d-\"",
            "\"015abd7f5cc57a2d\"",
        ] {
            assert_eq!(version_in(none.as_bytes()), None, "{none}");
        }
    }
}
