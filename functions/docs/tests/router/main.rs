//! The docs Lambda: health, the API description and its pages.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::collections::BTreeSet;

use serde_json::{Value, json};
use shared::engine::Engine;
use testkit::faults::Fault;
use testkit::{Answer, Event, Lambda, TestEnv};

/// The Lambda with its stores and engine.
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
async fn health_returns_200_without_aws_calls() {
    let (env, lambda) = start().await;
    let root = lambda.answer(Event::fixture("get-root")).await;
    assert_eq!(root.status, 200);
    assert_eq!(root.json()["status"], "ok");
    env.meter.start();
    let health = lambda.answer(Event::fixture("get-health")).await;
    assert_eq!(health.json(), json!({"status": "healthy"}));
    health.assert_shared();
    assert!(env.meter.stop().is_empty(), "no AWS call");
}

#[tokio::test]
async fn deep_health_checks_each_dependency_once_with_its_duration() {
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

#[tokio::test(start_paused = true)]
async fn deep_health_names_failing_dependencies_in_a_503() {
    let (env, lambda) = start().await;
    let assert_down = async |parts: &[&str], named: &str| {
        let answer = get(&lambda, "/health?deep=1").await;
        let message = answer.assert_error(503, "SERVICE_UNAVAILABLE");
        assert_eq!(message, format!("not working: {named}"));
        assert_eq!(answer.header("retry-after"), "2");
        let checks = &answer.json()["error"]["details"]["checks"];
        for part in ["dynamodb", "s3", "engine"] {
            assert_eq!(checks[part]["up"], !parts.contains(&part), "{part}: {checks}");
        }
    };
    env.faults.inject(1, 100, Fault::Unsent);
    assert_down(&["dynamodb", "s3", "engine"], "DynamoDB, S3, the engine").await;
    env.faults.block_after(0);
    assert_down(&["dynamodb", "s3", "engine"], "DynamoDB, S3, the engine").await;
    env.faults.clear();
    env.dynamodb.delete_table().table_name(&env.config.table).send().await.unwrap();
    assert_down(&["dynamodb"], "DynamoDB").await;
}

#[tokio::test]
async fn openapi_json_is_the_file_with_the_requests_server_url() {
    let (_env, lambda) = start().await;
    let answer = get(&lambda, "/openapi.json").await;
    assert_eq!(answer.header("content-type"), "application/json");
    let mut served = answer.json();
    let server = "https://a1b2c3d4e5.execute-api.ap-northeast-2.amazonaws.com";
    assert_eq!(served["servers"], json!([{ "url": server }]));
    served["servers"] = json!([{ "url": "/" }]);
    let file: Value = serde_json::from_str(include_str!("../../../../openapi.json")).unwrap();
    assert_eq!(served, file);
    let fields = ["{\"openapi\"", "\"info\"", "\"servers\"", "\"paths\"", "\"components\""];
    let offsets: Vec<_> = fields.iter().map(|part| answer.body.find(part).unwrap()).collect();
    assert!(offsets.is_sorted(), "{offsets:?}");
}

#[tokio::test]
async fn docs_pages_load_only_own_cacheable_files() {
    let (_env, lambda) = start().await;
    for (path, file_count) in [("/docs", 3), ("/redoc", 3)] {
        let page = get(&lambda, path).await;
        assert_eq!(page.status, 200);
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
        assert!(!page.body.contains("http"), "a page names no host: {}", page.body);
        let quoted = page.body.split('"').filter(|part| part.starts_with('/'));
        let files: Vec<&str> = quoted.collect();
        assert_eq!(files.len(), file_count, "{files:?}");
        for file in files {
            let compressed = get(&lambda, file).await;
            assert_eq!(compressed.status, 200, "{file}");
            assert_eq!(compressed.header("content-encoding"), "gzip", "{file}");
            let cache_control = compressed.header("cache-control");
            assert_eq!(cache_control, "public, max-age=31536000, immutable", "{file}");
            let plain = Event::new("GET", file).header("accept-encoding", None);
            let plain = lambda.answer(plain).await;
            assert_eq!(plain.header("content-encoding"), "", "{file}");
            assert_eq!(plain.header("vary"), "Accept-Encoding, Origin", "{file}");
            let kind = if file.ends_with(".css") { "text/css" } else { "text/javascript" };
            assert_eq!(plain.header("content-type"), kind, "{file}");
            assert!(compressed.bytes().starts_with(&[0x1f, 0x8b]), "{file}");
            assert!(!plain.bytes().is_empty() && std::str::from_utf8(&plain.bytes()).is_ok());
        }
    }
    let missing = get(&lambda, "/docs/swagger-ui.js").await;
    missing.assert_error(404, "NOT_FOUND");
}

#[tokio::test]
async fn unknown_paths_and_methods_return_json_errors() {
    let (_env, lambda) = start().await;
    for path in ["/nothing", "/api", "/api/workspace", "/한글 길", "/%", "/docs/a/b", "/../etc"]
    {
        get(&lambda, path).await.assert_error(404, "NOT_FOUND");
    }
    // All trailing slashes are trimmed.
    assert_eq!(get(&lambda, "//").await.status, 200);
    let post = lambda.answer(Event::new("POST", "/health")).await;
    post.assert_error(405, "METHOD_NOT_ALLOWED");
    assert_eq!(post.header("allow"), "GET,HEAD,OPTIONS");
}
