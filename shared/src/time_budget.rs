//! The time limits of a request, and that they fit into each other.

use std::time::Duration;

/// How long each part of a request may take.
///
/// Limits nest: a part's own limit ends before that of what waits for it, so the caller gets our
/// answer and not the gateway's, and a committed change isn't answered with an error. The assertions
/// below check the sums of [`TimeBudget::PRODUCT`] at compile time.
///
/// Every user of a limit takes it from the [`Config`](crate::config::Config), so a test can widen
/// all of them in one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeBudget {
    /// Opening a connection to an AWS service.
    pub connect: Duration,
    /// One attempt at a call of an AWS service.
    pub call_attempt: Duration,
    /// A call of an AWS service, the SDK's retries included.
    pub call: Duration,
    /// Counting a request against its owner's requests per second.
    pub admission: Duration,
    /// Claiming an `Idempotency-Key`, a takeover of an earlier attempt included.
    pub claim: Duration,
    /// Finding what a command is about, before it begins, where it must look more than once.
    pub lookup: Duration,
    /// A transaction, its retries included.
    pub commit: Duration,
    /// Removing what a request no longer needs: an unused source, or its claim.
    pub discard: Duration,
    /// Waiting for a function's deployment, counted from the start of the request.
    pub deployment: Duration,
    /// Waiting for a user's function, counted from the start of the request.
    pub execution: Duration,
    /// Writing an execution's log before the response.
    pub log_write: Duration,
    /// Waiting for one of the services that the health check asks.
    pub health_check: Duration,
    /// From the start of a request to its response.
    pub response: Duration,
    /// The timeout of the Lambdas behind the API: `Timeout` in template.yaml.
    pub lambda: Duration,
    /// The integration timeout of an API Gateway HTTP API, which can't be raised.
    pub gateway: Duration,
}

impl TimeBudget {
    /// The limits in production.
    pub const PRODUCT: Self = Self {
        connect: Duration::from_secs(1),
        call_attempt: Duration::from_secs(4),
        call: Duration::from_secs(8),
        admission: Duration::from_secs(1),
        claim: Duration::from_secs(2),
        lookup: Duration::from_millis(4500),
        commit: Duration::from_secs(12),
        discard: Duration::from_secs(2),
        deployment: Duration::from_secs(20),
        execution: Duration::from_secs(26),
        log_write: Duration::from_millis(1500),
        health_check: Duration::from_secs(3),
        response: Duration::from_secs(28),
        lambda: Duration::from_secs(29),
        gateway: Duration::from_secs(30),
    };

    /// The longest that a request can run in production.
    pub const LONGEST_REQUEST: Duration = Self::PRODUCT.lambda;

    /// These limits, each `factor` times as long.
    #[must_use]
    pub const fn widened(self, factor: u32) -> Self {
        Self {
            connect: self.connect.saturating_mul(factor),
            call_attempt: self.call_attempt.saturating_mul(factor),
            call: self.call.saturating_mul(factor),
            admission: self.admission.saturating_mul(factor),
            claim: self.claim.saturating_mul(factor),
            lookup: self.lookup.saturating_mul(factor),
            commit: self.commit.saturating_mul(factor),
            discard: self.discard.saturating_mul(factor),
            deployment: self.deployment.saturating_mul(factor),
            execution: self.execution.saturating_mul(factor),
            log_write: self.log_write.saturating_mul(factor),
            health_check: self.health_check.saturating_mul(factor),
            response: self.response.saturating_mul(factor),
            lambda: self.lambda.saturating_mul(factor),
            gateway: self.gateway.saturating_mul(factor),
        }
    }
}

impl Default for TimeBudget {
    fn default() -> Self {
        Self::PRODUCT
    }
}

/// Whether `parts`, one after the other, end before `whole`.
const fn fits(parts: &[Duration], whole: Duration) -> bool {
    let mut sum = 0;
    let mut i = 0;
    while i < parts.len() {
        sum += parts[i].as_millis();
        i += 1;
    }
    sum < whole.as_millis()
}

const _: () = {
    const T: TimeBudget = TimeBudget::PRODUCT;
    assert!(fits(&[T.response], T.lambda), "our response comes before Lambda's timeout");
    assert!(fits(&[T.lambda], T.gateway), "Lambda's error comes before the gateway's");
    assert!(fits(&[T.connect], T.call_attempt), "connecting leaves time for the call");
    assert!(fits(&[T.call_attempt], T.call), "a call has time for a second attempt");
    // The longest command: a function is created with an Idempotency-Key. It is admitted, claims
    // the key, writes the source, commits, and, where it has failed, removes source and claim.
    let create = [T.admission, T.claim, T.call, T.commit, T.discard, T.discard];
    assert!(fits(&create, T.response), "a command ends before its response is due");
    // A build is deployed: found, then written as the source of its function is changed.
    let deploy = [T.admission, T.lookup, T.call, T.commit, T.discard];
    assert!(fits(&deploy, T.response), "a build is deployed before the response is due");
    assert!(fits(&[T.execution, T.log_write], T.response), "an execution's log is written");
    assert!(fits(&[T.admission, T.claim, T.call], T.execution), "there is time to call a function");
    assert!(fits(&[T.deployment], T.execution), "a function that was waited for has time to run");
    assert!(fits(&[T.admission, T.health_check], T.response), "the health check is answered");
};
