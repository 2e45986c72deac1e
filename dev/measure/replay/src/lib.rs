//! Recorded requests to the Lambdas, over services that answer from memory. What is left to measure
//! is our own work and that of the AWS SDK, from the event to the answer.

mod client;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::SdkConfig;
use invocations::Invoker;
use lambda_http::Service;
use lambda_http::lambda_runtime::{Context, LambdaEvent};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::config::Config;
use shared::engine::Engine;
use shared::store::Store;

pub use client::{RecordedResponse, ReplayClient, operation};

/// A request, and what the services answered to the calls that the Lambda made for it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct RecordedRequest {
    /// The route, and what is particular about the request.
    pub what: String,
    /// The Lambda that takes it.
    pub lambda: String,
    /// API Gateway's event, as JSON.
    pub event: String,
    /// In the order in which the calls were sent.
    pub responses: Vec<RecordedResponse>,
}

/// A Lambda in this process, and a recorded request to it.
#[derive(Debug)]
pub struct Replay {
    config: Config,
    router: axum::Router,
    client: ReplayClient,
    event: String,
}

impl Replay {
    /// The Lambda that takes `request`.
    ///
    /// # Panics
    /// If it names a Lambda without routes.
    pub fn new(config: &Config, request: &RecordedRequest) -> Self {
        let client = ReplayClient::new(&request.responses);
        let credentials = Credentials::new("id", "secret", None, None, "replay");
        let aws = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(config.region.clone()))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .service_config(config.endpoints.clone())
            .http_client(SharedHttpClient::new(client.clone()))
            .timeout_config(shared::aws::timeouts(&config.time_budget))
            .build();
        let (store, engine) = (Store::new(&aws, config), Engine::new(&aws, config));
        let router = match request.lambda.as_str() {
            "workspaces" => workspaces::router(store),
            "functions" => functions::router(store),
            "logs" => logs::router(store),
            "builds" => builds::router(store),
            "invocations" => invocations::router(Invoker::new(store, engine, config)),
            "docs" => docs::router(store, engine),
            other => panic!("{other} has no routes"),
        };
        Self { config: config.clone(), router, client, event: request.event.clone() }
    }

    /// Sends the request this many `times`, one after another.
    ///
    /// # Panics
    /// If the first answer is an error, because something else would be measured.
    pub async fn run(&self, times: u64) {
        let mut lambda = shared::http::lambda(&self.config, self.router.clone());
        for time in 0..times {
            self.client.rewind();
            let event = serde_json::from_str(&self.event).expect("an event of API Gateway");
            let Ok(answer) = lambda.call(LambdaEvent::new(event, Context::default())).await;
            let answer = serde_json::to_vec(&answer).expect("an answer is JSON");
            if time == 0 {
                let answer: Value = serde_json::from_slice(&answer).expect("it was written so");
                let status = answer["statusCode"].as_u64().unwrap_or_default();
                assert!((200..400).contains(&status), "{answer}");
            }
            std::hint::black_box(answer);
        }
    }
}
