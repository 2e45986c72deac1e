//! Answers of services: recorded once, and played again and again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use serde::{Deserialize, Serialize};

/// What a service answered, and to what.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Answer {
    operation: String,
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// An HTTP client for the AWS SDK: it sends over another one and keeps the answers, or sends
/// nothing and answers as it was answered then.
#[derive(Clone, Debug)]
pub struct Tape {
    inner: Option<SharedHttpClient>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    answers: Vec<Answer>,
    /// Which of them were played.
    played: Vec<bool>,
}

impl Tape {
    /// One that records what `inner` is answered.
    pub fn recording(inner: SharedHttpClient) -> Self {
        Self { inner: Some(inner), state: Arc::default() }
    }

    /// One that plays `answers`.
    pub fn playing(answers: Vec<Answer>) -> Self {
        let played = vec![false; answers.len()];
        Self { inner: None, state: Arc::new(Mutex::new(State { answers, played })) }
    }

    /// Plays from the beginning again.
    pub fn rewind(&self) {
        self.state().played.fill(false);
    }

    /// What was recorded since the last time, in the order in which it was asked for.
    pub fn take(&self) -> Vec<Answer> {
        std::mem::take(&mut self.state().answers)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next answer to such a request. Calls that go at once are asked for in another order where
    /// nothing is waited for, but those of one operation in the same.
    fn played(&self, request: &HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let mut state = self.state();
        let asked = operation(request);
        let mut places = state.answers.iter().zip(&state.played);
        let place = places.position(|(answer, played)| !played && answer.operation == asked);
        let place =
            place.ok_or_else(|| ConnectorError::user(format!("no {asked} was recorded").into()))?;
        state.played[place] = true;
        let answer = state.answers[place].clone();
        let status =
            answer.status.try_into().map_err(|error| ConnectorError::user(Box::new(error)))?;
        let mut response = HttpResponse::new(status, SdkBody::from(answer.body));
        for (name, value) in answer.headers {
            response.headers_mut().insert(name, value);
        }
        Ok(response)
    }
}

impl HttpClient for Tape {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let inner = self.inner.as_ref().map(|inner| inner.http_connector(settings, components));
        SharedHttpConnector::new(Head { inner, tape: self.clone() })
    }
}

#[derive(Debug)]
struct Head {
    inner: Option<SharedHttpConnector>,
    tape: Tape,
}

impl HttpConnector for Head {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Some(inner) = &self.inner else {
            return HttpConnectorFuture::ready(self.tape.played(&request));
        };
        let operation = operation(&request);
        let answer = inner.call(request);
        let tape = self.tape.clone();
        let place = {
            let mut state = tape.state();
            state.answers.push(Answer::default());
            state.answers.len() - 1
        };
        HttpConnectorFuture::new(async move {
            let mut answer = answer.await?;
            let body = ByteStream::new(answer.take_body()).collect().await;
            let body = body.map_err(|error| ConnectorError::io(error.into()))?.into_bytes();
            let headers = answer.headers().iter();
            let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
            let kept = Answer {
                operation,
                status: answer.status().as_u16(),
                headers: headers.collect(),
                body: body.to_vec(),
            };
            if let Some(slot) = tape.state().answers.get_mut(place) {
                *slot = kept;
            }
            *answer.body_mut() = SdkBody::from(body);
            Ok(answer)
        })
    }
}

/// What is asked: DynamoDB names it in a header, and one method of the others is one operation here.
fn operation(request: &HttpRequest) -> String {
    let target = request.headers().get("x-amz-target");
    target.unwrap_or_else(|| request.method()).to_owned()
}
