//! The functions Lambda, asked by many at once.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod bed;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bed::Bed;
use futures_util::future::join_all;
use local::testbed::Event;
use serde_json::{Value, json};

#[tokio::test]
async fn forty_created_at_once_are_forty_listed_and_counted() {
    let bed = Bed::start().await;
    let names: Vec<String> = (0..40).map(|i| format!("동시 {i} 🚀")).collect();
    let made = join_all(names.iter().map(|name| bed.created(name, "print(1)"))).await;
    let listed = bed.list("").await.json();
    assert_eq!(listed.as_array().unwrap().len(), 40);
    for function in &made {
        assert!(listed.as_array().unwrap().contains(function), "{function}");
    }
    assert_eq!(bed.function_count().await, 40);

    // The same in pages.
    let mut paged = Vec::new();
    let mut next = Some(format!("{}?limit=7", bed.path()));
    while let Some(at) = next {
        let page = bed.lambda.answer(Event::fixture("list-functions").at(&at)).await;
        paged.extend(page.json().as_array().unwrap().clone());
        next = page.next().map(str::to_owned);
    }
    assert_eq!(json!(paged), listed);
}

#[tokio::test]
async fn deleted_by_eight_at_once_it_is_deleted_once() {
    let bed = Bed::start().await;
    let made = bed.created("one", "print(1)").await;
    bed.created("other", "print(1)").await;
    let mut statuses: Vec<u16> =
        join_all((0..8).map(|_| bed.delete(&made))).await.iter().map(|a| a.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 404, 404, 404, 404, 404, 404, 404]);
    assert_eq!(bed.function_count().await, 1);
}

#[tokio::test]
async fn sources_changed_at_once_agree_in_the_end() {
    let bed = Bed::start().await;
    let made = bed.created("raced", "print(0)").await;
    for round in 0..5 {
        let bodies: Vec<Value> = (0..6)
            .map(|i| json!({"code": STANDARD.encode(format!("print({round}, {i})"))}))
            .collect();
        for answer in join_all(bodies.iter().map(|body| bed.patch(&made, body))).await {
            assert_eq!(answer.status, 200, "{}", answer.body);
        }
        let code = bed.read(&made).await.json()["code"].as_str().unwrap().to_owned();
        assert!(bodies.iter().any(|body| body["code"] == code.as_str()));
    }
}
