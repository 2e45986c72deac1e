//! Requests that come again: with one `Idempotency-Key` they are carried out once.

use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use deployment::Deployment;
use futures_util::future::join_all;
use serde_json::{Value, json};
use testkit::faults::Fault;
use testkit::{Answer, Event};

/// A function that tells how often its process has run it.
const COUNTING: &str =
    "n = 0\ndef handler(event, context):\n    global n\n    n += 1\n    return n\n";

/// An API with a workspace and a function, and a request of every kind that makes something.
struct Bed {
    api: Deployment,
    workspace: String,
    function: String,
}

impl Bed {
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

    /// Paths, bodies, and the status of success.
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
        self.api.send(event.json(body)).await
    }

    /// How many there are of what a request at `path` makes.
    async fn number(&self, path: &str) -> usize {
        let path = path.replace("/invoke", "/logs");
        let listed = self.api.get(&path).await;
        listed.as_array().or_else(|| listed["logs"].as_array()).unwrap().len()
    }
}

#[tokio::test]
async fn the_same_key_and_body_get_the_same_answer_and_do_it_once() {
    let env = Bed::start().await;
    for (path, body, status) in env.requests() {
        let before = env.number(&path).await;
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
        assert_eq!(env.number(&path).await, before + 1, "{path}");

        let mut another = body.clone();
        another["name"] = json!("other");
        let other = env.send(&path, "0195-a", &another).await;
        let message = other.assert_error(422, "VALIDATION_ERROR");
        assert_eq!(other.json()["error"]["details"]["field"], "Idempotency-Key", "{path}");
        assert!(message.contains("another body"), "{message}");
        for wrong in ["", "a b", &"k".repeat(256)] {
            env.send(&path, wrong, &body).await.assert_error(422, "VALIDATION_ERROR");
        }
        assert_eq!(env.number(&path).await, before + 1, "{path}");

        let another = env.send(&path, "0195-b", &body).await;
        assert_eq!(
            (another.status, another.header("idempotency-replayed")),
            (status, ""),
            "{path}"
        );
        assert_eq!(env.number(&path).await, before + 2, "{path}");
    }
    let kept: String = env.api.claims().await.iter().map(|claim| format!("{claim:?}")).collect();
    assert!(!kept.contains("0195") && !kept.contains("faas_"), "{kept}");
}

#[tokio::test]
async fn a_key_is_its_owners_and_its_paths() {
    let env = Bed::start().await;
    let path = "/api/workspaces";
    let body = json!({"name": "once"});
    let event = || Event::new("POST", path).header("idempotency-key", Some("1")).json(&body);
    let of = async |subject| env.api.send(event().from(subject)).await;
    let (ada, bob) = (of("ada").await, of("bob").await);
    assert_eq!((ada.status, bob.status), (201, 201));
    assert_ne!(ada.json()["id"], bob.json()["id"]);
    assert_eq!(of("ada").await.body, ada.body);
}

#[tokio::test]
async fn several_at_once_are_one() {
    let env = Bed::start().await;
    for (path, body, status) in env.requests() {
        let before = env.number(&path).await;
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
        assert_eq!(env.number(&path).await, before + 1, "{path}");
    }
}

#[tokio::test]
async fn what_was_refused_changed_nothing_and_can_be_sent_again() {
    let env = Bed::start().await;
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
async fn what_nobody_knows_the_end_of_is_done_once_when_it_comes_again() {
    let env = Bed::start().await;
    // What comes before the transaction, or the run, passes: claims, a source, what is to be run. From
    // then on nobody hears of anything any more.
    for ((path, body, status), passes) in env.requests().into_iter().zip([1, 2, 1, 2]) {
        let before = env.number(&path).await;
        env.api.env.faults.spoil(passes + 1, 1000, Fault::Unanswered);
        let first = env.send(&path, "lost", &body).await;
        assert!(env.api.env.faults.heal(), "{path}");
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
        assert_eq!(env.number(&path).await, before + 1, "{path}");
    }
    let (path, body, _) = &env.requests()[3];
    let ran = env.send(path, "another", body).await.json();
    assert_eq!(ran["responseBody"], 2, "it ran once before");
}

#[tokio::test]
async fn what_was_deleted_stays_deleted_when_its_making_comes_again() {
    let env = Bed::start().await;
    let (path, body, _) = &env.requests()[1];
    let made = env.send(path, "key", body).await;
    let function = made.header("location").to_owned();
    assert_eq!(env.api.ask("DELETE", &function, None).await.status, 204);
    let again = env.send(path, "key", body).await;
    assert_eq!((again.status, &again.body), (201, &made.body), "the answer of then");
    env.api.ask("GET", &function, None).await.assert_error(404, "NOT_FOUND");
}

#[tokio::test]
async fn a_function_that_may_have_run_is_not_run_again() {
    let env = Bed::start().await;
    let (path, body, _) = &env.requests()[3];
    let ran = env.send(path, "key", body).await.json();
    // As if its log had not been written.
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
async fn a_key_is_kept_for_24_hours() {
    let env = Bed::start().await;
    let (path, body, _) = &env.requests()[0];
    let before = env.number(path).await;
    let began = shared::domain::Timestamp::now().epoch_seconds();
    env.send(path, "key", body).await;
    let expires: i64 = env.api.claims().await[0]["expiresAt"].as_n().unwrap().parse().unwrap();
    let kept = expires - began;
    assert!((86_400..86_460).contains(&kept), "{kept}");
    env.api.set_in_claims("expiresAt", began).await;
    let again = env.send(path, "key", &json!({"name": "other"})).await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (201, ""));
    assert_eq!(env.number(path).await, before + 2);
}
