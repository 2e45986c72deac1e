//! Invoking functions.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use aws_sdk_lambda::config::StalledStreamProtectionConfig;
use aws_sdk_lambda::config::http::HttpResponse;
use aws_sdk_lambda::config::retry::RetryConfig;
use aws_sdk_lambda::config::timeout::TimeoutConfig;
use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_lambda::operation::RequestId;
use aws_sdk_lambda::operation::invoke::InvokeError;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{InvocationType, LogType, ThrottleReason};
use backon::{ExponentialBuilder, Retryable};

use super::{Engine, adapter_response, lambda_name};
use crate::aws::failure::failure;
use crate::domain::{Execution, ExecutionResult, Failure, FunctionId, Quota, ResourceUse, Timeout};
use crate::error::Error;

/// The most bytes of an event that Lambda takes: 6 MB.
pub const MAX_EVENT_BYTES: usize = 6 * 1024 * 1024;

/// The outcome of an invocation.
#[derive(Debug)]
pub enum Invoked {
    /// The function ran.
    Ran(Execution),
    /// Nothing ran: a newer version has replaced the one that was to be invoked.
    Replaced,
}

impl Engine {
    /// Runs `version` of a function with `event`, and waits for its end, for `wait_limit` at the
    /// most.
    ///
    /// A call is repeated only where Lambda said that the function didn't run. A function must not
    /// run twice because an answer was lost.
    ///
    /// # Errors
    /// [`Error::Quota`] where the function runs as often at once as it may;
    /// [`Error::Unavailable`] where Lambda is throttled. The function didn't run then.
    pub async fn invoke(
        &self,
        id: &FunctionId,
        version: &str,
        timeout: Timeout,
        event: Vec<u8>,
        wait_limit: Duration,
    ) -> Result<Invoked, Error> {
        let event = Blob::new(event);
        let began = Instant::now();
        let is_waiting = AtomicBool::new(false);
        let once = || async {
            // The wait limit below is the only timeout.
            let timeouts = TimeoutConfig::builder()
                .disable_operation_timeout()
                .disable_operation_attempt_timeout()
                .build();
            let config = aws_sdk_lambda::config::Builder::new()
                .retry_config(RetryConfig::disabled())
                .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
                .timeout_config(timeouts);
            let called = Instant::now();
            is_waiting.store(true, Ordering::Relaxed);
            let sent = self
                .lambda
                .invoke()
                .function_name(lambda_name(id))
                .qualifier(version)
                .invocation_type(InvocationType::RequestResponse)
                .log_type(LogType::Tail)
                .payload(event.clone())
                .customize()
                .config_override(config)
                .send()
                .await;
            is_waiting.store(false, Ordering::Relaxed);
            sent.map(|answer| (answer, called.elapsed()))
        };
        let throttled = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(50))
            .with_max_delay(Duration::from_secs(1))
            .with_max_times(4)
            .with_jitter();
        // At the limit of the function, the call is refused at once: waiting would delay others.
        let sent = once.retry(throttled).when(|error| {
            error.code() == Some("TooManyRequestsException") && !is_at_its_limit(error)
        });
        let (answer, duration) = match tokio::time::timeout(wait_limit, sent).await {
            Err(_) if !is_waiting.load(Ordering::Relaxed) => {
                let cause = "Lambda Invoke: throttled for as long as there was time";
                return Err(Error::Unavailable(cause.into()));
            }
            Err(_) => {
                let failure = Failure::StillRunning(began.elapsed());
                return Ok(Invoked::Ran(failed(failure, began)));
            }
            Ok(Err(error)) if error.code() == Some("ResourceNotFoundException") => {
                return Ok(Invoked::Replaced);
            }
            Ok(Err(error)) if is_at_its_limit(&error) => {
                return Err(Error::Quota(Quota::ConcurrentExecutions(self.concurrency)));
            }
            Ok(Err(error)) if is_outcome_unknown(&error) => {
                let cause = failure("Lambda Invoke")(error).causes();
                tracing::warn!(function = %id, cause, "the outcome of an execution is not known");
                return Ok(Invoked::Ran(failed(Failure::OutcomeUnknown, began)));
            }
            Ok(Err(error)) => return Err(failure("Lambda Invoke")(error)),
            Ok(Ok(answer)) => answer,
        };
        let payload = answer.payload().map_or(&[][..], AsRef::as_ref);
        let (result, lines, resources) = if answer.function_error().is_none() {
            adapter_response::read(payload, timeout, duration)
        } else {
            let tail = answer.log_result().unwrap_or_default();
            let failure = adapter_response::failure(payload, timeout, duration);
            let mut lines =
                adapter_response::printed(tail, answer.request_id().unwrap_or_default());
            lines.push(failure.to_string());
            let max_memory = adapter_response::max_memory_used(tail, answer.request_id());
            let resources = ResourceUse { cpu_time: None, max_memory };
            (ExecutionResult::Failed(failure), lines, resources)
        };
        Ok(Invoked::Ran(Execution { result, lines, duration, resources }))
    }
}

/// Whether the function runs as often at once as its reserved concurrency allows.
fn is_at_its_limit<R>(error: &SdkError<InvokeError, R>) -> bool {
    let Some(InvokeError::TooManyRequestsException(refusal)) = error.as_service_error() else {
        return false;
    };
    // The second is the limit of invocations a second: ten times the reserved concurrency.
    matches!(
        refusal.reason(),
        Some(
            ThrottleReason::ReservedFunctionConcurrentInvocationLimitExceeded
                | ThrottleReason::ReservedFunctionInvocationRateLimitExceeded
        )
    )
}

/// Prefixes of error codes of server errors (5xx) that come before a function runs, from the API
/// reference of Invoke.
const NOT_STARTED: [&str; 10] = [
    "EC2",
    "EFS",
    "ENI",
    "Invalid",
    "KMS",
    "ResourceNotReady",
    "S3Files",
    "SnapStart",
    "SubnetIP",
    "TooManyRequests",
];

/// Whether the function may have run although the call failed.
fn is_outcome_unknown(error: &SdkError<InvokeError, HttpResponse>) -> bool {
    match error {
        SdkError::TimeoutError(_) | SdkError::ResponseError(_) | SdkError::DispatchFailure(_) => {
            true
        }
        SdkError::ServiceError(refusal) => {
            let code = refusal.err().code().unwrap_or_default();
            let is_not_started = NOT_STARTED.iter().any(|known| code.starts_with(known));
            refusal.raw().status().is_server_error() && !is_not_started
        }
        _ => false,
    }
}

fn failed(failure: Failure, began: Instant) -> Execution {
    let lines = vec![failure.to_string()];
    let (result, duration) = (ExecutionResult::Failed(failure), began.elapsed());
    Execution { result, lines, duration, resources: ResourceUse::default() }
}
