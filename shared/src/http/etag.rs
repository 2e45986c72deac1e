//! What an answer shows, told in a few characters: `ETag`, and `If-None-Match` for whoever has it.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Required, Response as Described, ResponseBuilder};
use utoipa::{IntoParams, IntoResponses};

use super::description::text_header;
use crate::error::Error;

/// Clients may keep an answer, and ask each time whether it still holds.
const KEEP_AND_ASK: HeaderValue = HeaderValue::from_static("private, no-cache");

/// 200 with `value` as JSON and a tag: its version, if it has one, and 64 bits of a SHA-256 of what
/// is shown of it. Usage and deployments change what is shown and not the version, so that they
/// keep nobody from writing.
pub fn tagged(version: Option<u64>, value: &impl Serialize) -> Response {
    let body = match serde_json::to_vec(value) {
        Ok(body) => body,
        Err(error) => return Error::internal(error).into_response(),
    };
    let digest = Sha256::digest(&body);
    let shown = hex::encode(&digest[..8]);
    let tag = match version {
        Some(version) => format!("\"{version}-{shown}\""),
        None => format!("\"{shown}\""),
    };
    let kind = HeaderValue::from_static("application/json");
    let mut response =
        ([(CONTENT_TYPE, kind), (CACHE_CONTROL, KEEP_AND_ASK)], body).into_response();
    // A tag is ASCII without control characters.
    response.headers_mut().extend(HeaderValue::from_str(&tag).ok().map(|tag| (ETAG, tag)));
    response
}

/// The version in a tag that [`tagged`] gave, or an earlier release, whose tags were versions only.
pub(super) fn version_in(tag: &[u8]) -> Option<u64> {
    let inner = tag.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    let mut parts = inner.split(|byte| *byte == b'-');
    let digits = parts.next()?;
    // What else is shown doesn't matter here, but only a tag of ours has it.
    let is_hash = |hash: &[u8]| hash.len() == 16 && hash.iter().all(u8::is_ascii_hexdigit);
    if !parts.next().is_none_or(is_hash) || parts.next().is_some() {
        return None;
    }
    let version = std::str::from_utf8(digits).ok()?.parse::<u64>().ok()?;
    // "+7" and "007" are numbers as well, and no tags of ours.
    (version.to_string().as_bytes() == digits).then_some(version)
}

/// Makes 304 of what the client has, by its `If-None-Match`.
pub(super) fn leave_out_known(method: &Method, request: &HeaderMap, response: &mut Response) {
    let reads = method == Method::GET || method == Method::HEAD;
    let Some(tag) = response.headers().get(ETAG).filter(|_| reads) else { return };
    if response.status() != StatusCode::OK {
        return;
    }
    let known = request
        .get_all(IF_NONE_MATCH)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii));
    let is = |known: &[u8]| {
        known == b"*" || known.strip_prefix(b"W/").unwrap_or(known) == tag.as_bytes()
    };
    if known.into_iter().any(is) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = Body::empty();
        response.headers_mut().remove(CONTENT_TYPE);
        response.headers_mut().remove(CONTENT_LENGTH);
    }
}

/// What a read looks at, for the API's description.
#[derive(Debug)]
pub struct IfNoneMatch;

impl IntoParams for IfNoneMatch {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let text = "The `ETag` of an answer that the client has: if it still holds, the answer is \
                    304 and has no body.";
        let parameter = ParameterBuilder::new()
            .name("If-None-Match")
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
            .description(Some(text));
        vec![parameter.build()]
    }
}

/// What a read answers to whoever has it, for the API's description.
#[derive(Debug)]
pub struct Unchanged;

impl IntoResponses for Unchanged {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        let answer = ResponseBuilder::new()
            .description("What `If-None-Match` names still holds.")
            .header("ETag", text_header("The same tag."));
        BTreeMap::from([("304".to_owned(), answer.build().into())])
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn status(method: Method, known: &'static str) -> StatusCode {
        let mut response = tagged(Some(7), &json!({"a": 1}));
        let request = HeaderMap::from_iter([(IF_NONE_MATCH, HeaderValue::from_static(known))]);
        leave_out_known(&method, &request, &mut response);
        response.status()
    }

    #[test]
    fn whoever_has_an_answer_gets_no_second_one() {
        let response = tagged(Some(7), &json!({"a": 1}));
        assert_eq!(response.headers()[ETAG], "\"7-015abd7f5cc57a2d\"");
        for known in [
            "\"7-015abd7f5cc57a2d\"",
            "W/\"7-015abd7f5cc57a2d\"",
            "*",
            "\"x\", \"7-015abd7f5cc57a2d\"",
        ] {
            assert_eq!(status(Method::GET, known), StatusCode::NOT_MODIFIED, "{known}");
            assert_eq!(status(Method::HEAD, known), StatusCode::NOT_MODIFIED, "{known}");
            assert_eq!(status(Method::PATCH, known), StatusCode::OK, "{known}");
        }
        for other in ["\"7\"", "\"8-015abd7f5cc57a2d\"", "7-015abd7f5cc57a2d", ""] {
            assert_eq!(status(Method::GET, other), StatusCode::OK, "{other}");
        }
    }

    #[test]
    fn a_tag_changes_with_what_is_shown() {
        let tag = |version, value| tagged(version, &value).headers()[ETAG].clone();
        assert_eq!(tag(None, json!([1])), tag(None, json!([1])));
        assert_ne!(tag(None, json!([1])), tag(None, json!([2])));
        assert_ne!(tag(Some(1), json!([1])), tag(Some(2), json!([1])));
    }

    #[test]
    fn a_version_is_read_out_of_tags_of_ours_only() {
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
