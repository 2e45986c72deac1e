//! A paused clock that stands still while a call is in flight.
//!
//! Tests run on tokio's paused clock (`#[tokio::test(start_paused = true)]`): it jumps to the next
//! timer when the runtime has nothing else to do. The runtime doesn't know of the services behind
//! a call, which run on runtimes of their own. So each call counts as work here, and time limits
//! pass only where something waits for time itself. A test's result then can't depend on how fast
//! the machine is, and a limit of 28 seconds costs no time at all.

use std::sync::mpsc::{Sender, channel};

use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

/// An HTTP client for the AWS SDK whose calls keep a paused clock from moving.
#[derive(Clone, Debug)]
pub(crate) struct InFlight(SharedHttpClient);

impl InFlight {
    pub(crate) fn over(inner: SharedHttpClient) -> Self {
        Self(inner)
    }
}

impl HttpClient for InFlight {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Counting(self.0.http_connector(settings, components)))
    }
}

#[derive(Debug)]
struct Counting(SharedHttpConnector);

impl HttpConnector for Counting {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let stop = StoppedClock::new();
        let response = self.0.call(request);
        HttpConnectorFuture::new(async move {
            let mut response = response.await?;
            // The body comes over the network as well.
            let body = ByteStream::new(response.take_body()).collect().await;
            let body = body.map_err(|error| ConnectorError::io(error.into()))?;
            *response.body_mut() = SdkBody::from(body.into_bytes());
            drop(stop);
            Ok(response)
        })
    }
}

/// Keeps a paused clock from moving until it is dropped: the clock doesn't move while a blocking
/// task runs.
struct StoppedClock(#[expect(dead_code, reason = "dropping it ends the task")] Sender<()>);

impl StoppedClock {
    fn new() -> Self {
        let (end, ended) = channel();
        // It fails when the other end is dropped, which is what it waits for.
        tokio::task::spawn_blocking(move || ended.recv().is_err());
        Self(end)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{Instant, sleep, timeout};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn paused_clock_stands_still_while_a_call_is_in_flight() {
        let began = Instant::now();
        sleep(Duration::from_secs(28)).await;
        assert_eq!(began.elapsed(), Duration::from_secs(28), "it jumps where nothing is in flight");
        let (answer, answered) = tokio::sync::oneshot::channel();
        let stop = StoppedClock::new();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            answer.send(()).expect("somebody waits");
        });
        let answered = timeout(Duration::from_millis(1), answered).await;
        assert!(answered.is_ok(), "50 ms of real time are no time here");
        drop(stop);
    }
}
