//! The execution of a function, from the request to its log.

use std::time::Duration;

use shared::config::Config;
use shared::domain::{
    CreationSeed, DeploymentState, Execution, ExecutionLog, ExecutionResult, ExecutionStatus,
    Failure, FunctionId, LogId, Status, WorkspaceId,
};
use shared::engine::{Engine, Invoked, MAX_EVENT_BYTES, PROTOCOL};
use shared::error::Error;
use shared::http::{fits_into_response, status_of};
use shared::metrics;
use shared::store::{CallSettings, Callable, Store};
use shared::time_budget::TimeBudget;
use tokio::time::{Instant, timeout};

use crate::event::FunctionRequest;
use crate::response;

/// The maximum number of a function's response headers.
const MAX_HEADERS: usize = 100;

/// The maximum size of a function's response headers. API Gateway's limit is 10 KB, with the API's own
/// headers.
const MAX_HEADER_BYTES: usize = 8 * 1024;

/// How often the version to call is read again after a deployment has replaced it.
const MAX_REPLACEMENTS: u32 = 3;

/// The first pause before a deployment is looked for again. Each pause is twice as long, up to a second.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Which deployments of a function a call may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// The function as it is now.
    Current,
    /// The one before as well, while a change is being deployed.
    Any,
}

/// An invocation of a function.
#[derive(Debug)]
pub(crate) struct Invocation<'a> {
    pub(crate) workspace: &'a WorkspaceId,
    pub(crate) function: &'a FunctionId,
    /// The id and the time of the execution's log.
    pub(crate) origin: &'a CreationSeed,
    /// When the request arrived.
    pub(crate) start: Instant,
    pub(crate) request: FunctionRequest,
    pub(crate) wanted: Wanted,
}

/// Invokes functions and records their executions. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Invoker {
    store: Store,
    engine: Engine,
    keep_days: u32,
    time_budget: TimeBudget,
}

impl Invoker {
    /// Invokes functions of `store` on `engine`.
    pub fn new(store: Store, engine: Engine, config: &Config) -> Self {
        let (keep_days, time_budget) = (config.execution_log_days, config.time_budget);
        Self { store, engine, keep_days, time_budget }
    }

    /// The same with another limit of the wait for a function, which counts from the request's start.
    #[must_use]
    pub fn with_wait_limit(mut self, wait_limit: Duration) -> Self {
        self.time_budget.execution = wait_limit;
        self
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Invokes a function if `check` accepts its settings, with the method that it names, and records
    /// the execution. A function that is being deployed is waited for.
    ///
    /// The log is written before this returns, so callers find it once they have the response. If
    /// writing the log fails, the caller still gets the response.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Conflict`] where the function is disabled or its deployment has
    /// failed, [`Error::NotDeployed`], [`Error::PayloadTooLarge`], [`Error::Unavailable`], and those of
    /// `check`. An execution that fails is not an error.
    pub(crate) async fn invoke<F>(
        &self,
        invocation: Invocation<'_>,
        callable: impl Fn() -> F,
        mut check: impl FnMut(&CallSettings) -> Result<&'static str, Error>,
    ) -> Result<(ExecutionLog, Execution), Error>
    where
        F: Future<Output = Result<Callable, Error>>,
    {
        let Invocation { workspace, function: id, origin, start, mut request, wanted } = invocation;
        let log_id = LogId::of(origin.ulid);
        let mut deployment = DeploymentWait::new(start + self.time_budget.deployment);
        let mut replacements = 0;
        let execution = loop {
            let function = callable().await?;
            let method = check(&function.settings)?;
            let Some(version) = version_of(&function, wanted)? else {
                if is_of_earlier_release(&function) && deployment.is_first() {
                    self.store.request_deployment(workspace, id).await?;
                }
                deployment.pause().await?;
                continue;
            };
            if function.settings.access.has_keys() {
                request.remove_api_key();
            }
            let payload = request.event(method, &log_id, function.settings.timeout)?;
            // Checked after existence and method, like every limit of a body's size.
            if payload.len() > MAX_EVENT_BYTES {
                let (limit, size) = (MAX_EVENT_BYTES, payload.len());
                return Err(Error::PayloadTooLarge { limit, size });
            }
            let left = self.time_budget.execution.saturating_sub(start.elapsed());
            let limit = function.settings.timeout;
            match self.engine.invoke(id, version, limit, payload, left).await {
                Ok(Invoked::Ran(execution)) => break execution,
                Err(error) => {
                    let is_engine_error = !matches!(error, Error::Quota(_));
                    tracing::info!(target: metrics::TARGET, EngineErrors = u64::from(is_engine_error));
                    return Err(error);
                }
                Ok(Invoked::Replaced) => {
                    replacements += 1;
                    tokio::time::sleep(Duration::from_millis(50) * replacements).await;
                }
            }
            if replacements == MAX_REPLACEMENTS {
                return Err(Error::Unavailable(format!("{id} keeps being replaced").into()));
            }
        };
        let is_outcome_unknown =
            matches!(execution.result, ExecutionResult::Failed(Failure::OutcomeUnknown));
        let execution = check_response(execution);
        let log = ExecutionLog {
            id: log_id,
            function_id: id.clone(),
            timestamp: origin.at,
            status: execution.status(),
            duration: milliseconds(execution.duration),
            status_code: status_of(&execution),
            request_body: request.logged_body(),
            response_body: response::as_json(&execution.result),
            logs: execution.lines.clone(),
            level: execution.level(),
            cpu_time: execution.resources.cpu_time,
            max_memory: execution.resources.max_memory,
        }
        .cut_to_size();
        tracing::info!(
            target: metrics::TARGET,
            function = %id,
            log = %log.id,
            status = log.status_code,
            Executions = 1,
            ExecutionErrors = u64::from(log.status == ExecutionStatus::Error),
            ExecutionDuration = log.duration,
            EngineErrors = u64::from(is_outcome_unknown),
        );
        self.record(workspace, &log).await;
        Ok((log, execution))
    }

    async fn record(&self, ws: &WorkspaceId, log: &ExecutionLog) {
        let write = self.store.record_execution(ws, log, self.keep_days);
        let limit = self.time_budget.log_write;
        let cause = match timeout(limit, write).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.causes(),
            Err(_) => format!("not written within {} ms", limit.as_millis()),
        };
        tracing::error!(
            function = %log.function_id,
            log = %log.id,
            status = log.status_code,
            milliseconds = log.duration,
            cause,
            "AN EXECUTION HAS NO LOG"
        );
    }
}

/// The version of a function that is called; `None` while it is being deployed.
fn version_of(function: &Callable, wanted: Wanted) -> Result<Option<&str>, Error> {
    if function.settings.status == Status::Disabled {
        let message = "the function is disabled; set its status to active to call it";
        return Err(Error::Conflict(message.into()));
    }
    let understands = function.adapter_protocol == PROTOCOL;
    let is_wanted = match &function.state {
        // The version before goes on answering at the URL.
        DeploymentState::Failed(reason) => {
            let has_one_before = function.engine_version.is_some() && understands;
            if wanted != Wanted::Any || !has_one_before {
                return Err(Error::Conflict(reason.clone()));
            }
            true
        }
        DeploymentState::Deployed => true,
        DeploymentState::Pending => wanted == Wanted::Any,
    };
    Ok(function.engine_version.as_deref().filter(|_| is_wanted && understands))
}

/// Whether a function was deployed with an adapter that takes other events than this release sends.
fn is_of_earlier_release(function: &Callable) -> bool {
    function.engine_version.is_some() && function.adapter_protocol != PROTOCOL
}

/// The wait for a deployment, with growing pauses between two looks at it.
struct DeploymentWait {
    until: Instant,
    pause: Duration,
}

impl DeploymentWait {
    fn new(until: Instant) -> Self {
        Self { until, pause: FIRST_PAUSE }
    }

    fn is_first(&self) -> bool {
        self.pause == FIRST_PAUSE
    }

    /// Waits until the deployment is to be looked for again.
    async fn pause(&mut self) -> Result<(), Error> {
        if Instant::now() + self.pause > self.until {
            return Err(Error::NotDeployed);
        }
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Ok(())
    }
}

/// Replaces a response that API Gateway cannot carry with a failure.
fn check_response(mut execution: Execution) -> Execution {
    let ExecutionResult::Returned(reply) = &execution.result else { return execution };
    let headers: usize = reply.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    let reason = if headers > MAX_HEADER_BYTES || reply.headers.len() > MAX_HEADERS {
        "the function returned more headers than an answer can carry, 100 of 8 KB in all"
    } else if !fits_into_response(&reply.body) {
        "the function returned more than an answer can carry, 6 MB"
    } else if reply.headers.iter().any(|(name, value)| response::header(name, value).is_none()) {
        "the function returned a header that HTTP can't carry"
    } else {
        return execution;
    };
    execution.lines.push(reason.to_owned());
    execution.result = ExecutionResult::Failed(Failure::InvalidResponse(reason.to_owned()));
    execution
}

/// Milliseconds with the precision of a microsecond.
fn milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}
