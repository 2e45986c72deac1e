//! Error responses where a handler panics.

use axum::Router;
use axum::routing::get;
use testkit::{Event, TestEnv};

#[tokio::test]
async fn panic_returns_500_without_its_message() {
    let at_once = || -> std::future::Ready<()> { panic!("the secret at the start") };
    let later = async || {
        tokio::task::yield_now().await;
        if true {
            panic!("the secret in the middle");
        }
    };
    let env = TestEnv::start().unwrap();
    let router = Router::new().route("/at-once", get(at_once)).route("/later", get(later));
    let lambda = env.lambda("docs", router);
    for path in ["/at-once", "/later", "/at-once"] {
        let answer = lambda.answer(Event::new("GET", path)).await;
        let message = answer.assert_error(500, "INTERNAL_ERROR");
        assert!(!answer.body.contains("secret"), "{path}: {message}");
    }
}
