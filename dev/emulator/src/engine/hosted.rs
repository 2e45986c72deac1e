//! The product's own Lambdas, which are invoked by name beside users' functions.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::error::ApiError;

/// The answer to an event, or why there is none.
pub type Answering = Pin<Box<dyn Future<Output = Result<Bytes, String>> + Send>>;

type Handle = dyn Fn(Bytes) -> Answering + Send + Sync;

/// Lambdas that other code runs, by their names.
#[derive(Default)]
pub(super) struct HostedLambdas(RwLock<BTreeMap<String, HostedLambda>>);

#[derive(Clone)]
pub(super) struct HostedLambda {
    handle: Arc<Handle>,
    events: UnboundedSender<Bytes>,
}

impl HostedLambdas {
    /// Adds a Lambda, in place of one of the same name. The receiver gets the events of
    /// asynchronous invocations.
    pub(super) fn add(&self, name: &str, handle: Arc<Handle>) -> UnboundedReceiver<Bytes> {
        let (events, received) = unbounded_channel();
        let hosted = HostedLambda { handle, events };
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(name.to_owned(), hosted);
        received
    }

    pub(super) fn get(&self, name: &str) -> Option<HostedLambda> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
}

impl HostedLambda {
    /// Answers an event; the error is the Lambda's.
    pub(super) async fn invoke(&self, event: Bytes) -> Result<Bytes, String> {
        (self.handle)(event).await
    }

    /// Accepts an event, which is answered later.
    pub(super) fn queue(&self, event: Bytes) -> Result<(), ApiError> {
        self.events.send(event).map_err(|_| ApiError::service("The local Lambda has stopped"))
    }
}

impl fmt::Debug for HostedLambdas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostedLambdas").finish_non_exhaustive()
    }
}
