//! The role of every Lambda allows what it calls, and nothing else.
//!
//! Every test checks that no permission is missing: `testkit` rejects calls that the template doesn't
//! allow. These tests check that every permission is used.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use emulator::project;
use emulator::template::{DEFAULT_REGION, Template};
use invocations::Invoker;
use reconciler::Reconciler;
use serde_json::{Value, json};
use shared::config::Config;
use shared::domain::{ExecutionStatus, FunctionId, Quotas, Timestamp, WorkspaceId};
use shared::engine::Engine;
use testkit::permissions::{Grant, acting_as};
use testkit::{Event, Form, TestEnv};

use super::scenario::Scenario;

/// Used by AWS on behalf of a Lambda: for its log, and for an event source mapping with its queue of
/// failed records.
const LOG_ACTIONS: [&str; 2] = ["logs:CreateLogStream", "logs:PutLogEvents"];
const MAPPING_ACTIONS: [&str; 5] = [
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:ListStreams",
    "sqs:SendMessage",
];

/// Used by AWS where an asynchronous invocation fails for good.
const FAILED_EVENTS: &str = "sqs:SendMessage";

/// Used by the previous release, to which a deployment may roll back. Remove it with the release after
/// the next.
const PREVIOUS_RELEASE: [(&str, &str); 1] = [("reconciler", "lambda:GetFunctionConfiguration")];

fn template() -> Template {
    let path = project::source_root().join("template.yaml");
    Template::read(&path, DEFAULT_REGION).unwrap()
}

#[tokio::test]
async fn every_granted_permission_is_used() {
    let mut scenario = Scenario::start().await;
    scenario.run().await;
    large_sources(&scenario).await;
    many_logs(&scenario).await;
    limits(&mut scenario).await;
    rejected_retries(&scenario).await;
    builds(&scenario).await;
    packages(&scenario).await;

    let mut expected = scenario.env.permissions.used();
    for function in template().functions {
        let mut by_aws = LOG_ACTIONS.to_vec();
        if !function.mappings.is_empty() {
            by_aws.extend(MAPPING_ACTIONS);
        }
        if function.binary == "packages" {
            by_aws.push(FAILED_EVENTS);
        }
        let before = PREVIOUS_RELEASE.iter().filter(|(binary, _)| *binary == function.binary);
        by_aws.extend(before.map(|(_, action)| action));
        for action in by_aws {
            let statement =
                function.statements.iter().find(|s| s.actions.iter().any(|a| a == action));
            let statement = statement.unwrap_or_else(|| panic!("{}: {action}", function.binary));
            expected.insert(Grant {
                lambda: function.binary.clone(),
                statement: statement.sid.clone(),
                action: action.to_owned(),
            });
        }
    }
    let granted = scenario.env.permissions.granted();
    let unused: BTreeSet<_> = granted.difference(&expected).collect();
    assert!(unused.is_empty(), "granted in template.yaml, and never used: {unused:#?}");
}

#[tokio::test]
#[should_panic(expected = "the Lambda logs asks for dynamodb:PutItem on arn:aws:dynamodb:")]
async fn call_without_permission_fails() {
    let env = TestEnv::start().unwrap();
    let (ws, id) = (WorkspaceId::generate(), FunctionId::generate());
    let record = env.execution(&ws, &id, Timestamp::now(), ExecutionStatus::Success, 1.0);
    acting_as("logs", record).await;
}

#[test]
fn only_the_reconciler_manages_functions_and_their_role_is_empty() {
    let text = std::fs::read_to_string(project::source_root().join("template.yaml")).unwrap();
    let role = text.split("\n  EngineRole:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    for permissions in ["Policies:", "ManagedPolicyArns:"] {
        assert!(!role.contains(permissions), "users' functions have permissions:\n{role}");
    }

    for function in template().functions {
        for statement in &function.statements {
            for action in &statement.actions {
                let service = action.split(':').next().unwrap();
                let resources = statement.resources();
                let of_users = |arn: &String| arn.ends_with(":function:faas-fn-*");
                let is_layer =
                    |arn: &String| arn.contains(":layer:faas-packages-") && arn.ends_with('*');
                match (function.binary.as_str(), action.as_str()) {
                    ("reconciler", "iam:PassRole") => {
                        assert_eq!(resources, ["arn:aws:iam::000000000000:role/EngineRole"]);
                    }
                    ("reconciler" | "packages", "lambda:ListLayerVersions") => {
                        assert_eq!(resources, ["*"]);
                    }
                    (_, action) if action.contains("LayerVersion") => {
                        assert!(["reconciler", "packages"].contains(&&*function.binary));
                        assert!(resources.iter().all(is_layer), "{statement:?}");
                    }
                    ("reconciler", "lambda:InvokeFunction") => {
                        assert!(resources[0].ends_with(":function:packages:live"));
                    }
                    ("packages", "lambda:InvokeFunction") => {
                        assert!(resources[0].ends_with(":function:builder:live"));
                    }
                    ("builder", action) => assert!(LOG_ACTIONS.contains(&action), "{action}"),
                    ("reconciler", _) if service == "lambda" => {
                        assert!(resources.iter().all(of_users), "{statement:?}");
                    }
                    ("invocations", "lambda:InvokeFunction") => {
                        assert!(resources.iter().all(of_users), "{statement:?}");
                    }
                    ("docs", "lambda:GetFunction") => {
                        assert!(resources[0].ends_with(":function:faas-health"));
                    }
                    (binary, _) => {
                        assert!(!["lambda", "iam"].contains(&service), "{binary} may {action}");
                    }
                }
            }
        }
    }
}

/// Sources in the bucket only, one of which is removed.
async fn large_sources(scenario: &Scenario) {
    let path = create(scenario, &noise(1)).await;
    scenario.settle().await;
    ask(scenario, "GET", &path, None, 200).await;
    let same = json!({ "code": STANDARD.encode(noise(1)) });
    ask(scenario, "PATCH", &path, Some(same), 200).await;
    let other = json!({ "code": STANDARD.encode(noise(2)), "memory": 512 });
    ask(scenario, "PATCH", &path, Some(other), 200).await;
    scenario.settle().await;
    let (s3, bucket) = (&scenario.env.s3, &scenario.env.config.bucket);
    let listed = s3.list_objects_v2().bucket(bucket).send().await.unwrap();
    for key in listed.contents().iter().filter_map(|object| object.key()) {
        s3.delete_object().bucket(bucket).key(key).send().await.unwrap();
    }
    ask(scenario, "GET", &path, None, 500).await;
}

/// Deletes a function with logs, and a workspace during an execution.
async fn many_logs(scenario: &Scenario) {
    let path = create(scenario, "def handler(event, context): return 1").await;
    scenario.settle().await;
    for _ in 0..3 {
        ask(scenario, "POST", &format!("{path}/invoke"), None, 200).await;
    }
    scenario.settle().await;
    let (workspace, function) = path.split_once("/functions/").unwrap();
    ask(scenario, "DELETE", workspace, None, 204).await;
    scenario.settle().await;
    // An execution that ended after the deletion.
    let ws = workspace.rsplit('/').next().unwrap().parse::<WorkspaceId>().unwrap();
    let id = function.parse::<FunctionId>().unwrap();
    scenario.env.execution(&ws, &id, Timestamp::now(), ExecutionStatus::Success, 1.0).await;
    scenario.settle().await;
}

/// Requests with an `Idempotency-Key` that are rejected.
async fn rejected_retries(scenario: &Scenario) {
    let missing = "/api/workspaces/ws-1/functions/fn-1/invoke";
    let once = |path: &str| Event::new("POST", path).header("idempotency-key", Some("k"));
    scenario.send(once(missing)).await.assert_error(404, "NOT_FOUND");
    let env = &scenario.env;
    let quotas = Quotas { workspaces: 0, ..env.config.quotas };
    let none = env.lambda("workspaces", workspaces::router(env.store.clone().with_quotas(quotas)));
    let event = once("/api/workspaces").json(&json!({"name": "one too many"}));
    none.answer(event).await.assert_error(409, "CONFLICT");
}

/// Builds whose deployment is refused, with an `Idempotency-Key` that stays free, and one that is gone.
async fn builds(scenario: &Scenario) {
    let path = create(scenario, "def handler(event, context): return 1").await;
    let (workspace, function) = path.split_once("/functions/").unwrap();
    let ws = workspace.rsplit('/').next().unwrap();
    let build = |ws: &str| {
        let form = Form::default().field("app_name", "other").field("workspace_id", ws);
        // Either may be the handler: no function of the form `auto` can have it.
        let source = "def first(request):\n    return request.args['a']\n\n\
            def second(request):\n    return request.form['a']\n";
        let form = form.file("f.py", source.as_bytes());
        form.event("/api/v1/build-and-push").header("idempotency-key", Some("k"))
    };
    scenario.send(build("ws-nothing")).await.assert_error(404, "NOT_FOUND");
    let answer = scenario.send(build(ws)).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    let task = answer.json()["task_id"].as_str().unwrap().to_owned();
    let task = ask(scenario, "GET", &format!("/api/v1/tasks/{task}"), None, 200).await;
    let image = task["result"]["image_url"].as_str().unwrap();
    let deploy =
        |image: &str| json!({"app_name": "other", "image_ref": image, "function_id": function});
    ask(scenario, "POST", "/api/v1/deploy", Some(deploy(image)), 422).await;
    let gone = format!("faas://{ws}/other:0123456789abcdef");
    ask(scenario, "POST", "/api/v1/deploy", Some(deploy(&gone)), 422).await;
}

/// Packages that are required again after their layer was deleted.
async fn packages(scenario: &Scenario) {
    let path = create(scenario, "def handler(event, context): return 1").await;
    let requires = |text: Option<&str>| Some(json!({ "requirements": text }));
    for text in [Some("alpha"), None, Some("alpha")] {
        ask(scenario, "PATCH", &path, requires(text), 200).await;
        scenario.settle().await;
    }
    // The function changes while its packages are built, and another one is deleted.
    ask(scenario, "PATCH", &path, requires(Some("beta")), 200).await;
    scenario.env.settle(|event| scenario.process(event)).await;
    let event = scenario.next_packages_wanted().await.unwrap();
    scenario.install_packages(&event).await.unwrap();
    ask(scenario, "DELETE", &path, None, 204).await;
    scenario.install_packages(&event).await.unwrap();
    scenario.settle().await;
}

/// Lambdas with a rate limit and a limit of concurrent executions.
async fn limits(scenario: &mut Scenario) {
    let env = &scenario.env;
    let quotas = Quotas { requests_per_second: Some(100), ..env.config.quotas };
    let store = || env.store.clone().with_quotas(quotas);
    let config = Config { concurrency: Some(1), ..env.config.clone() };
    let engine = Engine::with_client(env.lambda_client().await, &config);
    let reconciler = Reconciler::new(store(), engine.clone());
    let invoker = Invoker::new(store(), engine, &config);
    for (lambda, path) in [
        (env.lambda("logs", logs::router(store())), "/api/workspaces/ws-1/logs"),
        (env.lambda("builds", builds::router(store())), "/api/v1/workspaces/ws-1/tasks"),
        (
            env.lambda("invocations", invocations::router(invoker)),
            "/api/workspaces/ws-1/functions/fn-1/invoke",
        ),
    ] {
        let method = if path.ends_with("invoke") { "POST" } else { "GET" };
        lambda.answer(Event::new(method, path)).await.assert_error(404, "NOT_FOUND");
    }
    create(scenario, "def handler(event, context): return 2").await;
    scenario.reconciler = reconciler;
    scenario.settle().await;
}

/// Creates a workspace with a function of `source`. The function's path.
async fn create(scenario: &Scenario, source: &str) -> String {
    let name = || json!({"name": "role"});
    let made = ask(scenario, "POST", "/api/workspaces", Some(name()), 201).await;
    let path = format!("/api/workspaces/{}/functions", made["id"].as_str().unwrap());
    let body = json!({"name": "role", "code": STANDARD.encode(source)});
    let made = ask(scenario, "POST", &path, Some(body), 201).await;
    format!("{path}/{}", made["id"].as_str().unwrap())
}

async fn ask(
    scenario: &Scenario,
    method: &str,
    path: &str,
    body: Option<Value>,
    status: u16,
) -> Value {
    let event = Event::new(method, path);
    let event = body.iter().fold(event, |event, body| event.json(body));
    let answer = scenario.send(event).await;
    assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
    if answer.body.is_empty() { Value::Null } else { answer.json() }
}

/// A comment that barely compresses, so its source is stored in the bucket.
fn noise(seed: u64) -> String {
    let word = |i: u64| format!("{:016x}", (i + seed).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    "#".to_owned() + &(1..4000).map(word).collect::<String>()
}
