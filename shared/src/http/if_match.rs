//! `If-Match`: writes that are conditional on a version.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::header::IF_MATCH;
use http::request::Parts;
use utoipa::IntoParams;
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};

use super::etag::version_in;
use crate::domain::Expected;

/// The versions that a request accepts, from its `If-Match`.
#[derive(Debug)]
pub struct IfMatch(pub Expected);

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let mut values = parts.headers.get_all(IF_MATCH).iter().peekable();
        if values.peek().is_none() {
            return Ok(Self(Expected::Any));
        }
        let tags = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
        Ok(Self(expected(tags.map(<[u8]>::trim_ascii))))
    }
}

impl IntoParams for IfMatch {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let text = "The `ETag` that was read: if the resource was changed since, the request is \
                    refused. `*` is any version that is there.";
        let parameter = ParameterBuilder::new()
            .name("If-Match")
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
            .description(Some(text));
        vec![parameter.build()]
    }
}

/// The versions in `tags`. The hash in a tag is ignored: a write cannot overwrite usage or a deployment.
///
/// Foreign and weak tags match nothing.
fn expected<'a>(tags: impl Iterator<Item = &'a [u8]>) -> Expected {
    let mut versions = Vec::new();
    for tag in tags {
        if tag == b"*" {
            return Expected::Any;
        }
        versions.extend(version_in(tag));
    }
    // DynamoDB's `IN` takes up to 100 operands.
    versions.truncate(100);
    Expected::OneOf(versions)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Expected {
        expected(text.split(',').map(|tag| tag.trim().as_bytes()))
    }

    #[test]
    fn if_match_accepts_the_versions_of_its_tags() {
        assert_eq!(parse("\"7-015abd7f5cc57a2d\""), Expected::OneOf(vec![7]));
        assert_eq!(parse("\"7\", \"9\""), Expected::OneOf(vec![7, 9]));
        assert_eq!(parse("*"), Expected::Any);
    }

    #[test]
    fn weak_and_foreign_tags_match_nothing() {
        for foreign in ["W/\"7\"", "7", "\"+7\"", "\"007\"", "\"x\"", "", "\"-1\""] {
            assert_eq!(parse(foreign), Expected::OneOf(vec![]), "{foreign}");
        }
    }
}
