//! Which version of a resource a request means: `If-Match`.

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

/// Which versions the request is willing to change, from its `If-Match`.
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

/// A tag that we never gave, a weak one included, matches nothing. Of one of ours only the version
/// counts: what else changed since is nothing that a write could overwrite.
fn expected<'a>(tags: impl Iterator<Item = &'a [u8]>) -> Expected {
    let mut versions = Vec::new();
    for tag in tags {
        if tag == b"*" {
            return Expected::Any;
        }
        versions.extend(version_in(tag));
    }
    // DynamoDB compares with up to 100; nobody has read more than a few.
    versions.truncate(100);
    Expected::OneOf(versions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_versions_and_others_match_nothing() {
        let of = |text: &'static str| expected(text.split(',').map(|t| t.trim().as_bytes()));
        assert_eq!(of("\"7-015abd7f5cc57a2d\""), Expected::OneOf(vec![7]));
        assert_eq!(of("\"7\", \"9\""), Expected::OneOf(vec![7, 9]));
        assert_eq!(of("*"), Expected::Any);
        for none in ["W/\"7\"", "7", "\"+7\"", "\"007\"", "\"x\"", "", "\"-1\""] {
            assert_eq!(of(none), Expected::OneOf(vec![]), "{none}");
        }
    }
}
