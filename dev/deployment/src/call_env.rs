//! What the tests of this Lambda stand on: a workspace on a testbed, functions
//! deployed by the reconciler, and the local engine that runs them.

use std::time::{Duration, SystemTime};

use counter::Counter;
use invocations::Invoker;
use reconciler::Reconciler;
use serde_json::{Value, json};
use shared::domain::{
    Capacity, FunctionId, Limits, List, LogFilter, Owner, PageRequest, WorkspaceId,
};
use shared::engine::Engine;
use testkit::permissions::acting_as;
use testkit::{Answer, Event, Lambda, TestEnv, together};

/// A workspace, and everything that calls the functions in it.
pub struct CallEnv {
    pub env: TestEnv,
    pub workspace: WorkspaceId,
    pub reconciler: Reconciler,
    pub counter: Counter,
    pub lambda: Lambda,
    pub engine: Engine,
}

impl CallEnv {
    pub async fn start() -> Self {
        Self::waiting(Duration::from_secs(26)).await
    }

    /// The same where functions are waited for no longer than `patience`.
    pub async fn waiting(patience: Duration) -> Self {
        Self::over(TestEnv::start().unwrap(), patience).await
    }

    /// The same over a testbed that is there already.
    pub async fn over(env: TestEnv, patience: Duration) -> Self {
        env.require_python().await;
        let engine = Engine::with_client(env.lambda_client().await, &env.config);
        let reconciler = Reconciler::new(env.store.clone(), engine.clone());
        let invoker = Invoker::new(env.store.clone(), engine.clone(), &env.config);
        let lambda =
            env.lambda("invocations", invocations::router(invoker.with_wait_limit(patience)));
        let workspace = env.new_workspace().await;
        let counter = Counter::new(env.store.clone());
        Self { env, workspace, reconciler, counter, lambda, engine }
    }

    /// A function of `source` that isn't deployed yet, with other settings if given.
    pub async fn created(&self, source: &str, settings: Value) -> FunctionId {
        self.env.new_function(&self.workspace, source, &settings).await
    }

    /// The same, deployed.
    pub async fn deployed(&self, source: &str) -> FunctionId {
        let id = self.created(source, json!({})).await;
        self.settle().await;
        id
    }

    pub async fn patch(&self, id: &FunctionId, body: Value) {
        self.env.patch(&self.workspace, id, &body).await;
    }

    /// Lets the reconciler follow everything that has happened.
    pub async fn settle(&self) {
        self.env.settle(|event| self.follow(event)).await;
    }

    /// Lets the reconciler follow the records of an event of the stream.
    pub async fn follow(&self, event: Value) -> Value {
        let end = SystemTime::now() + Duration::from_secs(600);
        let read = || serde_json::from_value(event.clone()).unwrap();
        let Ok(followed) = acting_as("reconciler", self.reconciler.handle(read(), end)).await;
        let Ok(counted) = acting_as("counter", self.counter.handle(read())).await;
        together([followed, counted].map(|answer| serde_json::to_value(answer).unwrap()))
    }

    /// Calls a function's URL; `rest` is what follows it.
    pub async fn call(&self, id: &FunctionId, method: &str, rest: &str, body: &str) -> Answer {
        let at = format!("/invoke/{}/{id}{rest}", self.workspace);
        let event = Event::fixture("call-function").at(&at).method(method).text(body);
        self.lambda.answer(event).await
    }

    /// Presses the console's test button, and gives the log.
    pub async fn try_out(&self, id: &FunctionId, body: &str) -> Value {
        let at = format!("/api/workspaces/{}/functions/{id}/invoke", self.workspace);
        let answer = self.lambda.answer(Event::fixture("invoke-function").at(&at).text(body)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    }

    /// The function's logs, newest first.
    pub async fn logs(&self, id: &FunctionId) -> Vec<Value> {
        let filter = LogFilter::default();
        let limit = Limits::FUNCTION_LOGS.parse(Some("1000")).unwrap();
        let page = PageRequest::new(
            List::FunctionLogs(id.clone(), filter.clone()),
            limit,
            Capacity::UNLIMITED,
            None,
        )
        .unwrap();
        let owner = Owner::anonymous();
        let found = self.env.store.logs_of_function(&owner, &self.workspace, id, &filter, &page);
        found.await.unwrap().items.iter().map(|log| serde_json::to_value(log).unwrap()).collect()
    }
}
