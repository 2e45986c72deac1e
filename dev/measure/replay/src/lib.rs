//! Requests to the Lambdas over services that answer from memory: what is left is our own work and
//! that of the AWS SDK, from the event that comes to the answer that goes.

pub mod tape;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region};
use aws_smithy_runtime_api::client::http::HttpClient;
use aws_types::SdkConfig;
use invocations::Invoker;
use lambda_http::Service;
use lambda_http::lambda_runtime::{Context, LambdaEvent};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::config::Config;
use shared::engine::Engine;
use shared::store::Store;

use tape::{Answer, Tape};

/// A request, and what the services behind the Lambda answered to its calls when it was recorded.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct StreamRecord {
    /// The route, and what is particular about the request.
    pub what: String,
    /// The Lambda that takes it.
    pub lambda: String,
    /// API Gateway's event, as it travels.
    pub event: String,
    /// In the order in which the calls were sent.
    pub answers: Vec<Answer>,
}

/// A Lambda in this process that can be asked a recorded request as often as wanted.
#[derive(Debug)]
pub struct Player {
    config: Config,
    router: axum::Router,
    tape: Tape,
    event: String,
}

impl Player {
    /// The Lambda of `recorded`.
    ///
    /// # Panics
    /// Where it names a Lambda that answers no requests.
    pub fn new(config: &Config, recorded: &StreamRecord) -> Self {
        let tape = Tape::playing(recorded.answers.clone());
        let aws = sdk(config, tape.clone());
        let (store, engine) = (Store::new(&aws, config), Engine::new(&aws, config));
        let router = match recorded.lambda.as_str() {
            "workspaces" => workspaces::router(store),
            "functions" => functions::router(store),
            "logs" => logs::router(store),
            "invocations" => invocations::router(Invoker::new(store, engine, config)),
            "docs" => docs::router(store, engine),
            other => panic!("{other} answers no requests"),
        };
        Self { config: config.clone(), router, tape, event: recorded.event.clone() }
    }

    /// Asks the request so many `times`, of one Lambda.
    ///
    /// # Panics
    /// Where the first answer is no success: then something else would be measured.
    pub async fn play(&self, times: u64) {
        let mut lambda = shared::http::lambda(&self.config, self.router.clone());
        for time in 0..times {
            self.tape.rewind();
            let event = serde_json::from_str(&self.event).expect("an event of API Gateway");
            let Ok(answer) = lambda.call(LambdaEvent::new(event, Context::default())).await;
            let answer = serde_json::to_vec(&answer).expect("an answer is JSON");
            if time == 0 {
                let answer: Value = serde_json::from_slice(&answer).expect("it was written so");
                let status = answer["statusCode"].as_u64().unwrap_or_default();
                assert!((200..300).contains(&status), "{answer}");
            }
            std::hint::black_box(answer);
        }
    }
}

/// Settings of the SDK for calls by way of `http`.
pub fn sdk(config: &Config, http: impl HttpClient + 'static) -> SdkConfig {
    let credentials = Credentials::new("id", "secret", None, None, "replay");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(config.region.clone()))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .service_config(config.endpoints.clone())
        .http_client(aws_smithy_runtime_api::client::http::SharedHttpClient::new(http))
        .timeout_config(shared::aws::timeouts(&config.time_budget))
        .build()
}
