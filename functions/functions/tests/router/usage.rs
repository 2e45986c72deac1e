//! Usage and times in functions.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use shared::domain::{Clock, Expected, FunctionId, Owner, PatchFunction, Timestamp};
use testkit::fields;

use crate::env::RouterEnv;

/// Stores the usage of a function with one execution in the present hour.
async fn put_usage(env: &RouterEnv, function: &Value) {
    let hour = Timestamp::now().epoch_milliseconds() / 3_600_000;
    let number = |number: i64| AttributeValue::N(number.to_string());
    let hours = AttributeValue::L(vec![AttributeValue::L([hour, 1, 0, 1000].map(number).into())]);
    let key = |text: String| AttributeValue::S(text);
    let item = HashMap::from([
        ("PK".to_owned(), key(format!("WS#{}", env.workspace))),
        ("SK".to_owned(), key(format!("METRICS#{}", function["id"].as_str().unwrap()))),
        ("hours".to_owned(), hours),
    ]);
    let put = env.env.dynamodb.put_item().table_name(&env.env.config.table);
    put.set_item(Some(item)).send().await.unwrap();
}

#[tokio::test]
async fn limited_list_has_the_usage_of_its_functions_beside_unpurged_ones() {
    let env = RouterEnv::start().await;
    let mut functions = Vec::new();
    for name in ["a", "b", "c", "d", "e", "f"] {
        let function = env.created(name, "x = 1").await;
        put_usage(&env, &function).await;
        functions.push(function);
    }
    let invocations = async |query: &str| -> Vec<(Value, Value)> {
        let listed = env.list(query).await.json();
        let each = listed.as_array().unwrap().iter();
        each.map(|f| (f["name"].clone(), f["invocations24h"].clone())).collect()
    };
    // Deleted, and not purged: nothing processes the stream here.
    for function in &functions[..4] {
        assert_eq!(env.delete(function).await.status, 204);
    }
    let [e, f] = ["e", "f"].map(|name| (json!(name), json!(1)));
    assert_eq!(invocations("?limit=1").await, std::slice::from_ref(&e));
    assert_eq!(invocations("?limit=2").await, [e.clone(), f.clone()]);
    assert_eq!(invocations("").await, [e, f]);
}

#[tokio::test]
async fn patched_function_has_its_last_modified_from_the_stores_clock() {
    let env = RouterEnv::start().await;
    let function = env.created("f", "x = 1").await;
    let id = function["id"].as_str().unwrap().parse::<FunctionId>().unwrap();
    let time = "2030-01-31T09:05:00.123Z".parse::<Timestamp>().unwrap();
    let store = env.env.store.clone().with_clock(Clock::standing_at(time));
    let owner = Owner::anonymous();
    for body in [json!({"name": "g"}), json!({"code": "eSA9IDI="})] {
        let patch = PatchFunction::try_from(fields(&body)).unwrap();
        let patched = store.patch_function(&owner, &env.workspace, &id, &Expected::Any, patch);
        assert_eq!(patched.await.unwrap().value.last_modified, time, "{body}");
    }
}
