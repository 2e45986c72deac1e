//! One resource as an answer: as JSON, with an `ETag` of its version and of what is shown of it.

use std::collections::BTreeMap;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::LOCATION;
use serde::Serialize;
use utoipa::openapi::response::Response as Described;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

use super::description::text_header;
use super::etag::tagged;
use super::idempotency::{described_replay, replayed};
use crate::domain::Versioned;

/// 200 with a resource.
#[derive(Debug)]
pub struct WithEtag<T>(pub Versioned<T>);

impl<T: Serialize> IntoResponse for WithEtag<T> {
    fn into_response(self) -> Response {
        let Versioned { value, version } = self.0;
        tagged(Some(version), &value)
    }
}

impl<T: ToSchema> IntoResponses for WithEtag<T> {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        let answer = resource::<T>("As it is now.").build();
        BTreeMap::from([(StatusCode::OK.as_str().to_owned(), answer.into())])
    }
}

/// 201 with a resource that was made.
#[derive(Debug)]
pub struct CreatedResponse<T> {
    /// The path at which it can be read.
    pub location: String,
    /// The resource.
    pub made: Versioned<T>,
    /// Whether an earlier request made it, and this is that one's answer.
    pub is_replayed: bool,
}

impl<T: Serialize> IntoResponse for CreatedResponse<T> {
    fn into_response(self) -> Response {
        let headers = ([(LOCATION, self.location)], replayed(self.is_replayed));
        let mut response = (headers.0, headers.1, WithEtag(self.made)).into_response();
        if response.status().is_success() {
            *response.status_mut() = StatusCode::CREATED;
        }
        response
    }
}

impl<T: ToSchema> IntoResponses for CreatedResponse<T> {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        let location = text_header("The path at which it can be read.");
        let answer = resource::<T>("It was made.")
            .header("Location", location)
            .header("Idempotency-Replayed", described_replay())
            .build();
        BTreeMap::from([(StatusCode::CREATED.as_str().to_owned(), answer.into())])
    }
}

fn resource<T: ToSchema>(description: &str) -> ResponseBuilder {
    let body = ContentBuilder::new().schema(Some(Ref::from_schema_name(T::name())));
    let etag = text_header("For `If-Match` and `If-None-Match`.");
    ResponseBuilder::new()
        .description(description)
        .header("ETag", etag)
        .content("application/json", body.build())
}
