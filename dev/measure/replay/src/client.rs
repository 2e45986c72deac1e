//! Answers of services, given again and again.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_s3::primitives::SdkBody;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use serde::{Deserialize, Serialize};

/// What a service answered to a call.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct RecordedResponse {
    /// What was called: see [`operation`].
    pub operation: String,
    /// The HTTP status.
    pub status: u16,
    /// The headers, in their order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// An HTTP client for the AWS SDK that sends nothing and answers from memory.
///
/// Calls that are sent at the same time may come in another order than in the recording, but calls
/// of the same operation come in the same order.
#[derive(Clone, Debug)]
pub struct ReplayClient {
    responses: Arc<[RecordedResponse]>,
    /// Which of them were given.
    used: Arc<Mutex<Vec<bool>>>,
}

impl ReplayClient {
    /// A client that gives each of `responses` once, until [`ReplayClient::rewind`].
    pub fn new(responses: &[RecordedResponse]) -> Self {
        let used = vec![false; responses.len()];
        Self { responses: responses.into(), used: Arc::new(Mutex::new(used)) }
    }

    /// Begins again.
    pub fn rewind(&self) {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).fill(false);
    }

    fn next(&self, request: &HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let operation = operation(request);
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = self.responses.iter().zip(&mut *used);
        let next = all.find(|(response, used)| !**used && response.operation == operation);
        let Some((response, used)) = next else {
            return Err(ConnectorError::user(format!("no {operation} was recorded").into()));
        };
        *used = true;
        let status = response.status.try_into().map_err(|e| ConnectorError::user(Box::new(e)))?;
        let mut answer = HttpResponse::new(status, SdkBody::from(&*response.body));
        for (name, value) in &response.headers {
            answer.headers_mut().insert(name.clone(), value.clone());
        }
        Ok(answer)
    }
}

impl HttpClient for ReplayClient {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for ReplayClient {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::ready(self.next(&request))
    }
}

/// What is called: DynamoDB's operation, which a header names, or the HTTP method. No route calls
/// S3 or Lambda twice with the same method.
pub fn operation(request: &HttpRequest) -> &str {
    request.headers().get("x-amz-target").unwrap_or_else(|| request.method())
}
