//! A page of logs, and what a client may ask of it.

use std::collections::BTreeMap;

use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use serde::Serialize;
use shared::domain::{ExecutionLog, ExecutionStatus, Level, Limits, Page, Timestamp};
use shared::http::{ListQuery, described_link, parameters_of_list, tagged};
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::response::Response as Described;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};
use utoipa::{IntoParams, IntoResponses, ToSchema};

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
    /// The answer to `query`.
    pub(crate) fn page(query: &ListQuery, found: Page<ExecutionLog>) -> Self {
        let link = query.link(found.next.as_deref());
        Self { link, total: found.items.len(), logs: found.items }
    }
}

impl IntoResponse for Logs {
    fn into_response(mut self) -> Response {
        (std::mem::take(&mut self.link), tagged(None, &self)).into_response()
    }
}

impl IntoResponses for Logs {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        let body = ContentBuilder::new().schema(Some(Ref::from_schema_name(Self::name())));
        let answer = ResponseBuilder::new()
            .description("The newest first.")
            .header("Link", described_link())
            .content("application/json", body.build());
        BTreeMap::from([("200".to_owned(), answer.build().into())])
    }
}

/// How many logs of a function are asked for.
pub(crate) struct OfFunction;

impl IntoParams for OfFunction {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        parameters_of_list(Limits::FUNCTION_LOGS)
    }
}

/// How many logs of a workspace are asked for.
pub(crate) struct OfWorkspace;

impl IntoParams for OfWorkspace {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        parameters_of_list(Limits::WORKSPACE_LOGS)
    }
}

/// Which logs are asked for: what [`shared::domain::LogFilter`] reads.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes the parameters and holds none")]
pub(crate) struct Filter {
    /// Only those that ended so.
    #[param(nullable = false)]
    status: Option<ExecutionStatus>,
    /// Only those of this level.
    #[param(nullable = false)]
    level: Option<Level>,
    /// Only those that began then or later.
    #[param(nullable = false)]
    since: Option<Timestamp>,
    /// Only those that began before.
    #[param(nullable = false)]
    until: Option<Timestamp>,
    /// Only those with this text in a printed line; upper and lower case are the same.
    #[param(nullable = false)]
    q: Option<String>,
}
