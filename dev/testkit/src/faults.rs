//! Calls to AWS that go wrong on purpose.

mod answers;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_s3::primitives::SdkBody;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use serde_json::Value;
use tokio::sync::Notify;

/// How a call goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// It never arrives.
    Unsent,
    /// It takes effect, and its answer is lost.
    Unanswered,
    /// It never arrives, and nobody says so: whoever made it waits as long as it likes.
    Silent,
    /// The service is asked for more than it can do.
    Throttled,
    /// The service has a fault of its own.
    Broken,
    /// The item or the function is being written by somebody else.
    Conflicting,
    /// A batch is answered without having been looked at.
    Unprocessed,
    /// A read of several items is answered with the first of them, and names the rest.
    Partly,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Unsent,
        Self::Unanswered,
        Self::Silent,
        Self::Throttled,
        Self::Broken,
        Self::Conflicting,
        Self::Unprocessed,
        Self::Partly,
    ];
}

/// An HTTP client for the AWS SDK that injects faults into chosen calls.
#[derive(Clone, Debug)]
pub struct Faults {
    inner: SharedHttpClient,
    plan: Arc<Mutex<Plan>>,
    blocked: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Plan {
    calls: usize,
    faulty: std::ops::Range<usize>,
    fault: Option<Fault>,
    was_injected: bool,
    passes: Option<usize>,
    most_at_once: Option<(usize, Duration)>,
    at_once: usize,
}

impl Faults {
    /// A client over `inner` without a fault.
    pub fn over(inner: SharedHttpClient) -> Self {
        Self { inner, plan: Arc::default(), blocked: Arc::default() }
    }

    /// Injects `fault` into `times` calls, from the `first` on, counted from 1. Only calls that can
    /// fail in this way are counted.
    pub fn inject(&self, first: usize, times: usize, fault: Fault) {
        let faulty = first..first.saturating_add(times);
        self.begin(Plan { faulty, fault: Some(fault), ..Plan::default() });
    }

    /// Lets `passes` calls pass, and never answers a later one. A task that is dropped once
    /// [`Faults::blocked`] returns behaves like a process that was killed there.
    pub fn block_after(&self, passes: usize) {
        self.begin(Plan { passes: Some(passes), ..Plan::default() });
    }

    /// Delays each call by `time`, and throttles calls while `most` are in flight.
    pub fn throttle_above(&self, most: usize, time: Duration) {
        self.begin(Plan { most_at_once: Some((most, time)), ..Plan::default() });
    }

    /// Waits until a call is blocked.
    pub async fn blocked(&self) {
        self.blocked.notified().await;
    }

    /// Removes every fault; `true` if one was injected into a call.
    pub fn clear(&self) -> bool {
        self.begin(Plan::default()).was_injected
    }

    /// Puts another plan in place of the one that is there.
    fn begin(&self, plan: Plan) -> Plan {
        std::mem::replace(&mut *self.plan(), plan)
    }

    fn plan(&self) -> std::sync::MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self, request: &HttpRequest) -> Next {
        let mut plan = self.plan();
        if let Some((most, time)) = plan.most_at_once {
            if plan.at_once < most {
                plan.at_once += 1;
                return Next::Counted(time);
            }
            plan.was_injected = true;
            return answers::of(Fault::Throttled, request).map_or(Next::Passes, Next::Answered);
        }
        if plan.fault.is_some_and(|fault| !answers::can_be(fault, request)) {
            return Next::Passes;
        }
        plan.calls += 1;
        if plan.passes.is_some_and(|passes| plan.calls > passes) {
            plan.was_injected = true;
            return Next::Blocked;
        }
        let Some(fault) = plan.fault.filter(|_| plan.faulty.contains(&plan.calls)) else {
            return Next::Passes;
        };
        plan.was_injected = true;
        match fault {
            Fault::Unsent => Next::Unsent,
            Fault::Unanswered => Next::Unanswered,
            Fault::Silent => Next::Blocked,
            Fault::Partly => answers::parts(request)
                .map_or(Next::Passes, |(first, left)| Next::Partly { first, left }),
            _ => answers::of(fault, request).map_or(Next::Passes, Next::Answered),
        }
    }
}

/// What becomes of a call.
enum Next {
    Passes,
    /// It passes, and is one of those on their way meanwhile.
    Counted(Duration),
    Blocked,
    Unsent,
    Unanswered,
    Partly {
        first: Value,
        left: Value,
    },
    Answered(answers::Answer),
}

impl HttpClient for Faults {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(FaultyConnector {
            inner: self.inner.http_connector(settings, components),
            faults: self.clone(),
        })
    }
}

#[derive(Debug)]
struct FaultyConnector {
    inner: SharedHttpConnector,
    faults: Faults,
}

impl HttpConnector for FaultyConnector {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let refused = || ConnectorError::io("injected fault".into());
        let lost = || ConnectorError::timeout("injected fault".into());
        match self.faults.next(&request) {
            Next::Passes => self.inner.call(request),
            Next::Counted(time) => {
                let answer = self.inner.call(request);
                let on_its_way = OnItsWay(self.faults.clone());
                HttpConnectorFuture::new(async move {
                    let _until_then = on_its_way;
                    tokio::time::sleep(time).await;
                    answer.await
                })
            }
            Next::Blocked => {
                self.faults.blocked.notify_one();
                HttpConnectorFuture::new(std::future::pending())
            }
            Next::Unsent => HttpConnectorFuture::ready(Err(refused())),
            Next::Unanswered => {
                let answer = self.inner.call(request);
                HttpConnectorFuture::new(async move {
                    answer.await?;
                    Err(lost())
                })
            }
            Next::Partly { first, left } => {
                let first = first.to_string();
                request.headers_mut().insert("content-length", first.len().to_string());
                *request.body_mut() = SdkBody::from(first);
                let answer = self.inner.call(request);
                HttpConnectorFuture::new(async move { answers::leaving(answer.await?, left).await })
            }
            Next::Answered(answer) => HttpConnectorFuture::ready(Ok(answer.into())),
        }
    }
}

/// One of the calls that are on their way, until it is dropped.
struct OnItsWay(Faults);

impl Drop for OnItsWay {
    fn drop(&mut self) {
        let mut plan = self.0.plan();
        plan.at_once = plan.at_once.saturating_sub(1);
    }
}
