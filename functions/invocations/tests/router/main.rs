//! What the invocations Lambda answers without running a function. `dev/tests/suites/calls` runs them.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::time::Duration;

use invocations::Invoker;
use serde_json::{Value, json};
use shared::domain::{
    CreateInvocationKey, Fields, FunctionId, NewInvocationKey, Owner, Timestamp, WorkspaceId,
};
use shared::engine::{Engine, MAX_EVENT_BYTES, PROTOCOL};
use shared::store::{Deployment, IdempotencyRecord};
use testkit::{Answer, Event, Lambda, TestEnv};

/// The Lambda over stores with one workspace, and an engine without functions.
struct RouterEnv {
    env: TestEnv,
    lambda: Lambda,
    workspace: WorkspaceId,
}

impl RouterEnv {
    async fn start() -> Self {
        let env = TestEnv::start().unwrap();
        let engine = Engine::with_client(env.lambda_client().await, &env.config);
        // No test here waits for a deployment.
        let mut config = env.config.clone();
        config.time_budget.deployment = Duration::ZERO;
        let invoker = Invoker::new(env.store.clone(), engine, &config);
        let lambda = env.lambda("invocations", invocations::router(invoker));
        let workspace = env.new_workspace().await;
        Self { env, lambda, workspace }
    }

    /// A function that is not deployed, with the methods GET, POST and PUT.
    async fn function(&self) -> FunctionId {
        self.env.new_function(&self.workspace, "x = 1", &json!({})).await
    }

    /// A function with a recorded deployment, which the engine does not have.
    async fn deployed(&self) -> FunctionId {
        let id = self.function().await;
        self.record_deployment(&id, PROTOCOL).await;
        id
    }

    /// Records the function as it is now as deployed.
    async fn record_deployment(&self, id: &FunctionId, adapter_protocol: u32) {
        let store = &self.env.store;
        let found = store.function(&Owner::anonymous(), &self.workspace, id).await.unwrap();
        let digest = found.value.deployment_digest();
        let (revision, digest, engine_version) = ("revision", &*digest, "1");
        let deployment =
            Deployment { revision, digest, engine_version, adapter_protocol, packages: None };
        store.record_deployment(&self.workspace, id, &deployment).await.unwrap();
    }

    async fn has_retry_marker(&self) -> bool {
        let scanned = self.env.dynamodb.scan().table_name(&self.env.config.table).send().await;
        scanned.unwrap().items().iter().any(|item| item["SK"].as_s().unwrap().starts_with("NOTE#"))
    }

    async fn patch(&self, id: &FunctionId, body: Value) {
        self.env.patch(&self.workspace, id, &body).await;
    }

    /// A new invocation key of a function, and its secret.
    async fn key(&self, id: &FunctionId) -> (NewInvocationKey, String) {
        let create = CreateInvocationKey::try_from(Fields::parse(br#"{"name": "a"}"#).unwrap());
        let claim = IdempotencyRecord::without_key(Timestamp::now());
        let new = create.unwrap().create(&claim.origin).unwrap();
        let (owner, ws) = (Owner::anonymous(), &self.workspace);
        self.env.store.create_invocation_key(&owner, &claim, ws, id, &new).await.unwrap();
        let secret = serde_json::to_value(&new).unwrap()["secret"].as_str().unwrap().to_owned();
        (new, secret)
    }

    async fn call(&self, id: &FunctionId, method: &str, key: Option<&str>) -> Answer {
        let at = format!("/invoke/{}/{id}/below", self.workspace);
        let event = Event::fixture("call-function").at(&at).method(method).text("");
        self.lambda.answer(event.header("x-api-key", key)).await
    }

    async fn try_out(&self, id: &FunctionId, body: &str) -> Answer {
        let at = format!("/api/workspaces/{}/functions/{id}/invoke", self.workspace);
        self.lambda.answer(Event::fixture("invoke-function").at(&at).text(body)).await
    }

    async fn has_logs(&self) -> bool {
        let scanned = self.env.dynamodb.scan().table_name(&self.env.config.table).send().await;
        scanned.unwrap().items().iter().any(|item| item["SK"].as_s().unwrap().starts_with("LOG#"))
    }
}

const METHODS: &str = "GET,POST,PUT,HEAD,OPTIONS";

#[tokio::test]
async fn function_without_a_deployment_returns_503() {
    let env = RouterEnv::start().await;
    let id = env.function().await;
    for answer in [env.call(&id, "GET", None).await, env.try_out(&id, "1").await] {
        let message = answer.assert_error(503, "SERVICE_UNAVAILABLE");
        assert!(message.contains("not deployed yet"), "{message}");
        assert_eq!(answer.header("retry-after"), "2");
    }
    assert!(!env.has_logs().await, "only executions are logged");
}

#[tokio::test]
async fn failed_deployment_returns_409_with_its_reason() {
    let env = RouterEnv::start().await;
    let id = env.function().await;
    let store = &env.env.store;
    store.record_failed_deployment(&env.workspace, &id, 1, "the role is missing").await.unwrap();
    for answer in [env.call(&id, "GET", None).await, env.try_out(&id, "1").await] {
        assert_eq!(answer.assert_error(409, "CONFLICT"), "the role is missing");
    }
}

#[tokio::test]
async fn other_methods_return_405_with_allow() {
    let env = RouterEnv::start().await;
    let id = env.function().await;
    for method in ["DELETE", "PATCH", "BREW"] {
        let answer = env.call(&id, method, None).await;
        let message = answer.assert_error(405, "METHOD_NOT_ALLOWED");
        assert!(message.starts_with(method), "{message}");
        assert_eq!(answer.header("allow"), METHODS);
    }
    let options = env.call(&id, "OPTIONS", None).await;
    assert_eq!((options.status, options.header("allow")), (204, METHODS));
    // HEAD is allowed as GET is.
    assert_eq!(env.call(&id, "HEAD", None).await.status, 503);
    env.patch(&id, json!({"httpMethods": ["DELETE"]})).await;
    env.call(&id, "DELETE", None).await.assert_error(503, "SERVICE_UNAVAILABLE");
    env.call(&id, "GET", None).await.assert_error(405, "METHOD_NOT_ALLOWED");

    env.patch(&id, json!({"httpMethods": ["OPTIONS", "HEAD"]})).await;
    for method in ["OPTIONS", "HEAD"] {
        assert_eq!(env.call(&id, method, None).await.status, 503, "the function takes it itself");
    }
    let answer = env.call(&id, "GET", None).await;
    answer.assert_error(405, "METHOD_NOT_ALLOWED");
    assert_eq!(answer.header("allow"), "HEAD,OPTIONS");
}

#[tokio::test]
async fn other_methods_at_the_test_button_are_redirected_to_the_url() {
    let env = RouterEnv::start().await;
    let id = env.function().await;
    let at = format!("/api/workspaces/{}/functions/{id}/invoke", env.workspace);
    let answer = async |method: &str, query: &str| {
        let event = Event::new(method, &format!("{at}{query}"));
        env.lambda.answer(event.header("host", Some("api.example"))).await
    };
    let url = format!("/invoke/{}/{id}", env.workspace);
    for (method, query) in [("GET", ""), ("PUT", "?a=1&b=%20"), ("HEAD", "")] {
        let answer = answer(method, query).await;
        assert_eq!(answer.status, 308, "{method}");
        assert_eq!(answer.header("location"), format!("https://api.example{url}{query}"));
    }
    let refused = answer("DELETE", "").await;
    refused.assert_error(405, "METHOD_NOT_ALLOWED");
    assert_eq!(refused.header("allow"), METHODS);
    let missing = format!("/api/workspaces/{}/functions/fn-nothing/invoke", env.workspace);
    env.lambda.answer(Event::new("GET", &missing)).await.assert_error(404, "NOT_FOUND");
}

#[tokio::test]
async fn a_change_that_is_not_deployed_yet_runs_at_the_url_only() {
    let env = RouterEnv::start().await;
    let id = env.deployed().await;
    env.patch(&id, json!({"timeout": 4})).await;
    let message = env.try_out(&id, "1").await.assert_error(503, "SERVICE_UNAVAILABLE");
    assert!(message.contains("not deployed yet"), "{message}");
    // The engine of this test has no function, so the version that was called is not found.
    let called = env.call(&id, "GET", None).await;
    let message = called.assert_error(503, "SERVICE_UNAVAILABLE");
    assert!(!message.contains("not deployed yet"), "{message}");
    assert!(!env.has_retry_marker().await);
}

#[tokio::test]
async fn a_function_with_the_adapter_of_an_earlier_release_is_deployed_again() {
    let env = RouterEnv::start().await;
    let id = env.function().await;
    env.record_deployment(&id, PROTOCOL - 1).await;
    let message = env.call(&id, "GET", None).await.assert_error(503, "SERVICE_UNAVAILABLE");
    assert!(message.contains("not deployed yet"), "{message}");
    assert!(env.has_retry_marker().await);
}

#[tokio::test]
async fn disabled_function_returns_409() {
    let env = RouterEnv::start().await;
    let id = env.deployed().await;
    env.patch(&id, json!({"status": "disabled"})).await;
    for answer in [env.call(&id, "GET", None).await, env.try_out(&id, "1").await] {
        let message = answer.assert_error(409, "CONFLICT");
        assert!(message.contains("disabled"), "{message}");
    }
    assert!(!env.has_logs().await, "only executions are logged");
}

#[tokio::test]
async fn missing_functions_and_paths_return_404() {
    let env = RouterEnv::start().await;
    let (id, ws) = (env.deployed().await, &env.workspace);
    let other = env.env.new_workspace().await;
    for path in [
        format!("/invoke/{ws}/fn-nothing"),
        format!("/invoke/ws-nothing/{id}"),
        format!("/invoke/{other}/{id}"),
        format!("/invoke/{ws}"),
        "/invoke/x/y/z".into(),
        format!("/api/workspaces/{ws}/functions/fn-nothing/invoke"),
        format!("/api/workspaces/{other}/functions/{id}/invoke"),
    ] {
        let answer = env.lambda.answer(Event::fixture("call-function").at(&path)).await;
        answer.assert_error(404, "NOT_FOUND");
    }
}

#[tokio::test]
async fn event_above_6_mib_returns_413() {
    let env = RouterEnv::start().await;
    let id = env.deployed().await;
    let large = "x".repeat(MAX_EVENT_BYTES);
    let at = format!("/invoke/{}/{id}", env.workspace);
    let call = env.lambda.answer(Event::fixture("call-function").at(&at).text(&*large)).await;
    for answer in [call, env.try_out(&id, &large).await] {
        let message = answer.assert_error(413, "PAYLOAD_TOO_LARGE");
        assert!(message.contains("6291456"), "{message}");
    }
    assert!(!env.has_logs().await, "only executions are logged");
}

/// A call that is authorized gets to the next check, which answers 503.
#[tokio::test]
async fn closed_function_returns_401_without_a_valid_key() {
    let env = RouterEnv::start().await;
    let (id, other) = (env.function().await, env.function().await);
    let ((first, secret), (_, second)) = (env.key(&id).await, env.key(&id).await);
    let (_, of_other) = env.key(&other).await;
    assert_eq!(env.call(&id, "GET", None).await.status, 503, "auth is none");
    env.patch(&id, json!({"auth": "key"})).await;
    for (key, part) in [
        (None, "in the header X-Api-Key"),
        (Some("faas_x"), "not one of"),
        (Some(&*of_other), "not one of"),
    ] {
        for method in ["GET", "DELETE", "OPTIONS"] {
            let answer = env.call(&id, method, key).await;
            let message = answer.assert_error(401, "UNAUTHORIZED");
            assert!(message.contains(part), "{message}");
            assert_eq!(answer.header("www-authenticate"), "ApiKey header=\"X-Api-Key\"");
            assert_eq!(answer.header("allow"), "", "methods are shown to authorized callers only");
        }
    }
    for key in [&secret, &second] {
        assert_eq!(env.call(&id, "GET", Some(key)).await.status, 503);
        assert_eq!(env.call(&id, "OPTIONS", Some(key)).await.status, 204);
    }
    assert_eq!(env.try_out(&id, "1").await.status, 503, "the console needs no key");

    let (owner, ws) = (Owner::anonymous(), &env.workspace);
    env.env.store.revoke_invocation_key(&owner, ws, &id, &first.key.id).await.unwrap();
    env.call(&id, "GET", Some(&secret)).await.assert_error(401, "UNAUTHORIZED");
    assert_eq!(env.call(&id, "GET", Some(&second)).await.status, 503);
    env.patch(&id, json!({"auth": "none"})).await;
    assert_eq!(env.call(&id, "GET", None).await.status, 503);
}
