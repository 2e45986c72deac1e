//! HTTP: extractors, responses, and the middleware around a router.

mod base_url;
mod body;
pub mod cors;
mod error;
mod etag;
mod gateway_response;
mod idempotency;
mod if_match;
mod if_none_match;
mod lambda;
mod list;
mod middleware;
mod openapi;
mod owner;
mod path;
mod request_metrics;
mod resource_response;
mod response_size;

pub use base_url::BaseUrl;
pub use body::{MAX_BODY_BYTES, read as read_body};
pub use error::{ErrorBody, status_of};
pub use etag::json_with_etag;
pub use gateway_response::UserResponse;
pub use idempotency::{IdempotencyParameter, IdempotentJson, idempotent_request, replayed_header};
pub use if_match::IfMatch;
pub use if_none_match::{IfNoneMatch, NotModified};
pub use lambda::{lambda, serve};
pub use list::{ListQuery, ListResponse, described_link_header, list_parameters, log_filter};
pub use middleware::RequestStart;
pub use openapi::{
    BodyErrors, CommonErrors, ConflictErrors, FunctionUrlErrors, IdempotencyErrors,
    InvocationErrors, OwnerErrors, PathErrors, QueryErrors, QuotaErrors, VersionErrors,
    error_responses,
};
pub use path::Path;
pub use resource_response::{CreatedResponse, WithEtag};
pub use response_size::{RESPONSE_CAPACITY, fits_into_response};
