//! A fake AWS with one workspace and one function, whose response is set by the fuzzer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_sdk_lambda::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use aws_sdk_lambda::primitives::SdkBody;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_types::SdkConfig;
use axum::Router;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use invocations::Invoker;
use serde_json::{Value, json};
use shared::engine::Engine;
use shared::store::Store;

use crate::gateway::CONFIG;

/// The path of the function's URL.
pub const URL: &str = "/invoke/ws-1/fn-1";

/// The function's methods.
pub const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/// An HTTP client for the AWS SDK without a network.
#[derive(Clone, Debug, Default)]
pub struct Aws(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    answer: Vec<u8>,
    failed: bool,
    events: Vec<Vec<u8>>,
    logs: usize,
}

impl Aws {
    /// A new one, and the invocations Lambda over it.
    pub fn with_invocations() -> (Self, Router) {
        let aws = Self::default();
        let credentials = Credentials::new("fuzz", "fuzz", None, None, "fuzz");
        let sdk = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("ap-northeast-2"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(aws.clone())
            .build();
        let (store, engine) = (Store::new(&sdk, &CONFIG), Engine::new(&sdk, &CONFIG));
        (aws, invocations::router(Invoker::new(store, engine, &CONFIG)))
    }

    /// Sets the response of the function: the adapter's envelope, or Lambda's error if it `failed`.
    /// Resets events and logs.
    pub fn set_response(&self, payload: &[u8], failed: bool) {
        *self.state() = State { answer: payload.to_vec(), failed, ..State::default() };
    }

    /// The events that the function was called with.
    pub fn events(&self) -> Vec<Vec<u8>> {
        self.state().events.clone()
    }

    /// The number of logs.
    pub fn logs(&self) -> usize {
        self.state().logs
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn respond(&self, request: &HttpRequest) -> HttpResponse {
        let mut state = self.state();
        let ok = StatusCode::try_from(200).expect("a status");
        match request.headers().get("x-amz-target") {
            Some("DynamoDB_20120810.BatchGetItem") => {
                HttpResponse::new(ok, SdkBody::from(items().to_string()))
            }
            Some("DynamoDB_20120810.PutItem") => {
                state.logs += 1;
                HttpResponse::new(ok, SdkBody::from("{}"))
            }
            Some(other) => panic!("unexpected call {other}"),
            None => {
                state.events.push(request.body().bytes().unwrap_or_default().to_vec());
                let mut response = HttpResponse::new(ok, SdkBody::from(state.answer.clone()));
                if state.failed {
                    // The function's output is the same text, of which Lambda returns 4 KB.
                    let tail = STANDARD.encode(&state.answer[..state.answer.len().min(4096)]);
                    let headers = response.headers_mut();
                    headers.insert("x-amz-function-error", "Unhandled");
                    headers.insert("x-amz-log-result", tail);
                    headers.insert("x-amzn-requestid", "r-1");
                }
                response
            }
        }
    }
}

impl HttpClient for Aws {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Aws {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::ready(Ok(self.respond(&request)))
    }
}

/// The items of the workspace and of the function, which is open and has a key.
fn items() -> Value {
    let text = |text: &str| json!({ "S": text });
    let number = |number: u32| json!({ "N": number.to_string() });
    let now = text("2026-01-31T09:05:00.123Z");
    let key = json!({
        "id": "key-1", "name": "ci", "createdAt": "2026-01-31T09:05:00.123Z",
        "hash": "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU",
    });
    let workspace = json!({
        "PK": text("WS#ws-1"), "SK": text("METADATA"), "owner": text("anonymous"),
        "id": text("ws-1"), "name": text("team"), "description": text(""), "createdAt": now,
        "functionCount": number(1), "version": number(1),
    });
    let function = json!({
        "PK": text("WS#ws-1"), "SK": text("FN#fn-1"), "owner": text("anonymous"),
        "id": text("fn-1"), "workspaceId": text("ws-1"), "name": text("f"),
        "description": text(""), "runtime": text("Python 3.12"), "memory": number(128),
        "timeout": number(3), "httpMethods": { "L": METHODS.map(text) }, "auth": text("none"),
        "environmentVariables": { "M": {} }, "status": text("active"), "lastModified": now,
        "version": number(1), "keyCount": number(1), "key-1": text(&key.to_string()),
        "codeSha256": text(""), "codeKey": text("code/ws-1/fn-1/1.py"),
        "engineVersion": text("1"), "lastDeployed": now,
    });
    json!({ "Responses": { (CONFIG.table.clone()): [workspace, function] }, "UnprocessedKeys": {} })
}
