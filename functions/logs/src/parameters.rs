//! Query parameters of lists of logs, for `openapi.json`.

use shared::domain::{ExecutionStatus, Level, Limits, Timestamp};
use shared::http::list_parameters;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterIn};

/// `limit` and `cursor` of a function's logs.
pub(crate) struct FunctionLogsParameters;

impl IntoParams for FunctionLogsParameters {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        list_parameters(Limits::FUNCTION_LOGS)
    }
}

/// `limit` and `cursor` of a workspace's logs.
pub(crate) struct WorkspaceLogsParameters;

impl IntoParams for WorkspaceLogsParameters {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        list_parameters(Limits::WORKSPACE_LOGS)
    }
}

/// `limit` of a function's lines.
pub(crate) struct LineParameters;

impl IntoParams for LineParameters {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let mut parameters = list_parameters(Limits::FUNCTION_LOGS);
        parameters.retain(|parameter| parameter.name == "limit");
        parameters
    }
}

/// The filter, which [`shared::domain::LogFilter`] parses.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only describes the parameters")]
pub(crate) struct FilterParameters {
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
