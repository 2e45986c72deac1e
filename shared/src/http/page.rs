//! Lists: their query, and the link to what follows.

use std::collections::BTreeMap;
use std::str::FromStr;

use axum::extract::{FromRequestParts, Query};
use axum::response::{IntoResponse, Response};
use http::header::LINK;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::response::Response as Described;
use utoipa::openapi::schema::{ArrayBuilder, Object, ObjectBuilder, Type};
use utoipa::openapi::{ContentBuilder, Header, Ref, RefOr, Required, ResponseBuilder};
use utoipa::{IntoParams, IntoResponses, ToSchema};

use super::description::text_header;
use super::etag::tagged;
use super::size::RESPONSE_CAPACITY;
use crate::domain::{
    Limit, Limits, List, LogFilter, Page, PageRequest, Timestamp, ValidationError,
};
use crate::error::Error;

/// What must be encoded in a name or a value of a query.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

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
        limits.parse(self.parameter("limit")).map_err(|refusal| refusal.of("limit").into())
    }

    /// The page of `list` that the query asks for.
    ///
    /// # Errors
    /// [`Error::Invalid`] where the cursor is not one that this list gave.
    pub fn page(&self, list: List, limit: Limit) -> Result<PageRequest, Error> {
        Ok(PageRequest::new(list, limit, RESPONSE_CAPACITY, self.parameter("cursor"))?)
    }

    /// The filter of executions that the query describes.
    ///
    /// # Errors
    /// [`Error::Invalid`] where a parameter can't be understood.
    pub fn log_filter(&self) -> Result<LogFilter, Error> {
        log_filter(|name| self.parameter(name))
    }

    /// `Link` to the page behind `cursor`, if there is one: this query with another cursor.
    pub fn link(&self, cursor: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(cursor) = cursor {
            let mut query = String::new();
            for (name, value) in self.parameters.iter().filter(|(name, _)| name != "cursor") {
                let encoded = |text| utf8_percent_encode(text, RESERVED).to_string();
                query.push_str(&format!("{}={}&", encoded(name), encoded(value)));
            }
            let link = format!("<{}?{query}cursor={cursor}>; rel=\"next\"", self.path);
            // All of it is ASCII that may stand in a URI, so this is always a header.
            headers.extend(HeaderValue::from_str(&link).ok().map(|value| (LINK, value)));
        }
        headers
    }

    /// `listing` as a bare array.
    pub fn array<T>(&self, listing: Page<T>) -> Array<T> {
        Array { link: self.link(listing.next.as_deref()), items: listing.items }
    }

    /// A parameter's value, percent-decoded; the first, if it is given more than once.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

impl IntoParams for ListQuery {
    /// Those of workspaces and functions; logs have limits of their own.
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        parameters_of_list(Limits::RESOURCES)
    }
}

/// 200 with a page of a list as a bare array.
#[derive(Debug)]
pub struct Array<T> {
    link: HeaderMap,
    items: Vec<T>,
}

impl<T: Serialize> IntoResponse for Array<T> {
    fn into_response(self) -> Response {
        (self.link, tagged(None, &self.items)).into_response()
    }
}

impl<T: ToSchema> IntoResponses for Array<T> {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        let items = ArrayBuilder::new().items(Ref::from_schema_name(T::name()));
        let answer = ResponseBuilder::new()
            .description("In the order in which they were made.")
            .header("Link", described_link())
            .header("ETag", text_header("For `If-None-Match`."))
            .content("application/json", ContentBuilder::new().schema(Some(items)).build());
        BTreeMap::from([(StatusCode::OK.as_str().to_owned(), answer.build().into())])
    }
}

/// The filter of executions in the parameters that `get` gives.
///
/// # Errors
/// [`Error::Invalid`] where a parameter can't be understood.
pub fn log_filter<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Result<LogFilter, Error> {
    let mut filter = LogFilter::default().with_text(get("q").unwrap_or_default());
    filter.status = parsed("status", get("status"))?;
    filter.level = parsed("level", get("level"))?;
    filter.since = time("since", get("since"))?;
    filter.until = time("until", get("until"))?;
    Ok(filter)
}

fn parsed<T>(name: &str, text: Option<&str>) -> Result<Option<T>, Error>
where
    T: FromStr<Err = ValidationError>,
{
    text.map(|text| text.parse().map_err(|refusal: ValidationError| refusal.of(name).into()))
        .transpose()
}

fn time(name: &str, text: Option<&str>) -> Result<Option<Timestamp>, Error> {
    let Some(text) = text else { return Ok(None) };
    text.parse().map(Some).map_err(|ValidationError(reason)| {
        Error::invalid(name, format!("{reason}; in a URL, write + as %2B"))
    })
}

/// The header that [`ListQuery::link`] makes, for the API's description.
pub fn described_link() -> Header {
    text_header("Where more follows: `<path?query>; rel=\"next\"`, to be followed as it is.")
}

/// The query parameters of a list with these limits, for the API's description.
pub fn parameters_of_list(limits: Limits) -> Vec<Parameter> {
    let limit = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(1))
        .maximum(Some(limits.max()))
        .default(limits.default().map(Into::into));
    let cursor = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[A-Za-z0-9_-]+$"));
    vec![
        parameter("limit", limit.build(), "The most items that the answer may hold."),
        parameter("cursor", cursor.build(), "Where to go on: from the `Link` of the page before."),
    ]
}

fn parameter(name: &str, schema: Object, description: &str) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .schema(Some(schema))
        .description(Some(description))
        .build()
}

fn parameters(uri: &Uri) -> Result<Vec<(String, String)>, Error> {
    Query::try_from_uri(uri)
        .map(|Query(parameters)| parameters)
        .map_err(|_| Error::invalid("the query", "must be name=value pairs in UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ExecutionStatus;

    fn filter(query: &[(&'static str, &'static str)]) -> Result<LogFilter, String> {
        let get = |name: &str| query.iter().find(|(n, _)| *n == name).map(|(_, value)| *value);
        log_filter(get).map_err(|error| error.to_string())
    }

    #[test]
    fn a_filter_is_read_from_the_query() {
        assert_eq!(filter(&[]), Ok(LogFilter::default()));
        assert_eq!(filter(&[("q", "")]), Ok(LogFilter::default()));
        let read = filter(&[("status", "error"), ("since", "2026-01-31T18:05:00+09:00")]).unwrap();
        assert_eq!(read.status, Some(ExecutionStatus::Error));
        assert_eq!(read.since, "2026-01-31T09:05:00Z".parse().ok());
    }

    #[test]
    fn a_parameter_that_is_refused_is_named() {
        assert_eq!(
            filter(&[("status", "failed")]),
            Err("status must be one of success, error".into())
        );
        assert_eq!(filter(&[("level", "")]), Err("level must be one of info, warn, error".into()));
        for (name, text) in
            [("since", "yesterday"), ("until", ""), ("since", "2026-01-31 18:05:00 09:00")]
        {
            let reason = "must be an RFC 3339 time, such as 2026-01-31T09:05:00Z; in a URL, write \
                          + as %2B";
            assert_eq!(filter(&[(name, text)]), Err(format!("{name} {reason}")));
        }
    }
}
