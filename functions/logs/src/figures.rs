//! What a function's page in the console shows of its logs, without naming the workspace.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use shared::domain::{
    FunctionId, Limits, List, LogFilter, LogLine, Owner, PageRequest, ProcessorTimePoint,
};
use shared::error::Error;
use shared::http::{
    CommonErrors, IfNoneMatch, ListQuery, NotModified, OwnerErrors, Path, PathErrors, QueryErrors,
    RESPONSE_CAPACITY, json_with_etag,
};
use shared::store::Store;
use utoipa::ToSchema;

use crate::parameters::LineParameters;

/// The lines that a function printed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LogLines {
    /// The lines, the newest first.
    logs: Vec<LogLine>,
    /// How many of them are in this answer.
    total: usize,
    /// The function.
    function_id: FunctionId,
}

/// The processor time of a function.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Metrics {
    /// Always `success`.
    status: &'static str,
    /// The function.
    function_id: FunctionId,
    /// The figures.
    data: MetricsData,
}

/// The processor time of a function over the last hour.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MetricsData {
    /// The value of the last full minute; null where no execution of the hour told its processor
    /// time.
    #[schema(required, minimum = 0)]
    cpu_total: Option<f64>,
    /// A point for each of the last 60 full minutes, the oldest first. Where more executions were
    /// there than one answer reads, the oldest minutes have no point.
    cpu_series: Vec<ProcessorTimePoint>,
    /// Always 3600.
    window_seconds: u32,
    /// Always empty: there is no query language behind it.
    instant_query: &'static str,
    /// Always empty.
    range_query: &'static str,
}

/// List the lines that a function printed
///
/// The newest first, as many as `limit` and one answer allow. The lines of an execution have its time.
#[utoipa::path(
    get, path = "/api/functions/{functionId}/loki-logs", operation_id = "listLogLines",
    tag = "Logs",
    params(("functionId" = FunctionId, Path), LineParameters, IfNoneMatch),
    responses(
        (status = 200, body = LogLines, description = "The newest first.",
            headers(("ETag" = String, description = "For `If-None-Match`."))),
        NotModified, PathErrors, QueryErrors, OwnerErrors, CommonErrors,
    ),
)]
pub(crate) async fn lines(
    State(store): State<Store>,
    owner: Owner,
    Path(function): Path<String>,
    query: ListQuery,
) -> Result<Response, Error> {
    let limit = query.limit(Limits::FUNCTION_LOGS)?;
    let id = function.parse::<FunctionId>()?;
    let list = List::FunctionLogs(id.clone(), LogFilter::default());
    let page = PageRequest::new(list, limit, RESPONSE_CAPACITY, None)?;
    let logs = store.latest_lines(&owner, &id, &page).await?;
    Ok(json_with_etag(None, &LogLines { total: logs.len(), logs, function_id: id }))
}

/// Read the processor time of a function
///
/// Seconds of processor time for each second, minute by minute over the last hour. That of an
/// execution is spread evenly over the time that it took.
#[utoipa::path(
    get, path = "/api/functions/{functionId}/metrics", operation_id = "getFunctionMetrics",
    tag = "Logs",
    params(("functionId" = FunctionId, Path), IfNoneMatch),
    responses(
        (status = 200, body = Metrics, description = "The last 60 full minutes.",
            headers(("ETag" = String, description = "For `If-None-Match`."))),
        NotModified, PathErrors, OwnerErrors, CommonErrors,
    ),
)]
pub(crate) async fn processor_time(
    State(store): State<Store>,
    owner: Owner,
    Path(function): Path<String>,
) -> Result<Response, Error> {
    let id = function.parse::<FunctionId>()?;
    let hour = store.processor_time(&owner, &id).await?;
    let data = MetricsData {
        cpu_total: hour.last(),
        cpu_series: hour.points(),
        window_seconds: 3600,
        instant_query: "",
        range_query: "",
    };
    Ok(json_with_etag(None, &Metrics { status: "success", function_id: id, data }))
}
