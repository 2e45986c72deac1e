//! The response of lists of logs.

use std::collections::BTreeMap;

use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use serde::Serialize;
use shared::domain::{ExecutionLog, Page};
use shared::http::{ListQuery, described_link_header, json_with_etag};
use utoipa::openapi::response::Response as Described;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

/// A page of logs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Logs {
    #[serde(skip)]
    link: HeaderMap,
    /// The logs, the newest first.
    logs: Vec<ExecutionLog>,
    /// How many of them are in this answer.
    total: usize,
}

impl Logs {
    /// The response to `query`.
    pub(crate) fn new(query: &ListQuery, page: Page<ExecutionLog>) -> Self {
        let link = query.link(page.next.as_deref());
        Self { link, total: page.items.len(), logs: page.items }
    }
}

impl IntoResponse for Logs {
    fn into_response(mut self) -> Response {
        (std::mem::take(&mut self.link), json_with_etag(None, &self)).into_response()
    }
}

impl IntoResponses for Logs {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        let body = ContentBuilder::new().schema(Some(Ref::from_schema_name(Self::name())));
        let response = ResponseBuilder::new()
            .description("The newest first.")
            .header("Link", described_link_header())
            .content("application/json", body.build());
        BTreeMap::from([("200".to_owned(), response.build().into())])
    }
}
