//! The docs Lambda, asked with API Gateway's events.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::collections::BTreeSet;

use serde_json::{Value, json};
use shared::engine::Engine;
use testkit::faults::Fault;
use testkit::{Answer, Event, Lambda, TestEnv};

/// The stores and the engine behind the Lambda.
async fn start() -> (TestEnv, Lambda) {
    let env = TestEnv::start().unwrap();
    let engine = Engine::with_client(env.lambda_client().await, &env.config);
    let lambda = env.lambda("docs", docs::router(env.store.clone(), engine));
    (env, lambda)
}

async fn get(lambda: &Lambda, path: &str) -> Answer {
    lambda.answer(Event::new("GET", path)).await
}

#[tokio::test]
async fn it_is_up_and_says_so() {
    let (env, lambda) = start().await;
    let root = lambda.answer(Event::fixture("root")).await;
    assert_eq!(root.status, 200);
    assert_eq!(root.json()["status"], "ok");
    env.meter.start();
    let health = lambda.answer(Event::fixture("health")).await;
    assert_eq!(health.json(), json!({"status": "healthy"}));
    health.assert_shared();
    assert!(env.meter.stop().is_empty(), "nothing is asked for that");
}

#[tokio::test]
async fn deep_health_asks_everything_once_and_tells_how_long_it_took() {
    let (env, lambda) = start().await;
    env.meter.start();
    let health = get(&lambda, "/health?deep=1").await;
    assert_eq!(health.status, 200, "{}", health.body);
    for part in ["dynamodb", "s3", "engine"] {
        let check = &health.json()["checks"][part];
        assert_eq!(check["up"], true, "{}", health.body);
        assert!(check["milliseconds"].as_f64().unwrap() > 0.0, "{}", health.body);
    }
    let calls: BTreeSet<String> = env.meter.stop().into_iter().map(|call| call.operation).collect();
    assert_eq!(calls.len(), 3, "{calls:?}");
    for wrong in ["2", "", "yes", "-1", "1&deep=0"] {
        let answer = get(&lambda, &format!("/health?deep={wrong}")).await;
        assert_eq!(answer.assert_error(422, "VALIDATION_ERROR"), "deep must be 0 or 1", "{wrong}");
    }
}

#[tokio::test]
async fn what_is_down_is_named() {
    let (env, lambda) = start().await;
    let down = async |parts: &[&str], named: &str| {
        let answer = get(&lambda, "/health?deep=1").await;
        let message = answer.assert_error(503, "SERVICE_UNAVAILABLE");
        assert_eq!(message, format!("not working: {named}"));
        assert_eq!(answer.header("retry-after"), "2");
        let checks = &answer.json()["error"]["details"]["checks"];
        for part in ["dynamodb", "s3", "engine"] {
            assert_eq!(checks[part]["up"], !parts.contains(&part), "{part}: {checks}");
        }
    };
    env.faults.spoil(1, 100, Fault::Unsent);
    down(&["dynamodb", "s3", "engine"], "DynamoDB, S3, the engine").await;
    env.faults.hold_after(0);
    down(&["dynamodb", "s3", "engine"], "DynamoDB, S3, the engine").await;
    env.faults.heal();
    env.dynamodb.delete_table().table_name(&env.config.table).send().await.unwrap();
    down(&["dynamodb"], "DynamoDB").await;
}

#[tokio::test]
async fn the_description_names_the_server_that_was_asked_and_is_else_the_file() {
    let (_bed, lambda) = start().await;
    let answer = get(&lambda, "/openapi.json").await;
    assert_eq!(answer.header("content-type"), "application/json");
    let mut served = answer.json();
    let server = "https://a1b2c3d4e5.execute-api.ap-northeast-2.amazonaws.com";
    assert_eq!(served["servers"], json!([{ "url": server }]));
    served["servers"] = json!([{ "url": "/" }]);
    let file: Value = serde_json::from_str(include_str!("../../../../openapi.json")).unwrap();
    assert_eq!(served, file);
    let order = ["{\"openapi\"", "\"info\"", "\"servers\"", "\"paths\"", "\"components\""];
    let places: Vec<_> = order.iter().map(|part| answer.body.find(part).unwrap()).collect();
    assert!(places.is_sorted(), "{places:?}");
}

#[tokio::test]
async fn a_page_loads_only_what_is_served_here_and_may_be_kept() {
    let (_bed, lambda) = start().await;
    for (path, loaded) in [("/docs", 3), ("/redoc", 3)] {
        let page = get(&lambda, path).await;
        assert_eq!(page.status, 200);
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
        assert!(!page.body.contains("http"), "a page names no host: {}", page.body);
        let quoted = page.body.split('"').filter(|part| part.starts_with('/'));
        let files: Vec<&str> = quoted.collect();
        assert_eq!(files.len(), loaded, "{files:?}");
        for file in files {
            let packed = get(&lambda, file).await;
            assert_eq!(packed.status, 200, "{file}");
            assert_eq!(packed.header("content-encoding"), "gzip", "{file}");
            let kept = packed.header("cache-control");
            assert_eq!(kept, "public, max-age=31536000, immutable", "{file}");
            let plain = Event::new("GET", file).header("accept-encoding", None);
            let plain = lambda.answer(plain).await;
            assert_eq!(plain.header("content-encoding"), "", "{file}");
            assert_eq!(plain.header("vary"), "Accept-Encoding, Origin", "{file}");
            let kind = if file.ends_with(".css") { "text/css" } else { "text/javascript" };
            assert_eq!(plain.header("content-type"), kind, "{file}");
            assert!(packed.bytes().starts_with(&[0x1f, 0x8b]), "{file}");
            assert!(!plain.bytes().is_empty() && std::str::from_utf8(&plain.bytes()).is_ok());
        }
    }
    let missing = get(&lambda, "/docs/swagger-ui.js").await;
    missing.assert_error(404, "NOT_FOUND");
}

#[tokio::test]
async fn whatever_nothing_else_takes_is_an_error_in_our_form() {
    let (_bed, lambda) = start().await;
    for path in ["/nothing", "/api", "/api/workspace", "/한글 길", "/%", "/docs/a/b", "/../etc"]
    {
        get(&lambda, path).await.assert_error(404, "NOT_FOUND");
    }
    // Slashes at the end are trimmed, however many.
    assert_eq!(get(&lambda, "//").await.status, 200);
    let post = lambda.answer(Event::new("POST", "/health")).await;
    post.assert_error(405, "METHOD_NOT_ALLOWED");
    assert_eq!(post.header("allow"), "GET,HEAD,OPTIONS");
}
