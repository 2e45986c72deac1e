//! A workspace, and the requests that the console makes.

use serde_json::{Value, json};
use shared::domain::{FunctionId, Owner, WorkspaceId};
use shared::engine::PROTOCOL;
use shared::store::Deployment;
use testkit::{Answer, Event, Form, Lambda, TestEnv};

pub(crate) const BUILD: &str = "/api/v1/build-and-push";
pub(crate) const SOURCE: &str = "def handler(event, context):\n    return 1\n";
pub(crate) const OTHER: &str = "def handler(event, context):\n    return 2\n";

pub(crate) struct BuildEnv {
    pub(crate) env: TestEnv,
    pub(crate) lambda: Lambda,
    pub(crate) workspace: WorkspaceId,
}

impl BuildEnv {
    pub(crate) async fn start() -> Self {
        Self::over(TestEnv::start().unwrap()).await
    }

    pub(crate) async fn over(env: TestEnv) -> Self {
        let lambda = env.lambda("builds", builds::router(env.store.clone()));
        let workspace = env.new_workspace().await;
        Self { env, lambda, workspace }
    }

    /// A function of `source` with this name.
    pub(crate) async fn function(&self, name: &str, source: &str) -> FunctionId {
        self.env.new_function(&self.workspace, source, &json!({"name": name})).await
    }

    /// Records the deployment of the function as it is.
    pub(crate) async fn record_deployment(&self, id: &FunctionId) {
        let (store, ws) = (&self.env.store, &self.workspace);
        let function = store.function(&Owner::anonymous(), ws, id).await.unwrap().value;
        let digest = function.deployment_digest();
        let (revision, digest, engine_version) = ("revision", &*digest, "1");
        let deployment = Deployment {
            revision,
            digest,
            engine_version,
            adapter_protocol: PROTOCOL,
            packages: None,
        };
        store.record_deployment(ws, id, &deployment).await.unwrap();
    }

    /// Records that the function as it is can't be deployed.
    pub(crate) async fn record_failure(&self, id: &FunctionId, reason: &str) {
        let (store, ws) = (&self.env.store, &self.workspace);
        let version = store.function(&Owner::anonymous(), ws, id).await.unwrap().version;
        store.record_failed_deployment(ws, id, version, reason).await.unwrap();
    }

    /// The form of a build.
    pub(crate) fn form(&self, app_name: &str) -> Form {
        Form::default().field("app_name", app_name).field("workspace_id", self.workspace.as_str())
    }

    /// The task of a new build of `source`, which is accepted.
    pub(crate) async fn build(&self, app_name: &str, source: &str) -> String {
        let form = self.form(app_name).file("app.py", source.as_bytes());
        let answer = self.post(form).await;
        assert_eq!(answer.status, 202, "{}", answer.body);
        answer.json()["task_id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn post(&self, form: Form) -> Answer {
        self.lambda.answer(form.event(BUILD)).await
    }

    pub(crate) async fn task(&self, id: &str) -> Value {
        let answer = self.get(&format!("/api/v1/tasks/{id}")).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.lambda.answer(Event::new("GET", path)).await
    }

    /// Deploys a task's build as the source of a function.
    pub(crate) async fn deploy(&self, function: &FunctionId, image: &Value) -> Answer {
        self.deploy_with(json!({
            "app_name": "app", "namespace": "default", "image_ref": image,
            "function_id": function.as_str(), "enable_autoscaling": true, "use_spot": false,
            "cpu_limit": "500m",
        }))
        .await
    }

    pub(crate) async fn deploy_with(&self, body: Value) -> Answer {
        self.lambda.answer(Event::new("POST", "/api/v1/deploy").json(&body)).await
    }
}
