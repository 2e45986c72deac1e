//! One execution, from the request to its log.

use std::time::{Duration, Instant};

use shared::config::Config;
use shared::domain::{
    CreationSeed, Execution, ExecutionLog, ExecutionResult, ExecutionStatus, Failure, FunctionId,
    LogId, Status, WorkspaceId,
};
use shared::engine::{Engine, Invoked, MAX_EVENT_BYTES};
use shared::error::Error;
use shared::http::{fits_into_response, status_of};
use shared::metrics;
use shared::store::{CallSettings, Callable, Store};

use crate::event::Event;
use crate::reply;

/// How long after a request began its function is waited for. The boundary
/// answers after 28 seconds, and the log is written before.
const PATIENCE: Duration = Duration::from_secs(26);

/// How long the writing of a log may hold up the answer.
pub const LOG_TIME: Duration = Duration::from_millis(1500);

/// The most headers of an answer, and their most bytes: API Gateway takes 10 KB,
/// ours included.
const MOST_HEADERS: usize = 100;
const MOST_HEADER_BYTES: usize = 8 * 1024;

/// How often a function may be replaced between reading which version to call and calling it.
const REPLACEMENTS: u32 = 3;

/// What is to be called, with what.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) workspace: &'a WorkspaceId,
    pub(crate) function: &'a FunctionId,
    /// What the execution's log is made of.
    pub(crate) origin: &'a CreationSeed,
    /// When the request came.
    pub(crate) began: Instant,
    pub(crate) event: Event,
}

/// What it takes to call functions. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Invoker {
    store: Store,
    engine: Engine,
    keep_days: u32,
    patience: Duration,
}

impl Invoker {
    /// Calls functions that `store` knows on `engine`.
    pub fn new(store: Store, engine: Engine, config: &Config) -> Self {
        Self { store, engine, keep_days: config.execution_log_days, patience: PATIENCE }
    }

    /// The same with another time that functions are waited for; 26 seconds unless said.
    #[must_use]
    pub fn with_wait_limit(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Calls a function, if `check` lets its settings pass, and records that.
    ///
    /// The log is written before this returns, so a caller that has its answer
    /// finds the log. A log that can't be written doesn't cost the caller the answer.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Conflict`] where the function is disabled or
    /// could not be deployed, [`Error::NotDeployed`], [`Error::PayloadTooLarge`],
    /// [`Error::Unavailable`]. What ran and failed is no error here.
    pub(crate) async fn invoke<F>(
        &self,
        call: Call<'_>,
        callable: impl Fn() -> F,
        mut check: impl FnMut(&CallSettings) -> Result<(), Error>,
    ) -> Result<(ExecutionLog, Execution), Error>
    where
        F: Future<Output = Result<Callable, Error>>,
    {
        let Call { workspace, function: id, origin, began, mut event } = call;
        let mut replacements = 0;
        let execution = loop {
            let function = callable().await?;
            check(&function.settings)?;
            if function.settings.access.has_keys() {
                event.hide_key();
            }
            let payload = serde_json::to_vec(&event).map_err(Error::internal)?;
            let version = version_of(&function)?;
            // After existence and method, like every other check of a body's size.
            if payload.len() > MAX_EVENT_BYTES {
                let (limit, size) = (MAX_EVENT_BYTES, payload.len());
                return Err(Error::PayloadTooLarge { limit, size });
            }
            let left = self.patience.saturating_sub(began.elapsed());
            let timeout = function.settings.timeout;
            match self.engine.invoke(id, version, timeout, payload, left).await {
                Ok(Invoked::Ran(execution)) => break execution,
                Err(error) => {
                    let is_the_engines = !matches!(error, Error::Quota(_));
                    tracing::info!(target: metrics::TARGET, EngineErrors = u64::from(is_the_engines));
                    return Err(error);
                }
                Ok(Invoked::Replaced) => {
                    replacements += 1;
                    tokio::time::sleep(Duration::from_millis(50) * replacements).await;
                }
            }
            if replacements == REPLACEMENTS {
                return Err(Error::Unavailable(format!("{id} keeps being replaced").into()));
            }
        };
        let is_lost = matches!(execution.result, ExecutionResult::Failed(Failure::OutcomeUnknown));
        let execution = fit_to_travel(execution);
        let log = ExecutionLog {
            id: LogId::of(origin.ulid),
            function_id: id.clone(),
            timestamp: origin.at,
            status: execution.status(),
            duration: milliseconds(execution.duration),
            status_code: status_of(&execution),
            request_body: event.body().to_owned(),
            response_body: reply::as_json(&execution.result),
            logs: execution.lines.clone(),
            level: execution.level(),
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
            EngineErrors = u64::from(is_lost),
        );
        self.record(workspace, &log).await;
        Ok((log, execution))
    }

    async fn record(&self, ws: &WorkspaceId, log: &ExecutionLog) {
        let write = self.store.record_execution(ws, log, self.keep_days);
        let cause = match tokio::time::timeout(LOG_TIME, write).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.causes(),
            Err(_) => format!("not written within {} ms", LOG_TIME.as_millis()),
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

/// The version of a function that is to be called.
fn version_of(function: &Callable) -> Result<&str, Error> {
    if function.settings.status == Status::Disabled {
        let message = "the function is disabled; set its status to active to call it";
        return Err(Error::Conflict(message.into()));
    }
    if let Some(reason) = &function.deployment_error {
        return Err(Error::Conflict(reason.clone()));
    }
    function.engine_version.as_deref().ok_or(Error::NotDeployed)
}

/// The same execution, with a failure for a reply that we couldn't pass on.
fn fit_to_travel(mut execution: Execution) -> Execution {
    let ExecutionResult::Returned(reply) = &execution.result else { return execution };
    let headers: usize = reply.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    let reason = if headers > MOST_HEADER_BYTES || reply.headers.len() > MOST_HEADERS {
        "the function returned more headers than an answer can carry, 100 of 8 KB in all"
    } else if !fits_into_response(&reply.body) {
        "the function returned more than an answer can carry, 6 MB"
    } else if reply.headers.iter().any(|(name, value)| reply::header(name, value).is_none()) {
        "the function returned a header that HTTP can't carry"
    } else {
        return execution;
    };
    execution.lines.push(reason.to_owned());
    execution.result = ExecutionResult::Failed(Failure::InvalidResponse(reason.to_owned()));
    execution
}

/// To the microsecond, which is more than the network leaves certain.
fn milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}
