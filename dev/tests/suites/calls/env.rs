//! A workspace of a deployment, whose functions are called.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use deployment::Deployment;
use serde_json::{Value, json};
use shared::domain::{
    Capacity, FunctionId, Limits, List, LogFilter, Owner, PageRequest, WorkspaceId,
};
use testkit::{Answer, Event, TestEnv, WIDE_LIMITS};

/// A deployment with one workspace.
pub(crate) struct CallEnv {
    api: Deployment,
    pub(crate) workspace: WorkspaceId,
}

impl CallEnv {
    pub(crate) async fn start() -> Self {
        Self::over(TestEnv::start().unwrap()).await
    }

    pub(crate) async fn over(env: TestEnv) -> Self {
        let api = Deployment::over(env).await;
        let workspace = api.env.new_workspace().await;
        Self { api, workspace }
    }

    /// With another limit of the time that a function is waited for.
    pub(crate) async fn waiting(limit: Duration) -> Self {
        let mut env = TestEnv::start().unwrap();
        env.config.time_budget.execution = limit;
        Self::over(env).await
    }

    /// With calls that wait for a deployment as long as it takes.
    pub(crate) async fn waiting_for_deployments() -> Self {
        let mut env = TestEnv::start().unwrap();
        env.config.time_budget.deployment = WIDE_LIMITS.response;
        Self::over(env).await
    }

    /// Runs `work` while the table's stream is followed.
    pub(crate) async fn while_following(&self, work: impl Future<Output = ()>) {
        let follow = async {
            loop {
                self.settle().await;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            () = work => {}
            () = follow => {}
        }
    }

    /// Creates a function of `source`, with other settings than usual if given.
    pub(crate) async fn created(&self, source: &str, settings: Value) -> FunctionId {
        self.env.new_function(&self.workspace, source, &settings).await
    }

    /// Creates and deploys a function of `source`.
    pub(crate) async fn deployed(&self, source: &str) -> FunctionId {
        let id = self.created(source, json!({})).await;
        self.settle().await;
        id
    }

    pub(crate) async fn patch(&self, id: &FunctionId, body: Value) {
        self.env.patch(&self.workspace, id, &body).await;
    }

    /// Calls a function's URL, of which `rest` is the last part.
    pub(crate) async fn call(
        &self,
        id: &FunctionId,
        method: &str,
        rest: &str,
        body: &str,
    ) -> Answer {
        let at = format!("/invoke/{}/{id}{rest}", self.workspace);
        self.send(Event::fixture("call-function").at(&at).method(method).text(body)).await
    }

    /// Runs a function as the console's test button does, and returns its log.
    pub(crate) async fn try_out(&self, id: &FunctionId, body: &str) -> Value {
        let at = format!("/api/workspaces/{}/functions/{id}/invoke", self.workspace);
        let answer = self.send(Event::fixture("invoke-function").at(&at).text(body)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    }

    /// The function's logs, newest first.
    pub(crate) async fn logs(&self, id: &FunctionId) -> Vec<Value> {
        let filter = LogFilter::default();
        let limit = Limits::FUNCTION_LOGS.parse(Some("1000")).unwrap();
        let list = List::FunctionLogs(id.clone(), filter.clone());
        let page = PageRequest::new(list, limit, Capacity::UNLIMITED, None).unwrap();
        let owner = Owner::anonymous();
        let found = self.env.store.logs_of_function(&owner, &self.workspace, id, &filter, &page);
        found.await.unwrap().items.iter().map(|log| serde_json::to_value(log).unwrap()).collect()
    }
}

impl Deref for CallEnv {
    type Target = Deployment;

    fn deref(&self) -> &Deployment {
        &self.api
    }
}

impl DerefMut for CallEnv {
    fn deref_mut(&mut self) -> &mut Deployment {
        &mut self.api
    }
}
