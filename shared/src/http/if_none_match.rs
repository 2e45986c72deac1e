//! `If-None-Match`: 304 instead of a response that the client has cached.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::response::Response;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, Method, StatusCode};
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Required, Response as Described, ResponseBuilder};
use utoipa::{IntoParams, IntoResponses};

use super::openapi::text_header;

/// Turns a 200 into a 304 if the request's `If-None-Match` has its `ETag`.
pub(super) fn apply(method: &Method, request: &HeaderMap, response: &mut Response) {
    let is_read = method == Method::GET || method == Method::HEAD;
    let Some(current) = response.headers().get(ETAG).filter(|_| is_read) else { return };
    if response.status() != StatusCode::OK {
        return;
    }
    let mut tags = request
        .get_all(IF_NONE_MATCH)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii));
    let matches =
        |tag: &[u8]| tag == b"*" || tag.strip_prefix(b"W/").unwrap_or(tag) == current.as_bytes();
    if tags.any(matches) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = Body::empty();
        response.headers_mut().remove(CONTENT_TYPE);
        response.headers_mut().remove(CONTENT_LENGTH);
    }
}

/// The request header, for `openapi.json`.
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

/// The response 304, for `openapi.json`.
#[derive(Debug)]
pub struct NotModified;

impl IntoResponses for NotModified {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        let response = ResponseBuilder::new()
            .description("What `If-None-Match` names still holds.")
            .header("ETag", text_header("The same tag."));
        BTreeMap::from([("304".to_owned(), response.build().into())])
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use serde_json::json;

    use super::*;
    use crate::http::etag::json_with_etag;

    fn status(method: Method, known: &'static str) -> StatusCode {
        let mut response = json_with_etag(Some(7), &json!({"a": 1}));
        let request = HeaderMap::from_iter([(IF_NONE_MATCH, HeaderValue::from_static(known))]);
        apply(&method, &request, &mut response);
        response.status()
    }

    #[test]
    fn if_none_match_with_the_current_etag_returns_304_to_reads() {
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
    }

    #[test]
    fn if_none_match_with_other_tags_returns_200() {
        for other in ["\"7\"", "\"8-015abd7f5cc57a2d\"", "7-015abd7f5cc57a2d", ""] {
            assert_eq!(status(Method::GET, other), StatusCode::OK, "{other}");
        }
    }
}
