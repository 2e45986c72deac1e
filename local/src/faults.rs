//! Calls to AWS that go wrong on purpose.

use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use tokio::sync::Notify;

/// How a call goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It never arrives.
    Unsent,
    /// It takes effect, and its answer is lost.
    Unanswered,
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
}

impl Faults {
    /// A client that spoils nothing yet, over `inner`.
    pub fn over(inner: SharedHttpClient) -> Self {
        Self { inner, plan: Arc::default(), held: Arc::default() }
    }

    /// Spoils `times` calls, the `first` of which is counted from now on and from 1.
    pub fn spoil(&self, first: usize, times: usize, fault: Fault) {
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) =
            Plan { spoiled: first..first + times, fault: Some(fault), ..Plan::default() };
    }

    /// Lets so many calls pass, and holds every later one for ever: whoever made
    /// them is as if killed once [`Faults::held`] returns and it is dropped.
    pub fn hold_after(&self, passes: usize) {
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) =
            Plan { passes: Some(passes), ..Plan::default() };
    }

    /// Waits until a call is held.
    pub async fn held(&self) {
        self.held.notified().await;
    }

    /// Spoils nothing any more; gives whether anything was spoiled.
    pub fn heal(&self) -> bool {
        std::mem::take(&mut *self.plan.lock().unwrap_or_else(PoisonError::into_inner)).came_to_it
    }

    fn next(&self) -> Next {
        let mut plan = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
        plan.calls += 1;
        if plan.passes.is_some_and(|passes| plan.calls > passes) {
            plan.came_to_it = true;
            return Next::Held;
        }
        let fault = plan.fault.filter(|_| plan.spoiled.contains(&plan.calls));
        plan.came_to_it |= fault.is_some();
        fault.map_or(Next::Passes, Next::Spoiled)
    }
}

/// What becomes of a call.
enum Next {
    Passes,
    Spoiled(Fault),
    Held,
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
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let lost = || ConnectorError::timeout("spoiled on purpose".into());
        match self.faults.next() {
            Next::Passes => self.inner.call(request),
            Next::Held => {
                self.faults.held.notify_one();
                HttpConnectorFuture::new(std::future::pending())
            }
            Next::Spoiled(Fault::Unsent) => HttpConnectorFuture::ready(Err(lost())),
            Next::Spoiled(Fault::Unanswered) => {
                let answer = self.inner.call(request);
                HttpConnectorFuture::new(async move {
                    answer.await?;
                    Err(lost())
                })
            }
        }
    }
}
