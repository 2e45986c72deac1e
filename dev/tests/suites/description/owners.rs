//! Isolation of owners, on every operation of `openapi.json`.

use serde_json::{Value, json};
use testkit::{Answer, Event, Form};

use super::scenario::Scenario;

/// The owner of the resources, and another one.
const ADA: &str = "ada";
const BOB: &str = "bob";

/// Valid ids without a resource.
const NO_WORKSPACE: &str = "ws-01kg6m4x2v8q5z7n3c9b1d0f98";
const NO_KEY: &str = "key-01kg6m4x2v8q5z7n3c9b1d0f97";
const NO_FUNCTION: &str = "fn-01kg6m4x2v8q5z7n3c9b1d0f99";
const NO_TASK: &str = "tk-01kg6m4x2v8q5z7n3c9b1d0f98-01kg6m4x2v8q5z7n3c9b1d0f96";

/// An operation below `/api`.
struct Operation {
    method: String,
    path: String,
    body: Option<Value>,
}

impl Operation {
    fn all() -> Vec<Self> {
        let file: Value = serde_json::from_str(include_str!("../../../../openapi.json")).unwrap();
        let mut all = Vec::new();
        for (path, item) in file["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let body = &operation["requestBody"]["content"]["application/json"]["example"];
                let body = (!body.is_null()).then(|| body.clone());
                if path.starts_with("/api/") {
                    all.push(Self { method: method.to_uppercase(), path: path.clone(), body });
                }
            }
        }
        all
    }

    fn is_of_a_workspace(&self) -> bool {
        self.path.contains("{workspaceId}")
    }

    /// Whether it names a resource without its workspace.
    fn is_of_a_resource(&self) -> bool {
        self.path.contains('{') && !self.is_of_a_workspace()
    }

    /// Whether its body names the resources. The router of builds has tests of these.
    fn names_resources_in_its_body(&self) -> bool {
        self.path.starts_with("/api/v1/") && !self.path.contains('{')
    }

    /// Sends its request. The response, and the AWS calls that it took.
    async fn send(
        &self,
        scenario: &Scenario,
        owner: &str,
        ws: &str,
        function: &str,
        task: &str,
    ) -> (Answer, Vec<String>) {
        let path = self.path.replace("{workspaceId}", ws).replace("{functionId}", function);
        let path = path.replace("{keyId}", NO_KEY).replace("{taskId}", task);
        let event = Event::new(&self.method, &path).from(owner);
        let event = self.body.iter().fold(event, |event, body| event.json(body));
        scenario.env.meter.start();
        let answer = scenario.send(event).await;
        // Without S3's keys, and sorted: concurrent calls have no order.
        let calls = scenario.env.meter.stop().into_iter();
        let kind = |operation: String| operation.split(' ').next().unwrap_or_default().to_owned();
        let mut calls: Vec<String> = calls.map(|call| kind(call.operation)).collect();
        calls.sort();
        (answer, calls)
    }
}

#[tokio::test]
async fn other_owners_resources_return_404_at_equal_cost() {
    let scenario = Scenario::start().await;
    let made = async |path: String, body: Value| {
        let event = Event::new("POST", &path).json(&body).from(ADA);
        let answer = scenario.send(event).await;
        answer.json()["id"].as_str().expect("made").to_owned()
    };
    let ws = made("/api/workspaces".into(), json!({"name": "Ada's"})).await;
    let code = "ZGVmIGhhbmRsZXIoZXZlbnQsIGNvbnRleHQpOiByZXR1cm4gMQ==";
    let body = json!({"name": "Ada's", "code": code});
    let function = made(format!("/api/workspaces/{ws}/functions"), body).await;
    let empty = made("/api/workspaces".into(), json!({"name": "Ada's, empty"})).await;
    let event = Event::new("POST", "/api/workspaces").json(&json!({"name": "own"})).from(BOB);
    let own = scenario.send(event).await.json();
    let own = own["id"].as_str().expect("made").to_owned();
    let form = Form::default().field("app_name", "Ada's").field("workspace_id", &ws);
    let form = form.file("f.py", b"def handler(event, context): return 1");
    let built = scenario.send(form.event("/api/v1/build-and-push").from(ADA)).await.json();
    let task = built["task_id"].as_str().expect("made").to_owned();
    scenario.settle().await;

    let operations = Operation::all();
    let of_a_resource = operations
        .iter()
        .filter(|operation| operation.is_of_a_workspace() || operation.is_of_a_resource());
    assert!(of_a_resource.clone().count() >= 18, "operations are missing");
    for operation in of_a_resource {
        let place = format!("{} {}", operation.method, operation.path);
        let missing = operation.send(&scenario, BOB, NO_WORKSPACE, NO_FUNCTION, NO_TASK).await;
        let foreign = operation.send(&scenario, BOB, &ws, &function, &task).await;
        let ((missing, cost), (foreign, foreign_cost)) = (missing, foreign);
        missing.assert_error(404, "NOT_FOUND");
        let message = foreign.assert_error(404, "NOT_FOUND");
        let message = message.replace(&ws, NO_WORKSPACE).replace(&function, NO_FUNCTION);
        let message = message.replace(&task, NO_TASK);
        assert_eq!(message, missing.json()["error"]["message"], "{place}");
        assert_eq!(foreign_cost, cost, "{place}");
        if operation.is_of_a_workspace() && operation.path.contains("{functionId}") {
            let (answer, _) = operation.send(&scenario, BOB, &own, &function, &task).await;
            answer.assert_error(404, "NOT_FOUND");
        }
    }
    let of_all = operations.iter().filter(|operation| !operation.path.contains('{'));
    for operation in of_all.filter(|operation| !operation.names_resources_in_its_body()) {
        // Creation and listing of workspaces.
        let (answer, _) = operation.send(&scenario, BOB, "", "", "").await;
        assert!((200..300).contains(&answer.status), "{}", answer.body);
        assert!(!answer.body.contains("Ada") && !answer.body.contains(&ws), "{}", answer.body);
    }

    // Nothing was changed, and the owner sees everything.
    let seen = async |path: String| {
        let answer = scenario.send(Event::new("GET", &path).from(ADA)).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.json()
    };
    let workspaces = seen("/api/workspaces".into()).await;
    assert_eq!(workspaces.as_array().map(Vec::len), Some(2), "{workspaces}");
    assert_eq!(workspaces[0]["functionCount"], 1);
    let found = seen(format!("/api/workspaces/{ws}/functions/{function}")).await;
    assert_eq!((&found["name"], &found["code"]), (&json!("Ada's"), &json!(code)));
    assert_eq!(seen(format!("/api/workspaces/{ws}/logs")).await["total"], 0, "nobody ran it");
    // A function is found in its own workspace only.
    let path = format!("/api/workspaces/{empty}/functions/{function}");
    let answer = scenario.send(Event::new("GET", &path).from(ADA)).await;
    answer.assert_error(404, "NOT_FOUND");
}

#[tokio::test]
async fn missing_authorizer_claims_return_500() {
    let scenario = Scenario::signed_in().await;
    for operation in Operation::all() {
        let path = operation.path.replace("{workspaceId}", NO_WORKSPACE);
        let path = path.replace("{functionId}", NO_FUNCTION).replace("{keyId}", NO_KEY);
        let path = path.replace("{taskId}", NO_TASK);
        let event = Event::new(&operation.method, &path);
        let event = operation.body.iter().fold(event, |event, body| event.json(body));
        scenario.send(event).await.assert_error(500, "INTERNAL_ERROR");
        // Preflights and unknown methods need no token.
        let options = scenario.send(Event::new("OPTIONS", &path)).await;
        assert_eq!(options.status, 204, "{path}: {}", options.body);
        let wrong = scenario.send(Event::new("TRACE", &path)).await;
        wrong.assert_error(405, "METHOD_NOT_ALLOWED");
    }
}
