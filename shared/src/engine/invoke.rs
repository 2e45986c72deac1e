//! Calling a function.

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

use super::{Engine, adapter_response, name};
use crate::aws::failure::failure;
use crate::domain::{Execution, ExecutionResult, Failure, FunctionId, Quota, Timeout};
use crate::error::Error;

/// The most bytes of an event that Lambda takes: 6 MB.
pub const MAX_EVENT_BYTES: usize = 6 * 1024 * 1024;

/// What came of calling a function.
#[derive(Debug)]
pub enum Invoked {
    /// It ran.
    Ran(Execution),
    /// That version isn't there any more, and nothing ran: a newer one has taken its place.
    Replaced,
}

impl Engine {
    /// Runs `version` of a function with `event`, and waits for its end, for
    /// `patience` at the most.
    ///
    /// A call is repeated only where Lambda said that it didn't run: a function
    /// must not run twice because an answer was lost.
    ///
    /// # Errors
    /// [`Error::Quota`] where the function runs as often as it may already;
    /// [`Error::Unavailable`] where Lambda is throttled. The function didn't run then.
    pub async fn invoke(
        &self,
        id: &FunctionId,
        version: &str,
        timeout: Timeout,
        event: Vec<u8>,
        patience: Duration,
    ) -> Result<Invoked, Error> {
        let event = Blob::new(event);
        let began = Instant::now();
        let asked = AtomicBool::new(false);
        let once = || async {
            // The time is watched below; how long a function takes is its own business.
            let timeouts = TimeoutConfig::builder()
                .disable_operation_timeout()
                .disable_operation_attempt_timeout()
                .build();
            let config = aws_sdk_lambda::config::Builder::new()
                .retry_config(RetryConfig::disabled())
                .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
                .timeout_config(timeouts);
            let called = Instant::now();
            asked.store(true, Ordering::Relaxed);
            let sent = self
                .lambda
                .invoke()
                .function_name(name(id))
                .qualifier(version)
                .invocation_type(InvocationType::RequestResponse)
                .log_type(LogType::Tail)
                .payload(event.clone())
                .customize()
                .config_override(config)
                .send()
                .await;
            asked.store(false, Ordering::Relaxed);
            sent.map(|answer| (answer, called.elapsed()))
        };
        let throttled = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(50))
            .with_max_delay(Duration::from_secs(1))
            .with_max_times(4)
            .with_jitter();
        // A function at its own limit sheds at once: to wait here would hold others up.
        let sent = once.retry(throttled).when(|error| {
            error.code() == Some("TooManyRequestsException") && !is_at_its_limit(error)
        });
        let (answer, duration) = match tokio::time::timeout(patience, sent).await {
            Err(_) if !asked.load(Ordering::Relaxed) => {
                let cause = "Lambda Invoke: throttled for as long as there was time";
                return Err(Error::Unavailable(cause.into()));
            }
            Err(_) => {
                let failure = Failure::StillRunning(began.elapsed());
                return Ok(Invoked::Ran(ended(failure, began)));
            }
            Ok(Err(error)) if error.code() == Some("ResourceNotFoundException") => {
                return Ok(Invoked::Replaced);
            }
            Ok(Err(error)) if is_at_its_limit(&error) => {
                return Err(Error::Quota(Quota::ConcurrentExecutions(self.concurrency)));
            }
            Ok(Err(error)) if is_lost(&error) => {
                let cause = failure("Lambda Invoke")(error).causes();
                tracing::warn!(function = %id, cause, "the end of an execution is not known");
                return Ok(Invoked::Ran(ended(Failure::OutcomeUnknown, began)));
            }
            Ok(Err(error)) => return Err(failure("Lambda Invoke")(error)),
            Ok(Ok(answer)) => answer,
        };
        let payload = answer.payload().map_or(&[][..], AsRef::as_ref);
        let (ending, lines) = if answer.function_error().is_none() {
            adapter_response::read(payload)
        } else {
            let tail = answer.log_result().unwrap_or_default();
            let failure = adapter_response::failure(payload, timeout, duration);
            let mut lines =
                adapter_response::printed(tail, answer.request_id().unwrap_or_default());
            lines.push(failure.to_string());
            (ExecutionResult::Failed(failure), lines)
        };
        Ok(Invoked::Ran(Execution { ending, lines, duration }))
    }
}

/// Whether the function runs as often as was reserved for it.
fn is_at_its_limit<R>(error: &SdkError<InvokeError, R>) -> bool {
    let Some(InvokeError::TooManyRequestsException(refusal)) = error.as_service_error() else {
        return false;
    };
    // The second is of a second's invocations, of which there may be ten times as many.
    matches!(
        refusal.reason(),
        Some(
            ThrottleReason::ReservedFunctionConcurrentInvocationLimitExceeded
                | ThrottleReason::ReservedFunctionInvocationRateLimitExceeded
        )
    )
}

/// What the codes of refusals begin with that come before a function runs, although they say that
/// Lambda has a fault: from the reference of Invoke.
const NOT_BEGUN: [&str; 10] = [
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

/// Whether the call may have been carried out although it failed.
fn is_lost(error: &SdkError<InvokeError, HttpResponse>) -> bool {
    match error {
        SdkError::TimeoutError(_) | SdkError::ResponseError(_) | SdkError::DispatchFailure(_) => {
            true
        }
        SdkError::ServiceError(refusal) => {
            let code = refusal.err().code().unwrap_or_default();
            let is_not_begun = NOT_BEGUN.iter().any(|known| code.starts_with(known));
            refusal.raw().status().is_server_error() && !is_not_begun
        }
        _ => false,
    }
}

fn ended(failure: Failure, began: Instant) -> Execution {
    let lines = vec![failure.to_string()];
    Execution { lines, ending: ExecutionResult::Failed(failure), duration: began.elapsed() }
}
