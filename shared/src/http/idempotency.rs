//! `Idempotency-Key`: requests that can be repeated safely.

use axum::extract::{FromRequest, FromRequestParts, Request};
use http::request::Parts;
use http::{HeaderName, HeaderValue};
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Header, Required};

use super::body;
use super::openapi::text_header;
use crate::domain::{
    Fields, Fingerprint, IdempotencyKey, IdempotentRequest, Owner, ValidationError,
};
use crate::error::Error;

/// The request header.
const KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The header of a response to a repeated request.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// A JSON body with the request's `Idempotency-Key`.
#[derive(Debug)]
pub struct IdempotentJson {
    /// The fields of the body.
    pub fields: Fields,
    /// The idempotent request, if there is a key.
    pub idempotency: Option<IdempotentRequest>,
}

impl<S: Send + Sync> FromRequest<S> for IdempotentJson {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let (mut parts, body) = request.into_parts();
        let body = body::json(&parts.headers, body).await?;
        let fields = Fields::parse(&body)?;
        Ok(Self { fields, idempotency: idempotent_request(&mut parts, state, &body).await? })
    }
}

/// The idempotent request with this body, if there is a key.
///
/// # Errors
/// [`Error::Invalid`] where the key is invalid.
pub async fn idempotent_request<S: Sync>(
    parts: &mut Parts,
    state: &S,
    body: &[u8],
) -> Result<Option<IdempotentRequest>, Error> {
    let Some(key) = parts.headers.get(KEY) else { return Ok(None) };
    let key = idempotency_key(key)?;
    let owner = Owner::from_request_parts(parts, state).await?;
    Ok(Some(IdempotentRequest::new(&owner, parts.uri.path(), key, Fingerprint::of(body))))
}

fn idempotency_key(value: &HeaderValue) -> Result<IdempotencyKey, Error> {
    // A value that is not UTF-8 is not ASCII, and is refused like an empty one.
    let text = std::str::from_utf8(value.as_bytes()).unwrap_or_default();
    text.parse().map_err(|refusal: ValidationError| refusal.of("Idempotency-Key").into())
}

/// The header `Idempotency-Replayed`, where the request is a repetition.
pub fn replayed_header(is_replayed: bool) -> Option<[(HeaderName, HeaderValue); 1]> {
    is_replayed.then_some([(REPLAYED, HeaderValue::from_static("true"))])
}

/// The header of [`replayed_header`], for `openapi.json`.
pub(super) fn described_replayed_header() -> Header {
    text_header(
        "`true` where an earlier request with this `Idempotency-Key` did it, and this is its answer.",
    )
}

/// The request header, for `openapi.json`: of a route whose body is not JSON.
#[derive(Debug)]
pub struct IdempotencyParameter;

impl IntoParams for IdempotentJson {
    fn into_params(location: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        IdempotencyParameter::into_params(location)
    }
}

impl IntoParams for IdempotencyParameter {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let text = "Makes it safe to send the request again: for 24 hours, the same key with the \
                    same body gets the answer that was given, and nothing is done twice. It should \
                    be random, a UUID for example.";
        let schema = ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length(Some(1))
            .max_length(Some(IdempotencyKey::MAX_LENGTH))
            .pattern(Some("^[!-~]+$"));
        let parameter = ParameterBuilder::new()
            .name("Idempotency-Key")
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .schema(Some(schema))
            .description(Some(text));
        vec![parameter.build()]
    }
}
