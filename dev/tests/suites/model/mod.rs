//! Model-based tests: random sequences of requests, whose responses and final state agree with a model
//! of the API.
//!
//! `MODEL_CASES` is the number of sequences, or 24. `MODEL_SEED` is the seed of proptest's generator, or
//! 1; the nightly run takes another one each time.

mod operation;
mod reference;

use std::cell::Cell;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use deployment::Deployment;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Map, Value, json};
use shared::domain::Quotas;
use testkit::{Answer, Event};

use crate::{REPORT, setting};
use operation::{Body, IfMatch, Operation};
use reference::{Expected, MOST_FUNCTIONS, MOST_WORKSPACES, Model};

/// A source in base64.
fn encoded(source: &str) -> String {
    STANDARD.encode(source)
}

#[test]
fn api_behaves_like_the_model() {
    let config = Config {
        cases: setting("MODEL_CASES").unwrap_or(24) as u32,
        failure_persistence: None,
        max_shrink_time: 120_000,
        ..Config::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (cases, steps) = (config.cases, Cell::new(0));
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&setting("MODEL_SEED").unwrap_or(1).to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let outcome = runner.run(&operation::operations(), |operations| {
        steps.set(steps.get() + operations.len());
        runtime.block_on(async {
            let mut comparison = Comparison::start().await;
            for operation in &operations {
                comparison.step(operation).await;
            }
        });
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
    let steps = steps.get();
    let text = format!("{cases} sequences of {steps} operations. Promises broken: none.\n");
    REPORT.section("model", &text);
}

/// The API and its model.
struct Comparison {
    api: Deployment,
    model: Model,
}

impl Comparison {
    async fn start() -> Self {
        let quotas = Quotas {
            workspaces: MOST_WORKSPACES as u32,
            functions: MOST_FUNCTIONS as u32,
            requests_per_second: None,
        };
        Self { api: Deployment::with_quotas(quotas).await, model: Model::default() }
    }

    /// Applies an operation to both, and compares the response and the state.
    async fn step(&mut self, operation: &Operation) {
        self.apply(operation).await;
        self.assert_same_state(operation).await;
    }

    async fn apply(&mut self, operation: &Operation) {
        let (workspaces, functions) = (self.model.workspaces.len(), self.model.functions.len());
        let workspace = |number: &usize| Model::pick(*number, workspaces);
        let function = |number: &usize| Model::pick(*number, functions);
        match operation {
            Operation::CreateWorkspace(Body(body)) => {
                let expected = self.model.create_workspace(body);
                let answer = self.ask("POST", "/api/workspaces", None, Some(body)).await;
                if self.is_success(operation, &answer, &expected) {
                    self.model.workspace_created(id(&answer), body);
                }
            }
            Operation::ReadWorkspace(number) => {
                let at = workspace(number);
                let expected = found(self.model.workspace_is_there(at));
                let answer = self.ask("GET", &self.workspace_path(at), None, None).await;
                self.is_success(operation, &answer, &expected);
            }
            Operation::PatchWorkspace(number, if_match, Body(body)) => {
                let at = workspace(number);
                let (path, tag) = (self.workspace_path(at), self.workspace_tag(at, *if_match));
                let expected = self.model.patch_workspace(at, *if_match, body);
                let answer = self.ask("PATCH", &path, tag, Some(body)).await;
                self.is_success(operation, &answer, &expected);
            }
            Operation::DeleteWorkspace(number, if_match) => {
                let at = workspace(number);
                let (path, tag) = (self.workspace_path(at), self.workspace_tag(at, *if_match));
                let expected = self.model.delete_workspace(at, *if_match);
                let answer = self.ask("DELETE", &path, tag, None).await;
                self.is_success(operation, &answer, &expected);
            }
            Operation::CreateFunction(number, Body(body)) => {
                let at = workspace(number);
                let expected = self.model.create_function(at, body);
                let path = format!("{}/functions", self.workspace_path(at));
                let answer = self.ask("POST", &path, None, Some(body)).await;
                if self.is_success(operation, &answer, &expected) {
                    self.model.function_created(id(&answer), at.unwrap(), body);
                }
            }
            Operation::ReadFunction(number) => {
                let at = function(number);
                let expected = found(self.model.function_is_there(at));
                let answer = self.ask("GET", &self.function_path(at), None, None).await;
                self.is_success(operation, &answer, &expected);
            }
            Operation::PatchFunction(number, if_match, Body(body)) => {
                let at = function(number);
                let (path, tag) = (self.function_path(at), self.function_tag(at, *if_match));
                let expected = self.model.patch_function(at, *if_match, body);
                let answer = self.ask("PATCH", &path, tag, Some(body)).await;
                self.is_success(operation, &answer, &expected);
            }
            Operation::DeleteFunction(number, if_match) => {
                let at = function(number);
                let (path, tag) = (self.function_path(at), self.function_tag(at, *if_match));
                let expected = self.model.delete_function(at, *if_match);
                let answer = self.ask("DELETE", &path, tag, None).await;
                self.is_success(operation, &answer, &expected);
            }
            Operation::CreateKey(number, Body(body)) => {
                let at = function(number);
                let expected = self.model.create_key(at, body);
                let path = format!("{}/keys", self.function_path(at));
                let answer = self.ask("POST", &path, None, Some(body)).await;
                if self.is_success(operation, &answer, &expected) {
                    let secret = answer.json()["secret"].as_str().unwrap().to_owned();
                    self.model.key_created(id(&answer), secret, at.unwrap());
                }
            }
            Operation::RevokeKey(number) => {
                let Some(at) = Model::pick(*number, self.model.keys.len()) else { return };
                let key = &self.model.keys[at];
                let path = format!("{}/keys/{}", self.function_path(Some(key.function)), key.id);
                let expected = self.model.revoke_key(at);
                let answer = self.ask("DELETE", &path, None, None).await;
                self.is_success(operation, &answer, &expected);
            }
            Operation::TryOut(number) => {
                let at = function(number);
                let path = format!("{}/invoke", self.function_path(at));
                let answer = self.ask("POST", &path, None, None).await;
                match self.model.try_out(at) {
                    Ok(status) => {
                        assert_eq!(answer.status, 200, "{operation:?}: {}", answer.body);
                        assert_eq!(answer.json()["statusCode"], status, "{operation:?}");
                        self.model.functions[at.unwrap()].executions.push(status);
                    }
                    Err(expected) => drop(self.is_success(operation, &answer, &expected)),
                }
            }
            Operation::Call { function: number, method, key } => {
                let at = function(number);
                let key = key.and_then(|number| Model::pick(number, self.model.keys.len()));
                let event = Event::new(method, &self.url_path(at));
                let secret = key.map(|key| self.model.keys[key].secret.clone());
                let answer = self.api.send(event.header("x-api-key", secret.as_deref())).await;
                match self.model.call(at, method, key) {
                    Ok(status) => {
                        assert_eq!(answer.status, status, "{operation:?}: {}", answer.body);
                        assert!(answer.header("x-execution-id").starts_with("log-"));
                        self.model.functions[at.unwrap()].executions.push(status);
                    }
                    Err(expected) => drop(self.is_success(operation, &answer, &expected)),
                }
            }
            Operation::Settle => {
                self.api.settle().await;
                self.model.settle();
            }
        }
    }

    /// Compares everything that can be read with the model.
    async fn assert_same_state(&self, after: &Operation) {
        let listed = self.api.get("/api/workspaces").await;
        let existing: Vec<_> =
            self.model.workspaces.iter().enumerate().filter(|(_, w)| w.is_there).collect();
        assert_eq!(listed.as_array().unwrap().len(), existing.len(), "{after:?}: {listed}");
        for (listed, (at, workspace)) in listed.as_array().unwrap().iter().zip(existing) {
            assert_eq!(listed["id"], json!(workspace.id), "{after:?}: in creation order");
            assert_fields(after, listed, &workspace.fields);
            let functions: Vec<_> = self.model.functions_of(at).collect();
            assert_eq!(listed["functionCount"], functions.len(), "{after:?}: {listed}");
            let path = self.workspace_path(Some(at));
            let read = self.ask("GET", &path, None, None).await;
            assert_eq!(read.json(), *listed, "{after:?}");
            assert_tag(&read, workspace.version);
            self.assert_not_modified(&path, &read).await;

            let listed = self.api.get(&format!("{path}/functions")).await;
            let listed = listed.as_array().unwrap();
            let ids: Vec<_> = listed.iter().map(|function| function["id"].as_str()).collect();
            let expected: Vec<_> = functions.iter().map(|f| Some(f.id.as_str())).collect();
            assert_eq!(ids, expected, "{after:?}: in creation order");
            for (listed, function) in listed.iter().zip(functions) {
                assert_fields(after, listed, &function.fields);
                let counts = (&listed["invocations24h"], &listed["errors24h"]);
                let (all, failed) = function.counted;
                assert_eq!(counts, (&json!(all), &json!(failed)), "{after:?}: {listed}");
                let is_deployed = function.deployed.is_some();
                assert_eq!(listed["invocationUrl"].is_string(), is_deployed, "{after:?}");
                self.assert_function(after, &path, listed, function).await;
            }
        }
    }

    async fn assert_function(
        &self,
        after: &Operation,
        workspace: &str,
        listed: &Value,
        function: &reference::Function,
    ) {
        let path = format!("{workspace}/functions/{}", function.id);
        let read = self.ask("GET", &path, None, None).await;
        let mut shown = read.json();
        assert_eq!(shown["files"], function.fields["files"], "{after:?}");
        shown["files"] = listed["files"].clone();
        assert_eq!(shown, *listed, "{after:?}");
        assert_tag(&read, function.version);
        self.assert_not_modified(&path, &read).await;
        let logs = self.api.get(&format!("{path}/logs?limit=1000")).await;
        let statuses: Vec<_> = logs["logs"].as_array().unwrap().iter().collect();
        let statuses: Vec<_> = statuses.iter().map(|log| log["statusCode"].as_u64()).collect();
        let expected = function.executions.iter().rev();
        assert_eq!(
            statuses,
            expected.map(|s| Some(u64::from(*s))).collect::<Vec<_>>(),
            "{after:?}"
        );
        let at = self.model.functions.iter().position(|other| other.id == function.id);
        let listed = self.api.get(&format!("{path}/keys")).await;
        let ids: Vec<_> = listed.as_array().unwrap().iter().map(|key| key["id"].as_str()).collect();
        let expected = self.model.keys_of(at.unwrap()).map(|key| Some(key.id.as_str()));
        assert_eq!(ids, expected.collect::<Vec<_>>(), "{after:?}");
    }

    /// A GET with `If-None-Match` returns 304.
    async fn assert_not_modified(&self, path: &str, read: &Answer) {
        let event = Event::new("GET", path).header("if-none-match", Some(read.header("etag")));
        let again = self.api.send(event).await;
        assert_eq!((again.status, again.body.as_str()), (304, ""), "{path}");
        assert_eq!(again.header("etag"), read.header("etag"));
    }

    /// Compares a response with the expected one. Whether that is success.
    fn is_success(&self, operation: &Operation, answer: &Answer, expected: &Expected) -> bool {
        match expected {
            Expected::Status(status) => {
                assert_eq!(answer.status, *status, "{operation:?}: {}", answer.body);
                true
            }
            Expected::Error(status, code) => {
                assert_eq!(answer.status, *status, "{operation:?}: {}", answer.body);
                answer.assert_error(*status, code);
                false
            }
        }
    }

    fn workspace_path(&self, at: Option<usize>) -> String {
        let id = at.map_or("ws-nothing", |at| &self.model.workspaces[at].id);
        format!("/api/workspaces/{id}")
    }

    fn function_path(&self, at: Option<usize>) -> String {
        let workspace = self.workspace_path(at.map(|at| self.model.functions[at].workspace));
        let id = at.map_or("fn-nothing", |at| &self.model.functions[at].id);
        format!("{workspace}/functions/{id}")
    }

    fn url_path(&self, at: Option<usize>) -> String {
        let path = self.function_path(at);
        path.replace("/api/workspaces/", "/invoke/").replace("/functions/", "/")
    }

    fn workspace_tag(&self, at: Option<usize>, if_match: IfMatch) -> Option<String> {
        tag_of(if_match, at.map(|at| self.model.workspaces[at].version))
    }

    fn function_tag(&self, at: Option<usize>, if_match: IfMatch) -> Option<String> {
        tag_of(if_match, at.map(|at| self.model.functions[at].version))
    }

    async fn ask(
        &self,
        method: &str,
        path: &str,
        if_match: Option<String>,
        body: Option<&Map<String, Value>>,
    ) -> Answer {
        let event = Event::new(method, path).header("if-match", if_match.as_deref());
        let event = body.iter().fold(event, |event, body| event.text(json!(body).to_string()));
        self.api.send(event).await
    }
}

fn assert_fields(after: &Operation, read: &Value, fields: &Map<String, Value>) {
    for (name, value) in fields {
        // A list has no files.
        if name == "files" && read[name].is_null() {
            assert_eq!(read["fileCount"], value.as_object().unwrap().len(), "{after:?}");
            continue;
        }
        assert_eq!(&read[name], value, "{after:?}: {name} of {}", read["id"]);
    }
}

fn found(is_there: bool) -> Expected {
    if is_there { Expected::Status(200) } else { Expected::Error(404, "NOT_FOUND") }
}

fn id(answer: &Answer) -> &str {
    // Cut out of the body, to borrow from it.
    let after = answer.body.split_once("\"id\":\"").unwrap().1;
    after.split('"').next().unwrap()
}

/// An ETag begins with the version.
fn assert_tag(read: &Answer, version: u64) {
    let tag = read.header("etag");
    assert!(tag.starts_with(&format!("\"{version}-")), "{version}: {tag}: {}", read.body);
}

fn tag(version: u64) -> String {
    format!("\"{version}\"")
}

fn tag_of(if_match: IfMatch, version: Option<u64>) -> Option<String> {
    match if_match {
        IfMatch::Nothing => None,
        IfMatch::Any => Some("*".to_owned()),
        IfMatch::Current => Some(tag(version.unwrap_or(1))),
        IfMatch::Older => Some(tag(0)),
    }
}
