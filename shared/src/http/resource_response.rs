//! Responses with one resource: JSON with an `ETag`.

use std::collections::BTreeMap;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::LOCATION;
use serde::Serialize;
use utoipa::openapi::response::Response as Described;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

use super::etag::json_with_etag;
use super::idempotency::{described_replayed_header, replayed_header};
use super::openapi::text_header;
use crate::domain::Versioned;

/// 200 with a resource.
#[derive(Debug)]
pub struct WithEtag<T>(pub Versioned<T>);

impl<T: Serialize> IntoResponse for WithEtag<T> {
    fn into_response(self) -> Response {
        let Versioned { value, version } = self.0;
        json_with_etag(Some(version), &value)
    }
}

impl<T: ToSchema> IntoResponses for WithEtag<T> {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        let response = resource::<T>("As it is now.").build();
        BTreeMap::from([(StatusCode::OK.as_str().to_owned(), response.into())])
    }
}

/// 201 with a created resource.
#[derive(Debug)]
pub struct CreatedResponse<T> {
    /// The resource's path.
    pub location: String,
    /// The resource.
    pub resource: Versioned<T>,
    /// Whether an earlier request with the same `Idempotency-Key` created it.
    pub is_replayed: bool,
}

impl<T: Serialize> IntoResponse for CreatedResponse<T> {
    fn into_response(self) -> Response {
        let location = [(LOCATION, self.location)];
        let replayed = replayed_header(self.is_replayed);
        let mut response = (location, replayed, WithEtag(self.resource)).into_response();
        if response.status().is_success() {
            *response.status_mut() = StatusCode::CREATED;
        }
        response
    }
}

impl<T: ToSchema> IntoResponses for CreatedResponse<T> {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        let location = text_header("The path at which it can be read.");
        let response = resource::<T>("It was made.")
            .header("Location", location)
            .header("Idempotency-Replayed", described_replayed_header())
            .build();
        BTreeMap::from([(StatusCode::CREATED.as_str().to_owned(), response.into())])
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
