//! Retries with one `Idempotency-Key` take effect once.

use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use deployment::Deployment;
use futures_util::future::join_all;
use serde_json::{Value, json};
use shared::domain::Timestamp;
use testkit::faults::Fault;
use testkit::{Answer, Event};

/// A function that returns how often its process has run it.
const COUNTING: &str =
    "n = 0\ndef handler(event, context):\n    global n\n    n += 1\n    return n\n";

/// A deployment with a workspace and a function.
struct IdempotencyEnv {
    api: Deployment,
    workspace: String,
    function: String,
}

impl IdempotencyEnv {
    async fn start() -> Self {
        let api = Deployment::start().await;
        let made = api.make("/api/workspaces", &json!({"name": "w"})).await;
        let workspace = format!("/api/workspaces/{}", made["id"].as_str().unwrap());
        let body = json!({"name": "f", "code": STANDARD.encode(COUNTING)});
        let made = api.make(&format!("{workspace}/functions"), &body).await;
        let function = format!("{workspace}/functions/{}", made["id"].as_str().unwrap());
        api.settle().await;
        Self { api, workspace, function }
    }

    /// Path, body and success status of each route that takes the header.
    fn requests(&self) -> [(String, Value, u16); 4] {
        let source = STANDARD.encode("def handler(event, context): pass");
        [
            ("/api/workspaces".into(), json!({"name": "once"}), 201),
            (format!("{}/functions", self.workspace), json!({"name": "once", "code": source}), 201),
            (format!("{}/keys", self.function), json!({"name": "once"}), 201),
            (format!("{}/invoke", self.function), json!({"n": 1.50}), 200),
        ]
    }

    async fn send(&self, path: &str, key: &str, body: &Value) -> Answer {
        let event = Event::new("POST", path).header("idempotency-key", Some(key));
        self.api.send(event.json(body), path).await
    }

    /// How many resources a GET of `path` lists.
    async fn count(&self, path: &str) -> usize {
        let path = path.replace("/invoke", "/logs");
        let listed = self.api.get(&path).await;
        listed.as_array().or_else(|| listed["logs"].as_array()).unwrap().len()
    }
}

#[tokio::test]
async fn repeated_key_and_body_replay_the_response() {
    let env = IdempotencyEnv::start().await;
    for (path, body, status) in env.requests() {
        let before = env.count(&path).await;
        let first = env.send(&path, "0195-a", &body).await;
        assert_eq!(first.status, status, "{path}: {}", first.body);
        assert_eq!(first.header("idempotency-replayed"), "", "{path}");
        for _ in 0..2 {
            let again = env.send(&path, "0195-a", &body).await;
            assert_eq!((again.status, &again.body), (status, &first.body), "{path}");
            assert_eq!(again.header("idempotency-replayed"), "true", "{path}");
            for header in ["location", "etag", "cache-control"] {
                assert_eq!(again.header(header), first.header(header), "{path}: {header}");
            }
        }
        assert_eq!(env.count(&path).await, before + 1, "{path}");

        let mut another = body.clone();
        another["name"] = json!("other");
        let other = env.send(&path, "0195-a", &another).await;
        let message = other.assert_error(422, "VALIDATION_ERROR");
        assert_eq!(other.json()["error"]["details"]["field"], "Idempotency-Key", "{path}");
        assert!(message.contains("another body"), "{message}");
        for wrong in ["", "a b", &"k".repeat(256)] {
            env.send(&path, wrong, &body).await.assert_error(422, "VALIDATION_ERROR");
        }
        assert_eq!(env.count(&path).await, before + 1, "{path}");

        let another = env.send(&path, "0195-b", &body).await;
        assert_eq!(
            (another.status, another.header("idempotency-replayed")),
            (status, ""),
            "{path}"
        );
        assert_eq!(env.count(&path).await, before + 2, "{path}");
    }
    let records: String =
        env.api.claims().await.iter().map(|record| format!("{record:?}")).collect();
    assert!(!records.contains("0195") && !records.contains("faas_"), "{records}");
}

#[tokio::test]
async fn idempotency_key_is_scoped_to_owner_and_path() {
    let env = IdempotencyEnv::start().await;
    let path = "/api/workspaces";
    let body = json!({"name": "once"});
    let event = || Event::new("POST", path).header("idempotency-key", Some("1")).json(&body);
    let of = async |subject| env.api.send(event().from(subject), path).await;
    let (ada, bob) = (of("ada").await, of("bob").await);
    assert_eq!((ada.status, bob.status), (201, 201));
    assert_ne!(ada.json()["id"], bob.json()["id"]);
    assert_eq!(of("ada").await.body, ada.body);
}

#[tokio::test]
async fn concurrent_requests_with_one_key_create_once() {
    let env = IdempotencyEnv::start().await;
    for (path, body, status) in env.requests() {
        let before = env.count(&path).await;
        let answers = join_all((0..8).map(|_| env.send(&path, "at-once", &body))).await;
        let done: Vec<_> = answers.iter().filter(|answer| answer.status == status).collect();
        assert!(!done.is_empty(), "{path}");
        for answer in &answers {
            if answer.status == status {
                assert_eq!(answer.body, done[0].body, "{path}");
            } else {
                let message = answer.assert_error(409, "CONFLICT");
                assert!(message.contains("not done yet"), "{message}");
            }
        }
        assert_eq!(env.count(&path).await, before + 1, "{path}");
    }
}

#[tokio::test]
async fn rejected_request_keeps_no_idempotency_record() {
    let env = IdempotencyEnv::start().await;
    let missing = "/api/workspaces/ws-missing/functions".to_owned();
    let (_, body, _) = &env.requests()[1];
    for path in [&missing, &format!("{missing}/fn-1/keys"), &format!("{missing}/fn-1/invoke")] {
        for _ in 0..2 {
            env.send(path, "key", body).await.assert_error(404, "NOT_FOUND");
        }
    }
    assert_eq!(env.api.claims().await.len(), 0);
}

#[tokio::test]
async fn retry_after_an_unknown_outcome_creates_once() {
    let env = IdempotencyEnv::start().await;
    // The calls before the transaction or the execution pass: the claim, the source, the function's
    // settings. The answers of all later calls are lost.
    for ((path, body, status), passes) in env.requests().into_iter().zip([1, 2, 1, 2]) {
        let before = env.count(&path).await;
        env.api.env.faults.inject(passes + 1, 1000, Fault::Unanswered);
        let first = env.send(&path, "lost", &body).await;
        assert!(env.api.env.faults.clear(), "{path}");
        if status == 201 {
            first.assert_error(503, "SERVICE_UNAVAILABLE");
        }
        env.api.set_in_claims("busyUntil", 0).await;
        let again = env.send(&path, "lost", &body).await;
        assert_eq!(again.status, status, "{path}: {}", again.body);
        let third = env.send(&path, "lost", &body).await;
        assert_eq!(
            (third.status, third.json()["id"].clone()),
            (again.status, again.json()["id"].clone())
        );
        assert_eq!(env.count(&path).await, before + 1, "{path}");
    }
    let (path, body, _) = &env.requests()[3];
    let ran = env.send(path, "another", body).await.json();
    assert_eq!(ran["responseBody"], 2, "it ran once for the first key");
}

#[tokio::test]
async fn replayed_creation_does_not_recreate_a_deleted_resource() {
    let env = IdempotencyEnv::start().await;
    let (path, body, _) = &env.requests()[1];
    let made = env.send(path, "key", body).await;
    let function = made.header("location").to_owned();
    assert_eq!(env.api.ask("DELETE", &function, None).await.status, 204);
    let again = env.send(path, "key", body).await;
    assert_eq!((again.status, &again.body), (201, &made.body), "the first response");
    env.api.ask("GET", &function, None).await.assert_error(404, "NOT_FOUND");
}

#[tokio::test]
async fn execution_with_unknown_outcome_is_not_repeated() {
    let env = IdempotencyEnv::start().await;
    let (path, body, _) = &env.requests()[3];
    let ran = env.send(path, "key", body).await.json();
    // The state after a failed write of the log.
    let log = ("FN#".to_owned() + env.function.rsplit('/').next().unwrap(), ran["id"].clone());
    let key = format!("LOG#{}#{}", ran["timestamp"].as_str().unwrap(), log.1.as_str().unwrap());
    let delete = env.api.env.dynamodb.delete_item().table_name(&env.api.env.config.table);
    let delete = delete.key("PK", AttributeValue::S(log.0)).key("SK", AttributeValue::S(key));
    delete.send().await.unwrap();
    let message = env.send(path, "key", body).await.assert_error(409, "CONFLICT");
    assert!(message.contains("not done yet"), "{message}");
    env.api.set_in_claims("busyUntil", 0).await;
    let message = env.send(path, "key", body).await.assert_error(409, "CONFLICT");
    assert!(message.contains("nobody knows"), "{message}");
    assert_eq!(env.send(path, "another", body).await.json()["responseBody"], 2, "it ran twice");
}

#[tokio::test]
async fn idempotency_key_expires_after_24_hours() {
    let env = IdempotencyEnv::start().await;
    let (path, body, _) = &env.requests()[0];
    let before = env.count(path).await;
    let began = Timestamp::now().epoch_seconds();
    env.send(path, "key", body).await;
    let ended = Timestamp::now().epoch_seconds();
    let expires: i64 = env.api.claims().await[0]["expiresAt"].as_n().unwrap().parse().unwrap();
    assert!((began..=ended).contains(&(expires - 86_400)), "{expires}");
    env.api.set_in_claims("expiresAt", began).await;
    let again = env.send(path, "key", &json!({"name": "other"})).await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (201, ""));
    assert_eq!(env.count(path).await, before + 2);
}
