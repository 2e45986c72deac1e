//! Usage: each execution is counted once, and for 24 hours.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use counter::Counter;
use serde_json::{Value, json};
use shared::domain::{
    Capacity, Clock, ExecutionStatus, Function, FunctionId, Limits, List, Owner, PageRequest,
    Timestamp, Workspace, WorkspaceId,
};
use shared::store::Store;
use testkit::TestEnv;
use testkit::permissions::acting_as;

const HOUR: i64 = 3_600_000;

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_epoch_milliseconds(milliseconds).unwrap()
}

/// The counter over stores with one workspace, and a clock that the test sets.
struct CounterEnv {
    env: TestEnv,
    owner: Owner,
    workspace: WorkspaceId,
    clock: Clock,
    store: Store,
    counter: Counter,
}

impl CounterEnv {
    /// At the beginning of an hour.
    async fn start() -> Self {
        let env = TestEnv::start().unwrap();
        let workspace = env.new_workspace().await;
        let clock = Clock::standing_at("2026-01-31T09:00:00.000Z".parse::<Timestamp>().unwrap());
        let store = env.store.clone().with_clock(clock.clone());
        let counter = Counter::new(store.clone());
        Self { env, owner: Owner::anonymous(), workspace, clock, store, counter }
    }

    /// A function with the usage items of its first deployment.
    async fn function(&self) -> FunctionId {
        let id = self.env.new_function(&self.workspace, "x = 1", &json!({})).await;
        self.store.begin_usage(&self.owner, &self.workspace, &id).await.unwrap();
        id
    }

    async fn execute(&self, id: &FunctionId, at: Timestamp, status: ExecutionStatus, took: f64) {
        self.env.execution(&self.workspace, id, at, status, took).await;
    }

    async fn handle(&self, event: Value) -> Value {
        let event = serde_json::from_value(event).unwrap();
        let Ok(answer) = acting_as("counter", self.counter.handle(event)).await;
        serde_json::to_value(answer).unwrap()
    }

    async fn settle(&self) {
        self.env.settle(|event| self.handle(event)).await;
    }

    async fn read(&self, id: &FunctionId) -> Function {
        self.store.function(&self.owner, &self.workspace, id).await.unwrap().value
    }

    async fn read_workspace(&self) -> Workspace {
        self.store.workspace(&self.owner, &self.workspace).await.unwrap().value
    }

    async fn item_count(&self) -> usize {
        let scan = self.env.dynamodb.scan().table_name(&self.env.config.table);
        scan.send().await.unwrap().items().len()
    }
}

#[tokio::test]
async fn usage_covers_24_hours_at_every_hour_boundary() {
    let env = CounterEnv::start().await;
    let (store, owner) = (&env.store, &env.owner);
    let ids = [env.function().await, env.function().await];
    let begin = store.now().epoch_milliseconds();
    // In hour h the first function runs h + 1 times for 10 * h ms, and every second time fails. The
    // other one runs once, and succeeds.
    for hour in 0..26_i64 {
        for i in 0..=hour {
            let status = if i % 2 == 1 { ExecutionStatus::Error } else { ExecutionStatus::Success };
            let began = at(begin + hour * HOUR + i * 60_000);
            env.execute(&ids[0], began, status, 10.0 * hour as f64).await;
        }
        env.execute(&ids[1], at(begin + hour * HOUR), ExecutionStatus::Success, 1.5).await;
        env.settle().await;
        env.clock.set(at(begin + (hour + 1) * HOUR));

        let window = (hour - 23).max(0)..=hour;
        let n: i64 = window.clone().map(|h| h + 1).sum();
        let failed: i64 = window.clone().map(|h| (h + 1) / 2).sum();
        let took: i64 = window.clone().map(|h| (h + 1) * 10 * h).sum();
        let others = window.count() as i64;
        let first = env.read(&ids[0]).await;
        let counts = (first.invocations_24h, first.errors_24h);
        assert_eq!(counts, (n as u64, failed as u64), "hour {hour}");
        let mean = (took as f64 / n as f64 * 100.0).round() / 100.0;
        assert!((first.avg_duration - mean).abs() < 0.011, "hour {hour}: {}", first.avg_duration);
        let workspace = env.read_workspace().await;
        assert_eq!(workspace.invocations_24h, (n + others) as u64, "hour {hour}");
        let rate = (failed as f64 / (n + others) as f64 * 10_000.0).round() / 100.0;
        assert_eq!(workspace.error_rate, rate, "hour {hour}");

        // Lists have the same usage.
        let limit = |limit| Limits::RESOURCES.parse(limit).unwrap();
        let page = PageRequest::new(
            List::Workspaces(owner.clone()),
            limit(None),
            Capacity::UNLIMITED,
            None,
        )
        .unwrap();
        assert_eq!(store.workspaces_of_owner(owner, &page).await.unwrap().items, [workspace]);
        let list = List::Functions(env.workspace.clone());
        let page = PageRequest::new(list.clone(), limit(None), Capacity::UNLIMITED, None).unwrap();
        let listed = store.functions_of_workspace(owner, &env.workspace, &page).await.unwrap();
        assert_eq!(listed.items[0], first);
        assert_eq!(listed.items[1].invocations_24h, others as u64);
        let page =
            PageRequest::new(list.clone(), limit(Some("1")), Capacity::UNLIMITED, None).unwrap();
        let one = store.functions_of_workspace(owner, &env.workspace, &page).await.unwrap();
        assert_eq!(one.items, listed.items[..1]);
        let page =
            PageRequest::new(list, limit(Some("1")), Capacity::UNLIMITED, one.next.as_deref())
                .unwrap();
        let other = store.functions_of_workspace(owner, &env.workspace, &page).await.unwrap();
        assert_eq!(other.items, listed.items[1..]);
    }
    env.clock.set(at(begin + 60 * HOUR));
    let workspace = env.read_workspace().await;
    assert_eq!((workspace.invocations_24h, workspace.error_rate), (0, 0.0));
}

#[tokio::test]
async fn redelivered_batch_is_counted_once() {
    let env = CounterEnv::start().await;
    let id = env.function().await;
    for i in 0..30 {
        let status = if i % 3 == 0 { ExecutionStatus::Error } else { ExecutionStatus::Success };
        env.execute(&id, env.store.now(), status, 5.0).await;
    }
    let all = env.env.stream().next(1000).unwrap();
    let before = env.item_count().await;
    // In batches of each size, each delivered twice: delivery is at least once.
    for size in [1, 7, 30, 1000] {
        for batch in all.chunks(size) {
            let answer = env.handle(json!({"Records": batch})).await;
            assert_eq!(answer["batchItemFailures"], json!([]));
            env.handle(json!({"Records": batch})).await;
        }
        let function = env.read(&id).await;
        let counts = (function.invocations_24h, function.errors_24h);
        assert_eq!(counts, (30, 10), "batches of {size}");
    }
    let workspace = env.read_workspace().await;
    assert_eq!((workspace.invocations_24h, workspace.error_rate), (30, 33.33));
    assert_eq!(env.item_count().await, before);
}

#[tokio::test]
async fn batch_counts_more_functions_than_one_transaction_holds() {
    let env = CounterEnv::start().await;
    let mut ids = Vec::new();
    for _ in 0..120 {
        ids.push(env.function().await);
    }
    let mut stream = env.env.stream();
    stream.seek_newest().unwrap();
    for id in &ids {
        env.execute(id, env.store.now(), ExecutionStatus::Success, 5.0).await;
    }
    let records = stream.next(1000).unwrap();
    assert_eq!(records.len(), 120);
    env.handle(json!({"Records": records})).await;
    assert_eq!(env.read_workspace().await.invocations_24h, 120);
    assert_eq!(env.read(&ids[119]).await.invocations_24h, 1);
}
