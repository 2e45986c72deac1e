//! What a deployment does and tells.

use serde_json::{Value, json};
use shared::domain::{Code, Owner};
use shared::time_budget::TimeBudget;
use testkit::{Event, TestEnv};
use tokio::time::Instant;

use crate::env::{BuildEnv, OTHER, SOURCE};

/// Names a new build of `source`.
async fn image(env: &BuildEnv, source: &str) -> Value {
    env.build("hello", source).await;
    let digest = Code::try_from(source.to_owned()).unwrap().sha256();
    json!(format!("faas://{}/hello:{}", env.workspace, &digest[..16]))
}

#[tokio::test]
async fn a_deployed_function_is_answered_at_once() {
    let env = BuildEnv::start().await;
    let function = env.function("hello", SOURCE).await;
    let image = image(&env, SOURCE).await;
    env.record_deployment(&function).await;
    env.env.meter.start();
    let answer = env.deploy(&function, &image).await;
    assert_eq!(env.env.meter.stop().len(), 1, "one read");
    let host = "https://a1b2c3d4e5.execute-api.ap-northeast-2.amazonaws.com";
    assert_eq!(
        answer.json(),
        json!({
            "app_name": "app", "namespace": "default", "service_name": "hello",
            "service_status": "Running", "enable_autoscaling": true, "use_spot": false,
            "endpoint": format!("{host}/invoke/{}/{function}", env.workspace),
        })
    );
}

#[tokio::test(start_paused = true)]
async fn a_build_becomes_the_source_and_is_waited_for_20_seconds() {
    let env = TestEnv::start_on_disk(TimeBudget::PRODUCT).unwrap();
    let env = BuildEnv::over(env).await;
    let function = env.function("hello", OTHER).await;
    env.record_deployment(&function).await;
    let image = image(&env, SOURCE).await;
    let began = Instant::now();
    env.env.meter.start();
    let answer = env.deploy(&function, &image).await;
    let calls = env.env.meter.stop();
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.json()["service_status"], "Pending");
    assert_eq!(answer.json()["endpoint"], Value::Null);
    assert_eq!(began.elapsed().as_secs(), 20);
    assert!(calls.len() < 20, "few looks: {}", calls.len());
    let read = env.env.store.function(&Owner::anonymous(), &env.workspace, &function).await;
    let read = read.unwrap();
    assert_eq!((read.value.code.as_str(), read.version), (SOURCE, 2));
    let again = env.deploy(&function, &image).await;
    assert_eq!(again.body, answer.body, "sent again, it does nothing twice");
    let read = env.env.store.function(&Owner::anonymous(), &env.workspace, &function).await;
    assert_eq!(read.unwrap().version, 2);
}

#[tokio::test(start_paused = true)]
async fn a_deployment_that_ends_meanwhile_is_told() {
    let env = TestEnv::start_on_disk(TimeBudget::PRODUCT).unwrap();
    let env = BuildEnv::over(env).await;
    let function = env.function("hello", SOURCE).await;
    let image = image(&env, SOURCE).await;
    let later = async || {
        tokio::time::sleep(std::time::Duration::from_secs(4)).await;
        env.record_deployment(&function).await;
    };
    let (answer, ()) = tokio::join!(env.deploy(&function, &image), later());
    assert_eq!(answer.json()["service_status"], "Running", "{}", answer.body);
    assert!(answer.json()["endpoint"].is_string());
}

#[tokio::test]
async fn what_cannot_be_deployed_says_so_at_once() {
    let env = BuildEnv::start().await;
    let function = env.function("hello", SOURCE).await;
    let image = image(&env, SOURCE).await;
    env.record_failure(&function, "the account is full").await;
    let told = env.deploy(&function, &image).await.assert_error(409, "CONFLICT");
    assert_eq!(told, "the account is full");
}

#[tokio::test]
async fn an_unknown_build_is_refused_by_its_field() {
    let env = BuildEnv::start().await;
    let function = env.function("hello", SOURCE).await;
    let foreign = env.env.new_workspace().await;
    let digest = "0123456789abcdef";
    for image in [
        json!("docker.io/somebody/hello:latest"),
        json!(format!("faas://{}/hello:{digest}", env.workspace)),
        json!(format!("faas://ws-nothing/hello:{digest}")),
        json!(7),
    ] {
        let answer = env.deploy(&function, &image).await;
        answer.assert_error(422, "VALIDATION_ERROR");
        assert_eq!(answer.json()["error"]["details"]["field"], "image_ref", "{image}");
    }
    let image = json!(format!("faas://{foreign}/hello:{digest}"));
    env.deploy(&function, &image).await.assert_error(404, "NOT_FOUND");
    for (field, value) in [
        ("function_id", Value::Null),
        ("app_name", json!("")),
        ("namespace", json!(1)),
        ("enable_autoscaling", json!("yes")),
    ] {
        let mut body = json!({"app_name": "a", "image_ref": image, "function_id": function});
        body[field] = value;
        let answer = env.deploy_with(body).await;
        answer.assert_error(422, "VALIDATION_ERROR");
        assert_eq!(answer.json()["error"]["details"]["field"], field);
    }
}

#[tokio::test]
async fn nobody_deploys_to_or_from_another_owner() {
    let env = BuildEnv::start().await;
    let function = env.function("hello", OTHER).await;
    let image = image(&env, SOURCE).await;
    let body = json!({"app_name": "a", "image_ref": image, "function_id": function});
    let event = Event::new("POST", "/api/v1/deploy").json(&body).from("bob");
    let answer = env.lambda.answer(event).await;
    answer.assert_error(422, "VALIDATION_ERROR");
    let read = env.env.store.function(&Owner::anonymous(), &env.workspace, &function).await;
    assert_eq!(read.unwrap().value.code.as_str(), OTHER);
}
