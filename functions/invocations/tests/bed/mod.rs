//! What the tests of this Lambda stand on: a workspace on a testbed, functions
//! deployed by the reconciler, and the local engine that runs them.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::time::{Duration, SystemTime};

use counter::Counter;
use invocations::Invoker;
use local::permissions::acting_as;
use local::testbed::{Answer, Event, Lambda, Testbed, together};
use reconciler::Reconciler;
use serde_json::{Value, json};
use shared::domain::{FunctionId, Limits, List, LogFilter, Owner, Page, WorkspaceId};
use shared::engine::Engine;

/// A workspace, and everything that calls the functions in it.
pub(crate) struct Bed {
    pub(crate) bed: Testbed,
    pub(crate) workspace: WorkspaceId,
    pub(crate) reconciler: Reconciler,
    pub(crate) counter: Counter,
    pub(crate) lambda: Lambda,
    pub(crate) engine: Engine,
}

impl Bed {
    pub(crate) async fn start() -> Self {
        Self::waiting(Duration::from_secs(26)).await
    }

    /// The same where functions are waited for no longer than `patience`.
    pub(crate) async fn waiting(patience: Duration) -> Self {
        Self::over(Testbed::start().unwrap(), patience).await
    }

    /// The same over a testbed that is there already.
    pub(crate) async fn over(bed: Testbed, patience: Duration) -> Self {
        bed.require_python().await;
        let engine = Engine::with_client(bed.lambda_client().await, &bed.config);
        let reconciler = Reconciler::new(bed.store.clone(), engine.clone());
        let invoker = Invoker::new(bed.store.clone(), engine.clone(), &bed.config);
        let lambda =
            bed.lambda("invocations", invocations::router(invoker.with_patience(patience)));
        let workspace = bed.new_workspace().await;
        let counter = Counter::new(bed.store.clone());
        Self { bed, workspace, reconciler, counter, lambda, engine }
    }

    /// A function of `source` that isn't deployed yet, with other settings if given.
    pub(crate) async fn created(&self, source: &str, settings: Value) -> FunctionId {
        self.bed.new_function(&self.workspace, source, &settings).await
    }

    /// The same, deployed.
    pub(crate) async fn deployed(&self, source: &str) -> FunctionId {
        let id = self.created(source, json!({})).await;
        self.settle().await;
        id
    }

    pub(crate) async fn patch(&self, id: &FunctionId, body: Value) {
        self.bed.patch(&self.workspace, id, &body).await;
    }

    /// Lets the reconciler follow everything that has happened.
    pub(crate) async fn settle(&self) {
        self.bed.settle(|event| self.follow(event)).await;
    }

    /// Lets the reconciler follow the records of an event of the stream.
    pub(crate) async fn follow(&self, event: Value) -> Value {
        let end = SystemTime::now() + Duration::from_secs(600);
        let read = || serde_json::from_value(event.clone()).unwrap();
        let Ok(followed) = acting_as("reconciler", self.reconciler.handle(read(), end)).await;
        let Ok(counted) = acting_as("counter", self.counter.handle(read())).await;
        together([followed, counted].map(|answer| serde_json::to_value(answer).unwrap()))
    }

    /// Calls a function's URL; `rest` is what follows it.
    pub(crate) async fn call(
        &self,
        id: &FunctionId,
        method: &str,
        rest: &str,
        body: &str,
    ) -> Answer {
        let at = format!("/invoke/{}/{id}{rest}", self.workspace);
        let event = Event::fixture("call-function").at(&at).method(method).text(body);
        self.lambda.answer(event).await
    }

    /// Presses the console's test button, and gives the log.
    pub(crate) async fn try_out(&self, id: &FunctionId, body: &str) -> Value {
        let at = format!("/api/workspaces/{}/functions/{id}/invoke", self.workspace);
        let answer = self.lambda.answer(Event::fixture("invoke-function").at(&at).text(body)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    }

    /// The function's logs, newest first.
    pub(crate) async fn logs(&self, id: &FunctionId) -> Vec<Value> {
        let filter = LogFilter::default();
        let limit = Limits::FUNCTION_LOGS.parse(Some("1000")).unwrap();
        let page = Page::new(List::FunctionLogs(id.clone(), filter.clone()), limit, None).unwrap();
        let owner = Owner::anonymous();
        let found = self.bed.store.logs_of_function(&owner, &self.workspace, id, &filter, &page);
        found.await.unwrap().items.iter().map(|log| serde_json::to_value(log).unwrap()).collect()
    }
}
