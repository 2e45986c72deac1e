//! Isolation of owners, on every operation of `openapi.json`.

use serde_json::{Value, json};
use testkit::{Answer, Event};

use super::scenario::Story;

/// The owner of the resources, and another one.
const ADA: &str = "ada";
const BOB: &str = "bob";

/// Valid ids without a resource.
const NO_WORKSPACE: &str = "ws-01kg6m4x2v8q5z7n3c9b1d0f98";
const NO_KEY: &str = "key-01kg6m4x2v8q5z7n3c9b1d0f97";
const NO_FUNCTION: &str = "fn-01kg6m4x2v8q5z7n3c9b1d0f99";

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

    /// Sends its request. The response, and the AWS calls that it took.
    async fn send(
        &self,
        story: &Story,
        owner: &str,
        ws: &str,
        function: &str,
    ) -> (Answer, Vec<String>) {
        let path = self.path.replace("{workspaceId}", ws).replace("{functionId}", function);
        let path = path.replace("{keyId}", NO_KEY);
        let event = Event::new(&self.method, &path).from(owner);
        let event = self.body.iter().fold(event, |event, body| event.json(body));
        story.env.meter.start();
        let answer = story.answer(&self.method, &path, event).await;
        // Without S3's keys, and sorted: concurrent calls have no order.
        let calls = story.env.meter.stop().into_iter();
        let kind = |operation: String| operation.split(' ').next().unwrap_or_default().to_owned();
        let mut calls: Vec<String> = calls.map(|call| kind(call.operation)).collect();
        calls.sort();
        (answer, calls)
    }
}

#[tokio::test]
async fn other_owners_resources_return_404_at_equal_cost() {
    let story = Story::begin().await;
    let made = async |path: String, body: Value| {
        let event = Event::new("POST", &path).json(&body).from(ADA);
        let answer = story.answer("POST", &path, event).await;
        answer.json()["id"].as_str().expect("made").to_owned()
    };
    let ws = made("/api/workspaces".into(), json!({"name": "Ada's"})).await;
    let code = "ZGVmIGhhbmRsZXIoZXZlbnQsIGNvbnRleHQpOiByZXR1cm4gMQ==";
    let body = json!({"name": "Ada's", "code": code});
    let function = made(format!("/api/workspaces/{ws}/functions"), body).await;
    let empty = made("/api/workspaces".into(), json!({"name": "Ada's, empty"})).await;
    let event = Event::new("POST", "/api/workspaces").json(&json!({"name": "own"})).from(BOB);
    let own = story.answer("POST", "/api/workspaces", event).await.json();
    let own = own["id"].as_str().expect("made").to_owned();
    story.settle().await;

    let operations = Operation::all();
    let of_a_workspace = operations.iter().filter(|operation| operation.is_of_a_workspace());
    assert!(of_a_workspace.clone().count() >= 14, "operations are missing");
    for operation in of_a_workspace {
        let place = format!("{} {}", operation.method, operation.path);
        let (missing, cost) = operation.send(&story, BOB, NO_WORKSPACE, NO_FUNCTION).await;
        let (foreign, foreign_cost) = operation.send(&story, BOB, &ws, &function).await;
        missing.assert_error(404, "NOT_FOUND");
        let told = foreign.assert_error(404, "NOT_FOUND");
        let same = told.replace(&ws, NO_WORKSPACE).replace(&function, NO_FUNCTION);
        assert_eq!(same, missing.json()["error"]["message"], "{place}");
        assert_eq!(foreign_cost, cost, "{place}");
        if operation.path.contains("{functionId}") {
            let (answer, _) = operation.send(&story, BOB, &own, &function).await;
            answer.assert_error(404, "NOT_FOUND");
        }
    }
    for operation in operations.iter().filter(|operation| !operation.is_of_a_workspace()) {
        // Creation and listing of workspaces.
        let (answer, _) = operation.send(&story, BOB, "", "").await;
        assert!((200..300).contains(&answer.status), "{}", answer.body);
        assert!(!answer.body.contains("Ada") && !answer.body.contains(&ws), "{}", answer.body);
    }

    // Nothing was changed, and the owner sees everything.
    let seen = async |path: String| {
        let answer = story.answer("GET", &path, Event::new("GET", &path).from(ADA)).await;
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
    let answer = story.answer("GET", &path, Event::new("GET", &path).from(ADA)).await;
    answer.assert_error(404, "NOT_FOUND");
}

#[tokio::test]
async fn missing_authorizer_claims_return_500() {
    let story = Story::signed_in().await;
    for operation in Operation::all() {
        let path = operation.path.replace("{workspaceId}", NO_WORKSPACE);
        let path = path.replace("{functionId}", NO_FUNCTION).replace("{keyId}", NO_KEY);
        let event = Event::new(&operation.method, &path);
        let event = operation.body.iter().fold(event, |event, body| event.json(body));
        story.answer(&operation.method, &path, event).await.assert_error(500, "INTERNAL_ERROR");
        // Preflights and unknown methods need no token.
        let options = story.answer("OPTIONS", &path, Event::new("OPTIONS", &path)).await;
        assert_eq!(options.status, 204, "{path}: {}", options.body);
        let wrong = story.answer("TRACE", &path, Event::new("TRACE", &path)).await;
        wrong.assert_error(405, "METHOD_NOT_ALLOWED");
    }
}
