//! Lists: query parameters, and the link to the next page.

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

use super::etag::json_with_etag;
use super::openapi::text_header;
use super::response_size::RESPONSE_CAPACITY;
use crate::domain::{
    Limit, Limits, List, LogFilter, Page, PageRequest, Timestamp, ValidationError,
};
use crate::error::Error;

/// Characters that are encoded in names and values of a query: all but RFC 3986's unreserved ones.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A list's query parameters and path.
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
    /// The parameter `limit`, within `limits`.
    ///
    /// # Errors
    /// [`Error::Invalid`] where it is not a whole number in range.
    pub fn limit(&self, limits: Limits) -> Result<Limit, Error> {
        limits.parse(self.parameter("limit")).map_err(|refusal| refusal.of("limit").into())
    }

    /// The requested page of `list`.
    ///
    /// # Errors
    /// [`Error::Invalid`] where the cursor is not one of this list.
    pub fn page(&self, list: List, limit: Limit) -> Result<PageRequest, Error> {
        Ok(PageRequest::new(list, limit, RESPONSE_CAPACITY, self.parameter("cursor"))?)
    }

    /// The requested filter of executions.
    ///
    /// # Errors
    /// [`Error::Invalid`] where a parameter is invalid.
    pub fn log_filter(&self) -> Result<LogFilter, Error> {
        log_filter(|name| self.parameter(name))
    }

    /// The header `Link` to the next page: the same query with `cursor`.
    pub fn link(&self, cursor: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(cursor) = cursor {
            let mut query = String::new();
            for (name, value) in self.parameters.iter().filter(|(name, _)| name != "cursor") {
                let encoded = |text| utf8_percent_encode(text, RESERVED).to_string();
                query.push_str(&format!("{}={}&", encoded(name), encoded(value)));
            }
            let link = format!("<{}?{query}cursor={cursor}>; rel=\"next\"", self.path);
            // The link is printable ASCII, so it is a valid header.
            headers.extend(HeaderValue::from_str(&link).ok().map(|value| (LINK, value)));
        }
        headers
    }

    /// A response with the items of `page`.
    pub fn respond<T>(&self, page: Page<T>) -> ListResponse<T> {
        ListResponse { link: self.link(page.next.as_deref()), items: page.items }
    }

    /// A parameter's value, percent-decoded. Of several values, the first counts.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

impl IntoParams for ListQuery {
    /// The parameters of workspaces and functions. Lists of logs have other limits.
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        list_parameters(Limits::RESOURCES)
    }
}

/// 200 with a page of a list as a JSON array.
#[derive(Debug)]
pub struct ListResponse<T> {
    link: HeaderMap,
    items: Vec<T>,
}

impl<T: Serialize> IntoResponse for ListResponse<T> {
    fn into_response(self) -> Response {
        (self.link, json_with_etag(None, &self.items)).into_response()
    }
}

impl<T: ToSchema> IntoResponses for ListResponse<T> {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        let items = ArrayBuilder::new().items(Ref::from_schema_name(T::name()));
        let response = ResponseBuilder::new()
            .description("In the order in which they were made.")
            .header("Link", described_link_header())
            .header("ETag", text_header("For `If-None-Match`."))
            .content("application/json", ContentBuilder::new().schema(Some(items)).build());
        BTreeMap::from([(StatusCode::OK.as_str().to_owned(), response.build().into())])
    }
}

/// The filter of executions in the parameters that `get` gives.
///
/// # Errors
/// [`Error::Invalid`] where a parameter is invalid.
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

/// The header of [`ListQuery::link`], for `openapi.json`.
pub fn described_link_header() -> Header {
    text_header("Where more follows: `<path?query>; rel=\"next\"`, to be followed as it is.")
}

/// The query parameters of a list, for `openapi.json`.
pub fn list_parameters(limits: Limits) -> Vec<Parameter> {
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
