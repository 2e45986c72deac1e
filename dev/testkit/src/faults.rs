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

/// An HTTP client for the AWS SDK that spoils the calls it is told to.
#[derive(Clone, Debug)]
pub struct Faults {
    inner: SharedHttpClient,
    plan: Arc<Mutex<Plan>>,
    held: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Plan {
    calls: usize,
    spoiled: std::ops::Range<usize>,
    fault: Option<Fault>,
    came_to_it: bool,
    passes: Option<usize>,
    most_at_once: Option<(usize, Duration)>,
    at_once: usize,
}

impl Faults {
    /// A client that spoils nothing yet, over `inner`.
    pub fn over(inner: SharedHttpClient) -> Self {
        Self { inner, plan: Arc::default(), held: Arc::default() }
    }

    /// Spoils `times` calls, the `first` of which is counted from now on and from 1. Only calls
    /// count that can go wrong so.
    pub fn spoil(&self, first: usize, times: usize, fault: Fault) {
        let spoiled = first..first.saturating_add(times);
        self.begin(Plan { spoiled, fault: Some(fault), ..Plan::default() });
    }

    /// Lets so many calls pass, and holds every later one for ever: whoever made
    /// them is as if killed once [`Faults::held`] returns and it is dropped.
    pub fn hold_after(&self, passes: usize) {
        self.begin(Plan { passes: Some(passes), ..Plan::default() });
    }

    /// Lets each call take a `time`, and throttles whatever comes while `most` are on their way.
    pub fn throttle_above(&self, most: usize, time: Duration) {
        self.begin(Plan { most_at_once: Some((most, time)), ..Plan::default() });
    }

    /// Waits until a call is held.
    pub async fn held(&self) {
        self.held.notified().await;
    }

    /// Spoils nothing any more; gives whether anything was spoiled.
    pub fn heal(&self) -> bool {
        self.begin(Plan::default()).came_to_it
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
            plan.came_to_it = true;
            return answers::of(Fault::Throttled, request).map_or(Next::Passes, Next::Answered);
        }
        if plan.fault.is_some_and(|fault| !answers::can_be(fault, request)) {
            return Next::Passes;
        }
        plan.calls += 1;
        if plan.passes.is_some_and(|passes| plan.calls > passes) {
            plan.came_to_it = true;
            return Next::Held;
        }
        let Some(fault) = plan.fault.filter(|_| plan.spoiled.contains(&plan.calls)) else {
            return Next::Passes;
        };
        plan.came_to_it = true;
        match fault {
            Fault::Unsent => Next::Unsent,
            Fault::Unanswered => Next::Unanswered,
            Fault::Silent => Next::Held,
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
    Held,
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
        SharedHttpConnector::new(Spoiling {
            inner: self.inner.http_connector(settings, components),
            faults: self.clone(),
        })
    }
}

#[derive(Debug)]
struct Spoiling {
    inner: SharedHttpConnector,
    faults: Faults,
}

impl HttpConnector for Spoiling {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let refused = || ConnectorError::io("spoiled on purpose".into());
        let lost = || ConnectorError::timeout("spoiled on purpose".into());
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
            Next::Held => {
                self.faults.held.notify_one();
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
