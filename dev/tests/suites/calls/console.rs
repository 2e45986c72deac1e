//! The console's requests, in its order: create, build, follow the task, deploy, call, look at it.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use deployment::Deployment;
use futures_util::future::{Either, join_all, select};
use serde_json::{Value, json};
use shared::time_budget::TimeBudget;
use testkit::{Form, TestEnv, WIDE_LIMITS};

const BUILD: &str = "/api/v1/build-and-push";

/// The console's template.
const SPIN: &str = r#"from spin_sdk.http import IncomingHandler as BaseHandler, Request, Response


class IncomingHandler(BaseHandler):
    def handle_request(self, request: Request) -> Response:
        print("asked for", request.uri)
        return Response(200, {"content-type": "text/plain"}, bytes("Hello from Spin!", "utf-8"))
"#;

const NATIVE: &str =
    "def handler(event, context):\n    print('asked for', event['path'])\n    return 'native'\n";

/// A function of a workspace, as the console knows it.
struct Function<'a> {
    api: &'a Deployment,
    workspace: &'a str,
    id: String,
    name: &'a str,
}

impl<'a> Function<'a> {
    async fn create(api: &'a Deployment, workspace: &'a str, name: &'a str, source: &str) -> Self {
        let body = json!({
            "name": name, "description": "", "runtime": "Python 3.12", "memory": 256,
            "timeout": 30, "httpMethods": ["GET", "POST"], "environmentVariables": {},
            "code": STANDARD.encode(source),
        });
        let made = api.make(&format!("/api/workspaces/{workspace}/functions"), &body).await;
        Self { api, workspace, id: made["id"].as_str().unwrap().to_owned(), name }
    }

    fn path(&self) -> String {
        format!("/api/workspaces/{}/functions/{}", self.workspace, self.id)
    }

    /// Builds a file, and returns its task.
    async fn build(&self, file: &str, source: &str) -> String {
        let form = Form::default().file(file, source.as_bytes()).field("app_name", self.name);
        let form = form.field("workspace_id", self.workspace).field("registry_url", "docker.io/x");
        let form = form.field("username", "x").field("password", "y").field("tag", "latest");
        let answer = self.api.send(form.event(BUILD)).await;
        assert_eq!(answer.status, 202, "{}", answer.body);
        answer.json()["task_id"].as_str().unwrap().to_owned()
    }

    async fn task(&self, task: &str) -> Value {
        self.api.get(&format!("/api/v1/tasks/{task}")).await
    }

    /// Asks for a task until it is done, more often than the console. The name of the build.
    async fn built(&self, task: &str) -> String {
        loop {
            let task = self.task(task).await;
            match task["status"].as_str().unwrap() {
                "done" => return task["result"]["image_url"].as_str().unwrap().to_owned(),
                "pending" | "running" => tokio::time::sleep(Duration::from_millis(50)).await,
                _ => panic!("{task}"),
            }
        }
    }

    async fn deploy(&self, image: &str) -> Value {
        let body = json!({
            "app_name": self.name, "namespace": self.workspace, "image_ref": image,
            "function_id": self.id, "enable_autoscaling": true, "use_spot": false,
            "service_account": "default", "cpu_request": "100m",
        });
        let answer = self.api.ask("POST", "/api/v1/deploy", Some(&body)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    }

    /// What the console does behind its button "Deploy Function", and the call behind the next one.
    async fn press_deploy_and_invoke(&self, file: &str, source: &str) -> String {
        let task = self.build(file, source).await;
        let image = self.built(&task).await;
        let deployed = self.deploy(&image).await;
        assert_eq!(deployed["service_status"], "Running", "{deployed}");
        let endpoint = deployed["endpoint"].as_str().unwrap().to_owned();
        let body = json!({
            "status": "active", "invocationUrl": endpoint,
            "lastDeployed": "2026-01-31T09:05:00.123Z",
        });
        let patched = self.api.ask("PATCH", &self.path(), Some(&body)).await;
        assert_eq!(patched.json()["invocationUrl"], endpoint, "{}", patched.body);
        let url = &endpoint[endpoint.find("/invoke/").unwrap()..];
        let called = self.api.ask("POST", url, Some(&json!({}))).await;
        assert_eq!(called.status, 200, "{}", called.body);
        called.body
    }
}

/// Carries out `requests` while the stream is followed, as the reconciler does.
async fn followed<T>(api: &Deployment, requests: impl Future<Output = T>) -> T {
    let follow = async {
        loop {
            api.settle().await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    match select(Box::pin(requests), Box::pin(follow)).await {
        Either::Left((answer, _)) => answer,
        Either::Right(((), _)) => unreachable!("it follows for ever"),
    }
}

/// A deployment whose requests wait for deployments as long as it takes.
async fn console() -> Deployment {
    let deployment = WIDE_LIMITS.response;
    let env = TestEnv::start_on_disk(TimeBudget { deployment, ..WIDE_LIMITS }).unwrap();
    Deployment::over(env).await
}

async fn workspace(api: &Deployment) -> String {
    let made = api.make("/api/workspaces", &json!({"name": "console"})).await;
    made["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_consoles_template_is_created_built_deployed_and_called() {
    let api = console().await;
    let workspace = workspace(&api).await;
    followed(&api, async {
        for (name, source, answer) in
            [("spin", SPIN, "Hello from Spin!"), ("own", NATIVE, "native")]
        {
            let function = Function::create(&api, &workspace, name, source).await;
            let said = function.press_deploy_and_invoke(&format!("{name}.py"), source).await;
            assert_eq!(said, answer, "{name}");
            let page = format!("/api/functions/{}", function.id);
            let lines = api.get(&format!("{page}/loki-logs?limit=100")).await;
            let line = lines["logs"][0]["line"].as_str().unwrap();
            assert!(line.starts_with("asked for "), "{lines}");
            let metrics = api.get(&format!("{page}/metrics")).await;
            assert_eq!(metrics["status"], "success");
            assert_eq!(metrics["data"]["cpu_series"].as_array().map(Vec::len), Some(60));
        }
        let tasks = api.get(&format!("/api/v1/workspaces/{workspace}/tasks")).await;
        let names: Vec<_> = tasks["tasks"].as_array().unwrap().iter().collect();
        let names: Vec<_> = names.iter().map(|task| task["app_name"].as_str().unwrap()).collect();
        assert_eq!(names, ["own", "spin"]);
    })
    .await;
}

#[tokio::test]
async fn another_file_becomes_the_functions_source() {
    let api = console().await;
    let workspace = workspace(&api).await;
    followed(&api, async {
        let function = Function::create(&api, &workspace, "hello", NATIVE).await;
        let said = function.press_deploy_and_invoke("spin.py", SPIN).await;
        assert_eq!(said, "Hello from Spin!");
        let read = api.get(&function.path()).await;
        assert_eq!(read["code"], STANDARD.encode(SPIN));
        let said = function.press_deploy_and_invoke("native.py", NATIVE).await;
        assert_eq!(said, "native", "and back");
    })
    .await;
}

#[tokio::test]
async fn a_task_is_done_only_once_a_call_meets_its_source() {
    let api = console().await;
    let workspace = workspace(&api).await;
    let function = Function::create(&api, &workspace, "hello", NATIVE).await;
    let task = function.build("hello.py", NATIVE).await;
    assert_eq!(function.task(&task).await["status"], "running");
    api.settle().await;
    assert_eq!(function.task(&task).await["status"], "done");
    let change = json!({"code": STANDARD.encode(SPIN)});
    assert_eq!(api.ask("PATCH", &function.path(), Some(&change)).await.status, 200);
    let task = function.build("hello.py", SPIN).await;
    assert_eq!(function.task(&task).await["status"], "running", "the version before is called");
    api.settle().await;
    assert_eq!(function.task(&task).await["status"], "done");
}

#[tokio::test]
async fn everything_may_be_pressed_at_once() {
    let api = console().await;
    let workspace = workspace(&api).await;
    followed(&api, async {
        let names: Vec<_> = (0..6).map(|number| format!("function {number}")).collect();
        let pressed = names.iter().map(async |name| {
            let function = Function::create(&api, &workspace, name, NATIVE).await;
            // Twice at a time, as by a double click.
            let press = || function.press_deploy_and_invoke("f.py", NATIVE);
            let (one, other) = tokio::join!(press(), press());
            assert_eq!((&*one, &*other), ("native", "native"));
        });
        join_all(pressed).await;
        let tasks = api.get(&format!("/api/v1/workspaces/{workspace}/tasks")).await;
        assert_eq!(tasks["count"], 12);
    })
    .await;
}

#[tokio::test]
async fn builds_go_with_their_workspace() {
    let api = console().await;
    let workspace = workspace(&api).await;
    let function = Function::create(&api, &workspace, "hello", NATIVE).await;
    let task = function.build("hello.py", NATIVE).await;
    api.settle().await;
    let path = format!("/api/workspaces/{workspace}");
    assert_eq!(api.ask("DELETE", &path, None).await.status, 204);
    let gone = format!("/api/v1/tasks/{task}");
    api.ask("GET", &gone, None).await.assert_error(404, "NOT_FOUND");
    api.settle().await;
    assert_eq!(crate::consistency::left(&api).await, Vec::<String>::new());
}
