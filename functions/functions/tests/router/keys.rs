//! Invocation keys: creation, listing, revocation.

use std::collections::BTreeSet;

use crate::env::RouterEnv;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join_all;
use serde_json::{Value, json};
use testkit::{Answer, Event};

struct KeyEnv {
    env: RouterEnv,
    function: Value,
}

impl KeyEnv {
    async fn start() -> Self {
        let env = RouterEnv::start().await;
        let function = env.created("f", "def handler(event, context): return 1").await;
        Self { env, function }
    }

    fn path(&self) -> String {
        format!("{}/keys", self.env.path_of(&self.function))
    }

    async fn create(&self, name: &str) -> Answer {
        let event =
            Event::fixture("create-invocation-key").at(&self.path()).json(&json!({ "name": name }));
        self.env.lambda.answer(event).await
    }

    async fn list(&self) -> Vec<Value> {
        let answer =
            self.env.lambda.answer(Event::fixture("list-invocation-keys").at(&self.path())).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json().as_array().unwrap().clone()
    }

    async fn revoke(&self, id: &str) -> Answer {
        let at = format!("{}/{id}", self.path());
        self.env.lambda.answer(Event::fixture("revoke-invocation-key").at(&at)).await
    }
}

fn id(key: &Value) -> &str {
    key["id"].as_str().unwrap()
}

#[tokio::test]
async fn key_secret_is_returned_once_and_stored_hashed() {
    let keys = KeyEnv::start().await;
    let answer = keys.create(" a ").await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.assert_shared();
    assert_eq!(answer.header("cache-control"), "no-store");
    let mut made = answer.json();
    let secret = made.as_object_mut().unwrap().remove("secret").unwrap();
    let secret = secret.as_str().unwrap();
    assert_eq!(made["name"], "a");
    assert_eq!(keys.list().await, [made.clone()]);

    let table = keys.env.env.dynamodb.scan().table_name(&keys.env.env.config.table);
    let items = format!("{:?}", table.send().await.unwrap().items());
    assert!(items.contains(id(&made)), "the key is stored");
    assert!(!items.contains(secret), "its secret is not");
    let function = keys.env.read(&keys.function).await.json();
    assert_eq!(function, keys.function, "the function's representation is unchanged");

    assert_eq!(keys.revoke(id(&made)).await.status, 204);
    assert_eq!(keys.list().await, [] as [Value; 0]);
    keys.revoke(id(&made)).await.assert_error(404, "NOT_FOUND");
}

#[tokio::test]
async fn concurrent_creations_stop_at_ten_keys() {
    let keys = KeyEnv::start().await;
    let names: Vec<String> = (0..14).map(|number| format!("k{number}")).collect();
    let answers = join_all(names.iter().map(|name| keys.create(name))).await;
    let made: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!(made.len(), 10);
    for refused in answers.iter().filter(|answer| answer.status != 201) {
        let message = refused.assert_error(409, "CONFLICT");
        assert!(message.contains("10 invocation keys"), "{message}");
        let details = &refused.json()["error"]["details"];
        assert_eq!(details, &json!({"limit": "invocationKeysPerFunction", "value": 10}));
    }
    let listed = keys.list().await;
    let listed_ids: BTreeSet<&str> = listed.iter().map(id).collect();
    let created: Vec<Value> = made.iter().map(|answer| answer.json()).collect();
    assert_eq!(listed_ids, created.iter().map(id).collect());
    let times: Vec<&str> = listed.iter().map(|key| key["createdAt"].as_str().unwrap()).collect();
    assert!(times.is_sorted(), "{times:?}");

    let revoked = join_all(listed[..5].iter().map(|key| keys.revoke(id(key)))).await;
    assert!(revoked.iter().all(|answer| answer.status == 204));
    assert_eq!(keys.list().await, listed[5..]);
    assert_eq!(keys.create("one more").await.status, 201);
}

#[tokio::test]
async fn keys_survive_updates_and_missing_functions_return_404() {
    let keys = KeyEnv::start().await;
    let made = keys.create("a").await.json();
    let changed = keys.env.patch(&keys.function, &json!({"name": "g", "auth": "key"})).await;
    assert_eq!((changed.status, &changed.json()["auth"]), (200, &json!("key")));
    let code = json!({"code": STANDARD.encode("x = 1")});
    assert_eq!(keys.env.patch(&keys.function, &code).await.status, 200);
    assert_eq!(id(&keys.list().await[0]), id(&made));

    for (name, status) in [(json!(null), 422), (json!(" "), 422), (json!(1), 422)] {
        let event =
            Event::fixture("create-invocation-key").at(&keys.path()).json(&json!({ "name": name }));
        keys.env.lambda.answer(event).await.assert_error(status, "VALIDATION_ERROR");
    }
    let refused = keys.env.patch(&keys.function, &json!({"auth": "token"})).await;
    let message = refused.assert_error(422, "VALIDATION_ERROR");
    assert_eq!(message, "auth must be one of none, key");
    for unknown in ["key-01jd0000000000000000000000", "fn-1", "x", "key-1/2"] {
        keys.revoke(unknown).await.assert_error(404, "NOT_FOUND");
    }
    assert_eq!(keys.env.delete(&keys.function).await.status, 204);
    keys.create("b").await.assert_error(404, "NOT_FOUND");
    keys.revoke(id(&made)).await.assert_error(404, "NOT_FOUND");
    let gone =
        keys.env.lambda.answer(Event::fixture("list-invocation-keys").at(&keys.path())).await;
    gone.assert_error(404, "NOT_FOUND");
}

#[tokio::test]
async fn concurrent_revocations_revoke_a_key_once() {
    let keys = KeyEnv::start().await;
    for number in 0..10 {
        assert_eq!(keys.create(&format!("k{number}")).await.status, 201);
    }
    let first = keys.list().await[0].clone();
    let answers = join_all((0..5).map(|_| keys.revoke(id(&first)))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 204).count(), 1);
    assert_eq!(keys.create("one").await.status, 201, "one slot is free");
    keys.create("two").await.assert_error(409, "CONFLICT");
}

/// Keys in the string set `invocationKeys`, their storage format before.
#[tokio::test]
async fn keys_in_the_legacy_set_are_listed_and_revoked() {
    let keys = KeyEnv::start().await;
    let new = keys.create("new").await.json();
    let old = |name: &str, at: u8| {
        json!({
            "id": format!("key-01jd000000000000000000000{at}"), "name": name,
            "createdAt": format!("2026-01-31T09:05:0{at}.000Z"),
            "hash": "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU",
        })
    };
    let set = [old("a", 1).to_string(), old("b", 2).to_string()].to_vec();
    let (dynamodb, table) = (&keys.env.env.dynamodb, &keys.env.env.config.table);
    let [ws, of] = ["workspaceId", "id"].map(|field| keys.function[field].as_str().unwrap());
    let item = dynamodb.update_item().table_name(table);
    item.key("PK", AttributeValue::S(format!("WS#{ws}")))
        .key("SK", AttributeValue::S(format!("FN#{of}")))
        .update_expression("SET invocationKeys = :old")
        .expression_attribute_values(":old", AttributeValue::Ss(set))
        .send()
        .await
        .unwrap();
    let names = async || {
        let listed = keys.list().await;
        listed.iter().map(|key| key["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names().await, ["a", "b", "new"]);
    let first = old("a", 1);
    assert_eq!(keys.revoke(id(&first)).await.status, 204);
    keys.revoke(id(&first)).await.assert_error(404, "NOT_FOUND");
    assert_eq!(names().await, ["b", "new"]);
    assert_eq!(keys.revoke(id(&new)).await.status, 204);
    assert_eq!(names().await, ["b"]);
}
