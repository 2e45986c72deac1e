//! Parts of `openapi.json` that operations share.
//!
//! Each error is described once. Operations refer to groups of errors:
//! `responses(CreatedResponse<Workspace>, BodyErrors, CommonErrors)`.

use std::collections::BTreeMap;

use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::{
    ContentBuilder, Header, HeaderBuilder, Ref, RefOr, Response, ResponseBuilder,
};
use utoipa::{IntoResponses, ToSchema};

use super::error::ErrorBody;

/// Errors of every route.
#[derive(Debug)]
pub struct CommonErrors;

/// Errors of a route whose path or parent may not exist.
#[derive(Debug)]
pub struct PathErrors;

/// Errors of a route with a JSON body.
#[derive(Debug)]
pub struct BodyErrors;

/// Errors of a route with query parameters.
#[derive(Debug)]
pub struct QueryErrors;

/// Errors of a route with `If-Match`.
#[derive(Debug)]
pub struct VersionErrors;

/// Errors of a route whose caller has an owner: every route below `/api`.
#[derive(Debug)]
pub struct OwnerErrors;

/// Errors of a route that creates something with a quota.
#[derive(Debug)]
pub struct QuotaErrors;

/// Errors of a route whose resource may be in a state that doesn't allow it.
#[derive(Debug)]
pub struct ConflictErrors;

/// Errors of a route with `Idempotency-Key`.
#[derive(Debug)]
pub struct IdempotencyErrors;

/// Errors of a route that invokes a function.
#[derive(Debug)]
pub struct InvocationErrors;

/// Errors of a function's public URL alone.
#[derive(Debug)]
pub struct FunctionUrlErrors;

/// Implements [`IntoResponses`] by references to [`ERRORS`].
macro_rules! errors {
    ($($kind:ident: $($status:literal),+;)+) => {$(
        impl IntoResponses for $kind {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                references(&[$($status),+])
            }
        }
    )+};
}

errors! {
    CommonErrors: 500, 503;
    OwnerErrors: 429;
    PathErrors: 404;
    BodyErrors: 400, 413, 415, 422;
    QueryErrors: 422;
    VersionErrors: 412;
    InvocationErrors: 409, 413, 429;
    FunctionUrlErrors: 401, 405, 504;
    QuotaErrors: 409;
    ConflictErrors: 409;
    IdempotencyErrors: 409, 422;
}

/// The errors of the API: status, name in `openapi.json`, description. The suite `description` adds an
/// example to each and fails where one has none.
const ERRORS: [(u16, &str, &str); 13] = [
    (400, "MalformedJson", "The body is not JSON, not UTF-8, or empty."),
    (401, "Unauthorized", "The function takes only calls with one of its keys."),
    (404, "NotFound", "There is no such resource."),
    (405, "MethodNotAllowed", "The function's URL doesn't take this method."),
    (409, "Conflict", "It doesn't go with the state of the resource; the message says why."),
    (412, "PreconditionFailed", "It was changed since the version that `If-Match` names."),
    (413, "PayloadTooLarge", "The body is too large; the message names the limit and the size."),
    (
        415,
        "UnsupportedMediaType",
        "The body is not what the route takes by its `Content-Type`: JSON, or a form with a file.",
    ),
    (
        422,
        "ValidationError",
        "A field or a parameter breaks a rule, and `details.field` names it; or the body is not an \
         object.",
    ),
    (
        429,
        "TooManyRequests",
        "More than a limit allows at a time; the message and `details.limit` name it. API \
         Gateway's own limits answer with this status too, and a body of their own.",
    ),
    (
        500,
        "InternalError",
        "Something went wrong on our side. From a function's URL also: the function failed, and \
         `details.logId` names its log.",
    ),
    (
        503,
        "ServiceUnavailable",
        "Storage or the engine is busy or not reachable, a function is not deployed yet, or it \
         isn't known what became of a call; the message says which.",
    ),
    (504, "Timeout", "The function ran past its timeout, or past what the gateway waits for."),
];

/// The responses that operations refer to, by name.
pub fn error_responses() -> impl Iterator<Item = (String, Response)> {
    ERRORS.iter().map(|(status, name, description)| {
        let body = ContentBuilder::new().schema(Some(Ref::from_schema_name(ErrorBody::name())));
        let mut response = ResponseBuilder::new()
            .description(*description)
            .content("application/json", body.build());
        if [429, 503].contains(status) {
            let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0));
            let text = "Seconds after which to try again.";
            response = response.header("Retry-After", header(seconds, text));
        }
        if *status == 401 {
            let text = "The header that takes a key.";
            response = response.header("WWW-Authenticate", text_header(text));
        }
        if *status == 504 {
            let text = "Names the log of the execution.";
            response = response.header("X-Execution-Id", text_header(text));
        }
        if *status == 405 {
            response = response.header("Allow", text_header("The methods that it takes."));
        }
        ((*name).to_owned(), response.build())
    })
}

/// A response header whose value is text.
pub(super) fn text_header(description: &str) -> Header {
    header(ObjectBuilder::new().schema_type(Type::String), description)
}

fn header(schema: impl Into<RefOr<Schema>>, description: &str) -> Header {
    HeaderBuilder::new().schema(Some(schema)).description(Some(description)).build()
}

fn references(statuses: &[u16]) -> BTreeMap<String, RefOr<Response>> {
    let of = |status: &u16| ERRORS.iter().find(|(known, ..)| known == status);
    statuses
        .iter()
        .filter_map(of)
        .map(|(status, name, _)| (status.to_string(), Ref::from_response_name(*name).into()))
        .collect()
}
