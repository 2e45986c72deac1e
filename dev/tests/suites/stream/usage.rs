//! Executions become figures: each counted once, and for 24 hours.

use super::env::StreamEnv;
use serde_json::json;
use shared::domain::{
    Capacity, Clock, ExecutionStatus, Limits, List, Owner, PageRequest, Timestamp,
};

const HOUR: i64 = 3_600_000;

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_epoch_milliseconds(milliseconds).unwrap()
}

#[tokio::test]
async fn twenty_five_hours_are_right_at_every_full_hour_everywhere_they_are_read() {
    let env = StreamEnv::start().await;
    let ids = [env.function("x = 1").await, env.function("x = 2").await];
    env.settle().await;
    let begin = Timestamp::now().epoch_milliseconds() / HOUR * HOUR;
    let clock = Clock::standing_at(at(begin));
    let store = env.store_at(&clock);
    let owner = Owner::anonymous();
    // In hour h: the first function runs h + 1 times for 10 * h ms, every second
    // time in vain; the other runs once, well.
    for hour in 0..26_i64 {
        for i in 0..=hour {
            let outcome =
                if i % 2 == 1 { ExecutionStatus::Error } else { ExecutionStatus::Success };
            let began = at(begin + hour * HOUR + i * 60_000);
            env.env.execution(&env.ws, &ids[0], began, outcome, 10.0 * hour as f64).await;
        }
        env.env
            .execution(&env.ws, &ids[1], at(begin + hour * HOUR), ExecutionStatus::Success, 1.5)
            .await;
        env.settle().await;
        clock.set(at(begin + (hour + 1) * HOUR));

        let window = (hour - 23).max(0)..=hour;
        let n: i64 = window.clone().map(|h| h + 1).sum();
        let failed: i64 = window.clone().map(|h| (h + 1) / 2).sum();
        let took: i64 = window.clone().map(|h| (h + 1) * 10 * h).sum();
        let others = window.count() as i64;
        let first = store.function(&owner, &env.ws, &ids[0]).await.unwrap().value;
        assert_eq!(
            (first.invocations_24h, first.errors_24h),
            (n as u64, failed as u64),
            "hour {hour}"
        );
        let mean = (took as f64 / n as f64 * 100.0).round() / 100.0;
        assert!((first.avg_duration - mean).abs() < 0.011, "hour {hour}: {}", first.avg_duration);
        let workspace = store.workspace(&owner, &env.ws).await.unwrap().value;
        assert_eq!(workspace.invocations_24h, (n + others) as u64, "hour {hour}");
        let rate = (failed as f64 / (n + others) as f64 * 10_000.0).round() / 100.0;
        assert_eq!(workspace.error_rate, rate, "hour {hour}");

        let limit = |limit| Limits::RESOURCES.parse(limit).unwrap();
        let page = PageRequest::new(
            List::Workspaces(owner.clone()),
            limit(None),
            Capacity::UNLIMITED,
            None,
        )
        .unwrap();
        assert_eq!(store.workspaces_of_owner(&owner, &page).await.unwrap().items, [workspace]);
        let list = List::Functions(env.ws.clone());
        let page = PageRequest::new(list.clone(), limit(None), Capacity::UNLIMITED, None).unwrap();
        let listed = store.functions_of_workspace(&owner, &env.ws, &page).await.unwrap();
        assert_eq!(listed.items[0], first);
        assert_eq!(listed.items[1].invocations_24h, others as u64);
        let page =
            PageRequest::new(list.clone(), limit(Some("1")), Capacity::UNLIMITED, None).unwrap();
        let one = store.functions_of_workspace(&owner, &env.ws, &page).await.unwrap();
        assert_eq!(one.items, listed.items[..1]);
        let page =
            PageRequest::new(list, limit(Some("1")), Capacity::UNLIMITED, one.next.as_deref())
                .unwrap();
        let other = store.functions_of_workspace(&owner, &env.ws, &page).await.unwrap();
        assert_eq!(other.items, listed.items[1..]);
    }
    clock.set(at(begin + 60 * HOUR));
    let workspace = store.workspace(&owner, &env.ws).await.unwrap().value;
    assert_eq!((workspace.invocations_24h, workspace.error_rate), (0, 0.0));
}

#[tokio::test]
async fn a_batch_that_comes_again_changes_nothing() {
    let env = StreamEnv::start().await;
    let id = env.function("x = 1").await;
    env.settle().await;
    for i in 0..30 {
        let outcome = if i % 3 == 0 { ExecutionStatus::Error } else { ExecutionStatus::Success };
        env.env.execution(&env.ws, &id, Timestamp::now(), outcome, 5.0).await;
    }
    let all = env.env.stream().next(1000).unwrap();
    let before = env.items().await.len();
    // In every cut, forwards and again, as at-least-once delivery may bring them.
    for size in [1, 7, 30, 1000] {
        for batch in all.chunks(size) {
            let answer = env.handle(json!({"Records": batch})).await;
            assert_eq!(answer["batchItemFailures"], json!([]));
            env.handle(json!({"Records": batch})).await;
        }
        let function = env.read(&id).await.unwrap();
        assert_eq!((function.invocations_24h, function.errors_24h), (30, 10), "cut by {size}");
    }
    let workspace = env.env.store.workspace(&Owner::anonymous(), &env.ws).await.unwrap().value;
    assert_eq!((workspace.invocations_24h, workspace.error_rate), (30, 33.33));
    assert_eq!(env.items().await.len(), before);
}

#[tokio::test]
async fn a_hundred_functions_of_a_workspace_are_counted_in_one_batch() {
    let env = StreamEnv::start().await;
    let mut ids = Vec::new();
    let owner = Owner::anonymous();
    for _ in 0..120 {
        let id = env.function("x = 1").await;
        env.env.store.begin_usage(&owner, &env.ws, &id).await.unwrap();
        ids.push(id);
    }
    let mut stream = env.env.stream();
    stream.seek_newest().unwrap();
    for id in &ids {
        env.env.execution(&env.ws, id, Timestamp::now(), ExecutionStatus::Success, 5.0).await;
    }
    let records = stream.next(1000).unwrap();
    assert_eq!(records.len(), 120);
    env.handle(json!({"Records": records})).await;
    let workspace = env.env.store.workspace(&owner, &env.ws).await.unwrap().value;
    assert_eq!(workspace.invocations_24h, 120);
    assert_eq!(env.read(&ids[119]).await.unwrap().invocations_24h, 1);
}
