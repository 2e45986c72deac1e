//! The functions Lambda over stores with one workspace.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use shared::domain::{Owner, WorkspaceId};
use testkit::{Answer, Event, Lambda, TestEnv};

pub(crate) struct RouterEnv {
    pub(crate) env: TestEnv,
    pub(crate) lambda: Lambda,
    pub(crate) workspace: WorkspaceId,
}

impl RouterEnv {
    /// With one empty workspace.
    pub(crate) async fn start() -> Self {
        let env = TestEnv::start().unwrap();
        let lambda = env.lambda("functions", functions::router(env.store.clone()));
        let workspace = env.new_workspace().await;
        Self { env, lambda, workspace }
    }

    pub(crate) fn path(&self) -> String {
        format!("/api/workspaces/{}/functions", self.workspace)
    }

    pub(crate) fn path_of(&self, function: &Value) -> String {
        format!("{}/{}", self.path(), function["id"].as_str().unwrap())
    }

    pub(crate) async fn create(&self, body: &Value) -> Answer {
        self.lambda.answer(Event::fixture("create-function").at(&self.path()).json(body)).await
    }

    pub(crate) async fn created(&self, name: &str, source: &str) -> Value {
        let answer = self.create(&json!({"name": name, "code": STANDARD.encode(source)})).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.json()
    }

    pub(crate) async fn read(&self, function: &Value) -> Answer {
        self.lambda.answer(Event::fixture("get-function").at(&self.path_of(function))).await
    }

    pub(crate) async fn patch(&self, function: &Value, body: &Value) -> Answer {
        let event = Event::fixture("update-function").at(&self.path_of(function)).json(body);
        self.lambda.answer(event).await
    }

    pub(crate) async fn delete(&self, function: &Value) -> Answer {
        self.lambda.answer(Event::fixture("delete-function").at(&self.path_of(function))).await
    }

    pub(crate) async fn list(&self, query: &str) -> Answer {
        let at = format!("{}{query}", self.path());
        self.lambda.answer(Event::fixture("list-functions").at(&at)).await
    }

    pub(crate) async fn function_count(&self) -> u64 {
        let found = self.env.store.workspace(&Owner::anonymous(), &self.workspace).await;
        found.unwrap().value.function_count
    }

    /// Keys and texts of all objects in the bucket.
    pub(crate) async fn objects(&self) -> Vec<(String, String)> {
        let (s3, bucket) = (&self.env.s3, &self.env.config.bucket);
        let listed = s3.list_objects_v2().bucket(bucket).send().await.unwrap();
        let mut objects = Vec::new();
        for key in listed.contents().iter().filter_map(|object| object.key()) {
            let got = s3.get_object().bucket(bucket).key(key).send().await.unwrap();
            let bytes = got.body.collect().await.unwrap().to_vec();
            objects.push((key.to_owned(), String::from_utf8(bytes).unwrap()));
        }
        objects
    }
}
