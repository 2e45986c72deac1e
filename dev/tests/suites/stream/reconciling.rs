//! Deployment, publishing and purge after changes of the table.

use std::time::Duration;

use super::env::StreamEnv;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use shared::domain::{DeploymentState, ExecutionStatus, Timestamp};
use shared::http::BaseUrl;

fn code(source: &str) -> serde_json::Value {
    json!({"code": STANDARD.encode(source)})
}

#[tokio::test]
async fn deployment_has_the_functions_settings() {
    let env = StreamEnv::start().await;
    let settings = json!({"runtime": "Python 3.13", "memory": 512, "timeout": 900,
        "environmentVariables": {"KEY": "값"}});
    let id = env.env.new_function(&env.ws, "x = 1", &settings).await;
    let base = BaseUrl("http://a".into());
    let before = env.read(&id).await.unwrap();
    assert_eq!(
        (&before.last_deployed, base.with_invocation_url(before.clone()).invocation_url),
        (&None, None)
    );
    env.settle().await;
    let after = env.read(&id).await.unwrap();
    assert!(after.last_deployed.is_some_and(|at| at >= before.last_modified));
    let url = base.with_invocation_url(after).invocation_url;
    assert_eq!(url, Some(format!("http://a/invoke/{}/{id}", env.ws)));

    let lambda = env.env.lambda_client().await;
    let get = lambda.get_function_configuration().function_name(format!("faas-{id}"));
    let found = get.qualifier("1").send().await.unwrap();
    assert_eq!(found.runtime().unwrap().as_str(), "python3.13");
    assert_eq!((found.memory_size(), found.timeout()), (Some(512), Some(900)));
    assert_eq!(found.role(), Some(env.env.config.engine_role.as_str()));
    assert_eq!(found.environment().unwrap().variables().unwrap()["KEY"], "값");
}

#[tokio::test]
async fn changes_without_effect_on_execution_are_not_deployed() {
    let env = StreamEnv::start().await;
    let id = env.function("x = 1").await;
    env.settle().await;
    let first = env.read(&id).await.unwrap().last_deployed;
    env.env
        .patch(&env.ws, &id, &json!({"name": "이름", "httpMethods": ["PUT"], "status": "disabled"}))
        .await;
    env.settle().await;
    assert_eq!(env.read(&id).await.unwrap().last_deployed, first);
    env.env.patch(&env.ws, &id, &json!({"timeout": 11})).await;
    env.settle().await;
    assert!(env.read(&id).await.unwrap().last_deployed > first);
}

#[tokio::test]
async fn source_is_published_and_old_versions_are_removed() {
    let env = StreamEnv::start().await;
    let id = env.function("print(1)").await;
    env.settle().await;
    let published = format!("{}/{id}.py", env.ws);
    for source in ["print(2)", "print('셋')\r\n", "print(2)"] {
        env.env.patch(&env.ws, &id, &code(source)).await;
        env.settle().await;
        let objects = env.objects().await;
        assert_eq!(objects.len(), 2, "{objects:?}");
        assert!(objects.values().all(|text| text == source.as_bytes()), "{objects:?}");
        assert!(objects.contains_key(&published), "{objects:?}");
    }
    // Several changes before the reconciler sees the first.
    for i in 0..4 {
        env.env.patch(&env.ws, &id, &code(&format!("print({i})"))).await;
    }
    env.settle().await;
    let objects = env.objects().await;
    assert_eq!((objects.len(), &*objects[&published]), (2, &b"print(3)"[..]));
}

#[tokio::test]
async fn deleted_resources_leave_nothing() {
    let env = StreamEnv::start().await;
    let (gone, stays) = (env.function("x = 1").await, env.function("x = 2").await);
    env.settle().await;
    for _ in 0..60 {
        env.env.execution(&env.ws, &gone, Timestamp::now(), ExecutionStatus::Success, 1.0).await;
    }
    env.settle().await;
    env.delete(&gone).await;
    // An execution that ended after the deletion.
    env.env.execution(&env.ws, &gone, Timestamp::now(), ExecutionStatus::Success, 1.0).await;
    env.settle().await;
    assert_eq!(env.deployed().await, [format!("faas-{stays}")]);
    assert_eq!(env.objects().await.len(), 2);
    let of = |sk: &str| (format!("WS#{}", env.ws), sk.to_owned());
    let left = [
        of(&format!("FN#{stays}")),
        of("METADATA"),
        of("METRICS"),
        of(&format!("METRICS#{stays}")),
    ];
    assert_eq!(env.keys().await, left);

    env.env.execution(&env.ws, &stays, Timestamp::now(), ExecutionStatus::Success, 1.0).await;
    env.delete_workspace().await;
    env.settle().await;
    assert_eq!(env.keys().await, []);
    assert_eq!(env.objects().await.len(), 0);
    assert_eq!(env.deployed().await, [] as [String; 0]);
}

#[tokio::test]
async fn large_purge_continues_in_steps() {
    let mut env = StreamEnv::start().await;
    env.reconciler = env.reconciler.clone().with_purge_step(Duration::ZERO);
    let id = env.function("x = 1").await;
    for _ in 0..3 {
        env.function("x = 2").await;
    }
    env.settle().await;
    for _ in 0..1100 {
        env.env.execution(&env.ws, &id, Timestamp::now(), ExecutionStatus::Success, 1.0).await;
    }
    env.delete(&id).await;
    let mut steps = 0;
    while !env.keys().await.iter().all(|(pk, sk)| pk.starts_with("WS#") && !sk.contains("NOTE#")) {
        assert!(steps < 10, "the purge does not end");
        env.settle().await;
        steps += 1;
    }
    env.delete_workspace().await;
    env.settle().await;
    assert_eq!(env.keys().await, []);
    assert_eq!(env.objects().await.len(), 0);
}

#[tokio::test]
async fn orphaned_sources_are_removed_after_15_minutes() {
    let env = StreamEnv::start().await;
    let id = env.function("x = 1").await;
    env.settle().await;
    let key = format!("code/{}/{id}/00000000000000000000000000.py", env.ws);
    let put = env.env.s3.put_object().bucket(&env.env.config.bucket).key(&key);
    put.body(b"lost".to_vec().into()).send().await.unwrap();
    env.env.patch(&env.ws, &id, &code("x = 2")).await;
    env.settle().await;
    assert!(env.objects().await.contains_key(&key), "a request in progress may have written it");
    let now = Timestamp::now().epoch_milliseconds();
    let later = shared::domain::Clock::standing_at(
        Timestamp::from_epoch_milliseconds(now + 16 * 60_000).unwrap(),
    );
    env.env.patch(&env.ws, &id, &code("x = 3")).await;
    env.store_at(&later).publish_source(&env.ws, &id, &[]).await.unwrap();
    assert!(!env.objects().await.contains_key(&key));
}

#[tokio::test]
async fn rejected_deployment_reports_its_reason() {
    let env = StreamEnv::start().await;
    let id = env.function("x = 1").await;
    // Below the limit of names and values, above Lambda's limit of their JSON.
    let variables = (0..1000).map(|i| (format!("V{i:03}"), String::new()));
    env.store_variables(&id, variables.collect()).await;
    env.settle().await;
    let function = env.read(&id).await.unwrap();
    let reason = function.deployment_error.unwrap();
    assert!(reason.contains("environment variables are too large"), "{reason}");
    assert_eq!(function.last_deployed, None);
    let callable = env.env.store.callable_function(&env.ws, &id).await.unwrap();
    assert_eq!(callable.state, DeploymentState::Failed(reason));

    env.store_variables(&id, vec![("N".into(), "1".into())]).await;
    assert_eq!(
        env.read(&id).await.unwrap().deployment_error,
        None,
        "the error was of an earlier version"
    );
    env.settle().await;
    let reason = env.read(&id).await.unwrap().deployment_error.unwrap();
    assert!(reason.contains("two characters or more"), "{reason}");
    env.env.patch(&env.ws, &id, &json!({"environmentVariables": {}})).await;
    env.settle().await;
    let function = env.read(&id).await.unwrap();
    assert_eq!(function.deployment_error, None);
    assert!(function.last_deployed.is_some());
    let listed = serde_json::to_value(function).unwrap();
    assert_eq!(listed.get("deploymentError"), None, "without an error there is no field");
}

#[tokio::test]
async fn failing_record_is_retried_deferred_and_reported() {
    let mut env = StreamEnv::start().await;
    let id = env.function("x = 1").await;
    let unreachable = testkit::lambda_client(
        "http://127.0.0.1:9",
        aws_smithy_http_client::Builder::new().build_http(),
    );
    let engine = shared::engine::Engine::with_client(unreachable, &env.env.config);
    let failing = reconciler::Reconciler::new(env.env.store.clone(), engine);
    let working = std::mem::replace(&mut env.reconciler, failing);
    let marker = format!("NOTE#{id}");
    // A record is deferred once it is 20 s old.
    let event = |mut records: Vec<serde_json::Value>, seconds_older: i64| {
        for record in &mut records {
            let created = &mut record["dynamodb"]["ApproximateCreationDateTime"];
            *created = json!(created.as_i64().unwrap() - seconds_older);
        }
        json!({"Records": records})
    };
    let mut stream = env.env.stream();
    let records = stream.next(100).unwrap();
    let answer = env.process(event(records.clone(), -3600)).await;
    assert_eq!(answer["batchItemFailures"].as_array().unwrap().len(), 1, "it is retried");
    assert!(!env.keys().await.iter().any(|(_, sk)| *sk == marker));
    assert_eq!(env.process(event(records, 21)).await["batchItemFailures"], json!([]));
    assert!(env.keys().await.iter().any(|(_, sk)| *sk == marker), "it is deferred");
    assert_eq!(env.read(&id).await.unwrap().deployment_error, None);

    // One attempt before the last.
    let key = aws_sdk_dynamodb::types::AttributeValue::S;
    let update = env.env.dynamodb.update_item().table_name(&env.env.config.table);
    let update = update.key("PK", key(format!("WS#{}", env.ws))).key("SK", key(marker.clone()));
    let many = aws_sdk_dynamodb::types::AttributeValue::N("299".into());
    let update = update.update_expression("ADD failures :many");
    update.expression_attribute_values(":many", many).send().await.unwrap();
    let answer = env.process(event(stream.next(100).unwrap(), 21)).await;
    assert_eq!(answer["batchItemFailures"], json!([]));
    let reason = env.read(&id).await.unwrap().deployment_error.unwrap();
    assert!(reason.contains("for more than an hour"), "{reason}");
    assert!(!env.keys().await.iter().any(|(_, sk)| *sk == marker), "the next change starts anew");

    env.reconciler = working;
    env.settle().await;
    let function = env.read(&id).await.unwrap();
    assert!(function.last_deployed.is_some() && function.deployment_error.is_none());
    assert!(!env.keys().await.iter().any(|(_, sk)| *sk == marker), "no retry marker is left");
}

#[tokio::test]
async fn deployment_error_does_not_quote_environment_variables() {
    let env = StreamEnv::start().await;
    // Lambda's error quotes all variables. This one looks like an error of the role.
    let mut variables: Vec<_> = (0..900).map(|i| (format!("V{i:03}"), String::new())).collect();
    variables.push(("SECRET_role".into(), "hunter2 cannot be assumed by Lambda".into()));
    let id = env.function("x = 1").await;
    env.store_variables(&id, variables).await;
    env.settle().await;
    let reason = env.read(&id).await.unwrap().deployment_error.unwrap();
    assert!(reason.contains("environment variables are too large"), "{reason}");
    assert!(!reason.contains("hunter2"), "{reason}");
}

/// Records read by hand out of the stream, as in `docs/operating.md`.
#[tokio::test]
async fn records_without_mapping_fields_are_processed() {
    let env = StreamEnv::start().await;
    let id = env.function("x = 1").await;
    let mut records = env.env.stream().next(100).unwrap();
    for record in &mut records {
        record.as_object_mut().unwrap().remove("eventSourceARN");
        record["dynamodb"].as_object_mut().unwrap().remove("ApproximateCreationDateTime");
    }
    for _ in 0..2 {
        let answer = env.process(json!({"Records": records})).await;
        assert_eq!(answer, json!({"batchItemFailures": []}));
        assert!(env.read(&id).await.unwrap().last_deployed.is_some());
    }
    env.env.execution(&env.ws, &id, Timestamp::now(), ExecutionStatus::Success, 1.0).await;
    env.settle().await;
    assert_eq!(env.read(&id).await.unwrap().invocations_24h, 1);
}
