//! The docs Lambda, asked with API Gateway's events.

use local::testbed::{Event, Testbed};

#[tokio::test]
async fn it_is_up_and_says_so() {
    let bed = Testbed::start().unwrap();
    let lambda = bed.lambda(docs::router());
    let root = lambda.answer(Event::fixture("root")).await;
    assert_eq!(root.status, 200);
    assert_eq!(root.json()["status"], "ok");
    let health = lambda.answer(Event::fixture("health")).await;
    assert_eq!(health.json(), serde_json::json!({"status": "healthy"}));
    health.assert_shared();
}

#[tokio::test]
async fn whatever_nothing_else_takes_is_an_error_in_our_form() {
    let bed = Testbed::start().unwrap();
    let lambda = bed.lambda(docs::router());
    for path in ["/nothing", "/api", "/api/workspace", "/한글 길", "/%", "//", "/../etc"] {
        if path == "//" {
            // Slashes at the end are trimmed, however many.
            assert_eq!(lambda.answer(Event::new("GET", path)).await.status, 200);
            continue;
        }
        lambda.answer(Event::new("GET", path)).await.assert_error(404, "NOT_FOUND");
    }
    let post = lambda.answer(Event::new("POST", "/health")).await;
    post.assert_error(405, "METHOD_NOT_ALLOWED");
    assert_eq!(post.header("allow"), "GET,HEAD,OPTIONS");
}
