//! Lists: their query, and the link to what follows.

use axum::Json;
use axum::extract::{FromRequestParts, Query};
use axum::response::{IntoResponse, Response};
use http::header::LINK;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Uri};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use crate::domain::{Limit, Limits, List, Listing, Page};
use crate::error::Error;

/// The query of a list, and the path that it was asked at.
#[derive(Debug)]
pub struct ListQuery {
    path: String,
    parameters: Vec<(String, String)>,
}

impl<S: Send + Sync> FromRequestParts<S> for ListQuery {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let path = parts.uri.path().to_owned();
        Ok(Self { path, parameters: parameters(&parts.uri)? })
    }
}

impl ListQuery {
    /// The `limit` that the query sets, within `limits`.
    ///
    /// # Errors
    /// [`Error::Invalid`] where it is not a whole number in range.
    pub fn limit(&self, limits: Limits) -> Result<Limit, Error> {
        limits.parse(self.parameter("limit"))
    }

    /// The page of `list` that the query asks for.
    ///
    /// # Errors
    /// [`Error::Invalid`] where the cursor is not one that this list gave.
    pub fn page(&self, list: List, limit: Limit) -> Result<Page, Error> {
        Page::new(list, limit, self.parameter("cursor"))
    }

    /// `Link` to the page behind `cursor`, if there is one: this query with another cursor.
    pub fn link(&self, cursor: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(cursor) = cursor {
            let mut query = String::new();
            for (name, value) in self.parameters.iter().filter(|(name, _)| name != "cursor") {
                let encoded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
                query.push_str(&format!("{}={}&", encoded(name), encoded(value)));
            }
            let link = format!("<{}?{query}cursor={cursor}>; rel=\"next\"", self.path);
            // All of it is ASCII that may stand in a URI, so this is always a header.
            headers.extend(HeaderValue::from_str(&link).ok().map(|value| (LINK, value)));
        }
        headers
    }

    /// `listing` as a bare array.
    pub fn array<T: Serialize>(&self, listing: Listing<T>) -> Response {
        (self.link(listing.next.as_deref()), Json(listing.items)).into_response()
    }

    /// A parameter's value, percent-decoded; the first, if it is given more than once.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

fn parameters(uri: &Uri) -> Result<Vec<(String, String)>, Error> {
    Query::try_from_uri(uri)
        .map(|Query(parameters)| parameters)
        .map_err(|_| Error::invalid("the query", "must be name=value pairs in UTF-8"))
}
