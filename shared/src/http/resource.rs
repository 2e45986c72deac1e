//! One resource as an answer: as JSON, with its version as `ETag`.

use std::collections::BTreeMap;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{ETAG, LOCATION};
use serde::Serialize;
use utoipa::openapi::response::Response as Described;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

use super::description::text_header;
use crate::domain::Versioned;

/// 200 with a resource.
#[derive(Debug)]
pub struct Tagged<T>(pub Versioned<T>);

impl<T: Serialize> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        let Versioned { value, version } = self.0;
        ([(ETAG, format!("\"{version}\""))], Json(value)).into_response()
    }
}

impl<T: ToSchema> IntoResponses for Tagged<T> {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        let answer = resource::<T>("As it is now.").build();
        BTreeMap::from([(StatusCode::OK.as_str().to_owned(), answer.into())])
    }
}

/// 201 with a resource that was made.
#[derive(Debug)]
pub struct Created<T> {
    /// The path at which it can be read.
    pub location: String,
    /// The resource.
    pub made: Versioned<T>,
}

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        (StatusCode::CREATED, [(LOCATION, self.location)], Tagged(self.made)).into_response()
    }
}

impl<T: ToSchema> IntoResponses for Created<T> {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        let location = text_header("The path at which it can be read.");
        let answer = resource::<T>("It was made.").header("Location", location).build();
        BTreeMap::from([(StatusCode::CREATED.as_str().to_owned(), answer.into())])
    }
}

fn resource<T: ToSchema>(description: &str) -> ResponseBuilder {
    let body = ContentBuilder::new().schema(Some(Ref::from_schema_name(T::name())));
    let etag = text_header("Its version, for `If-Match`.");
    ResponseBuilder::new()
        .description(description)
        .header("ETag", etag)
        .content("application/json", body.build())
}
