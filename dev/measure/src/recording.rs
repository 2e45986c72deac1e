//! Records what the services behind each route answer, so that [`replay`] can answer from memory.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use deployment::Deployment;
use replay::{RecordedRequest, RecordedResponse, operation};
use shared::config::Config;
use shared::engine::Engine;
use shared::store::Store;
use testkit::{TestEnv, WIDE_LIMITS, clients, http_client, lambda_client};

use crate::cost::Resources;

/// Every operation, sent once over embedded services, and the configuration of the Lambdas.
///
/// # Panics
/// If a request fails.
pub async fn record() -> (Config, Vec<RecordedRequest>) {
    let mut env = TestEnv::start_on_disk(WIDE_LIMITS).expect("the stores start");
    let client = RecordingClient { inner: http_client(), all: Arc::default() };
    let (dynamodb, s3) = clients(env.stores(), client.clone());
    env.store = Store::with_clients(dynamodb, s3, &env.config);
    let lambda = lambda_client(env.engine().await.url(), client.clone());
    let engine = Engine::with_client(lambda, &env.config);
    let api = Deployment::with_engine(env, engine).await;
    let resources = Resources::create(&api).await;
    let key = resources.key(&api).await;
    let mut requests = Vec::new();
    for operation in resources.operations(&key) {
        let event = operation.event("once");
        let (method, path) = event.target();
        let lambda = api.lambda_of(method, path).to_owned();
        client.take();
        let answer = api.send(event.clone()).await;
        assert!(answer.status < 400, "{}: {}", operation.what, answer.body);
        requests.push(RecordedRequest {
            what: operation.what,
            lambda,
            event: event.into_value().to_string(),
            responses: client.take(),
        });
    }
    (api.env.config.clone(), requests)
}

/// An HTTP client for the AWS SDK that sends over another one and keeps the responses.
#[derive(Clone, Debug)]
struct RecordingClient {
    inner: SharedHttpClient,
    all: Arc<Mutex<Vec<RecordedResponse>>>,
}

impl RecordingClient {
    /// The responses since the last time, in the order in which their requests were sent.
    fn take(&self) -> Vec<RecordedResponse> {
        std::mem::take(&mut self.all.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl HttpClient for RecordingClient {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Recording {
            inner: self.inner.http_connector(settings, components),
            all: self.all.clone(),
        })
    }
}

#[derive(Debug)]
struct Recording {
    inner: SharedHttpConnector,
    all: Arc<Mutex<Vec<RecordedResponse>>>,
}

impl HttpConnector for Recording {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let all = self.all.clone();
        let mut recorded = all.lock().unwrap_or_else(PoisonError::into_inner);
        let index = recorded.len();
        let operation = operation(&request).to_owned();
        recorded.push(RecordedResponse { operation, ..RecordedResponse::default() });
        drop(recorded);
        let answer = self.inner.call(request);
        HttpConnectorFuture::new(async move {
            let mut answer = answer.await?;
            let body = ByteStream::new(answer.take_body()).collect().await;
            let body = body.map_err(|error| ConnectorError::io(error.into()))?.into_bytes();
            // A response that comes after its request was taken belongs to nobody.
            if let Some(recorded) =
                all.lock().unwrap_or_else(PoisonError::into_inner).get_mut(index)
            {
                let headers = answer.headers().iter();
                recorded.headers = headers.map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
                recorded.status = answer.status().as_u16();
                recorded.body = body.to_vec();
            }
            *answer.body_mut() = SdkBody::from(body);
            Ok(answer)
        })
    }
}
