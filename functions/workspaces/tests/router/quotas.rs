//! Quotas and the rate limit of an owner.

use serde_json::{Value, json};
use shared::domain::{Clock, Quotas, Timestamp};
use testkit::{Answer, Event, Lambda, TestEnv};

const SMALL: Quotas = Quotas { workspaces: 3, functions: 2, requests_per_second: None };

async fn create(lambda: &Lambda, owner: &str) -> Answer {
    lambda.answer(Event::fixture("create-workspace").from(owner)).await
}

async fn delete(lambda: &Lambda, owner: &str, made: &Value) -> Answer {
    let path = format!("/api/workspaces/{}", made["id"].as_str().unwrap());
    lambda.answer(Event::fixture("delete-workspace").at(&path).from(owner)).await
}

#[tokio::test]
async fn workspace_quota_holds_under_concurrent_creates_and_deletes() {
    let env = TestEnv::start().unwrap();
    let lambda = env.lambda("workspaces", workspaces::router(env.store.clone().with_quotas(SMALL)));
    let at_once = futures_util::future::join_all((0..8).map(|_| create(&lambda, "ada"))).await;
    let made: Vec<Value> =
        at_once.iter().filter(|answer| answer.status == 201).map(Answer::json).collect();
    assert_eq!(made.len(), 3);
    for refused in at_once.iter().filter(|answer| answer.status != 201) {
        let message = refused.assert_error(409, "CONFLICT");
        assert!(message.contains("3 workspaces"), "{message}");
        let details = &refused.json()["error"]["details"];
        assert_eq!(details, &json!({"limit": "workspacesPerOwner", "value": 3}));
    }
    assert_eq!(create(&lambda, "bob").await.status, 201, "quotas are per owner");

    // Two concurrent deletions of one workspace free one slot.
    let deletes = [0, 1].map(|_| delete(&lambda, "ada", &made[0]));
    let mut statuses: Vec<u16> =
        futures_util::future::join_all(deletes).await.iter().map(|a| a.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 404]);
    assert_eq!(delete(&lambda, "bob", &made[1]).await.status, 404, "only its owner can delete it");
    assert_eq!(create(&lambda, "ada").await.status, 201);
    create(&lambda, "ada").await.assert_error(409, "CONFLICT");
}

#[tokio::test]
async fn requests_above_the_rate_limit_return_429() {
    let env = TestEnv::start().unwrap();
    let clock = Clock::standing_at("2026-01-31T09:05:00.000Z".parse::<Timestamp>().unwrap());
    let quotas = Quotas { requests_per_second: Some(2), ..SMALL };
    let store = env.store.clone().with_quotas(quotas).with_clock(clock.clone());
    let lambda = env.lambda("workspaces", workspaces::router(store));
    let list =
        async |owner: &str| lambda.answer(Event::fixture("list-workspaces").from(owner)).await;
    assert_eq!(list("ada").await.status, 200);
    assert_eq!(create(&lambda, "ada").await.status, 201);
    let refused = create(&lambda, "ada").await;
    let message = refused.assert_error(429, "TOO_MANY_REQUESTS");
    assert!(message.contains("2 requests a second"), "{message}");
    assert_eq!(refused.header("retry-after"), "1");
    let details = &refused.json()["error"]["details"];
    assert_eq!(details, &json!({"limit": "requestsPerSecondAndOwner", "value": 2}));
    assert_eq!(list("bob").await.status, 200, "quotas are per owner");
    // Preflights and unknown methods are not counted.
    let preflight = lambda.answer(Event::fixture("preflight").at("/api/workspaces")).await;
    assert_eq!(preflight.status, 204);
    let wrong = Event::new("BREW", "/api/workspaces").from("ada");
    lambda.answer(wrong).await.assert_error(405, "METHOD_NOT_ALLOWED");

    clock.set("2026-01-31T09:05:01.000Z".parse::<Timestamp>().unwrap());
    let answer = list("ada").await;
    assert_eq!(
        answer.json().as_array().map(Vec::len),
        Some(1),
        "the rejected request created nothing"
    );
}

#[tokio::test]
async fn requests_are_not_counted_without_a_rate_limit() {
    let env = TestEnv::start().unwrap();
    let lambda = env.lambda("workspaces", workspaces::router(env.store.clone()));
    env.meter.start();
    assert_eq!(lambda.answer(Event::fixture("list-workspaces")).await.status, 200);
    let calls = env.meter.stop();
    assert_eq!(calls.iter().map(|call| &*call.operation).collect::<Vec<_>>(), ["Query"]);
}
