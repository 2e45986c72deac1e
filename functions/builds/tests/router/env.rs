//! A workspace, and the requests that the console makes.

use serde_json::{Value, json};
use shared::domain::{FunctionId, Owner, Revision, WorkspaceId};
use testkit::{Answer, Event, Lambda, TestEnv};

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
        let revision = Revision::of(&function.settings, &function.code.sha256());
        store.record_deployment(ws, id, &revision.deployed_with("test"), "1").await.unwrap();
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
        self.lambda.answer(form.event()).await
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

const BOUNDARY: &str = "----WebKitFormBoundaryTpNbqUn2y8Bv4Zxk";

/// A form, as a browser sends it.
#[derive(Clone, Default)]
pub(crate) struct Form {
    body: Vec<u8>,
    headers: Vec<(&'static str, String)>,
}

impl Form {
    pub(crate) fn field(self, name: &str, value: &str) -> Self {
        self.part(&format!("name=\"{name}\""), value.as_bytes())
    }

    pub(crate) fn file(self, name: &str, content: &[u8]) -> Self {
        let kind = "Content-Type: application/octet-stream";
        self.part(&format!("name=\"file\"; filename=\"{name}\"\r\n{kind}"), content)
    }

    fn part(mut self, disposition: &str, content: &[u8]) -> Self {
        let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n");
        self.body.extend_from_slice(head.as_bytes());
        self.body.extend_from_slice(content);
        self.body.extend_from_slice(b"\r\n");
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// The same between other boundaries, of the same length.
    pub(crate) fn with_other_boundary(self) -> Event {
        let other = "x".repeat(BOUNDARY.len());
        let body = String::from_utf8(self.body.clone()).unwrap().replace(BOUNDARY, &other);
        let event = self.event().bytes(format!("{body}--{other}--\r\n").as_bytes());
        event.header("content-type", Some(&format!("multipart/form-data; boundary={other}")))
    }

    pub(crate) fn event(mut self) -> Event {
        self.body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        let event = Event::new("POST", "/api/v1/build-and-push").bytes(&self.body);
        let event = event.header("content-type", Some(&kind));
        self.headers.iter().fold(event, |event, (name, value)| event.header(name, Some(value)))
    }
}
