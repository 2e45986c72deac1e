//! What requests are sent to, and what must hold afterwards.

use aws_sdk_s3::primitives::ByteStream;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use deployment::Deployment;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use shared::domain::{Code, ExecutionStatus, FunctionId, Timestamp, WorkspaceId};
use testkit::{Answer, Event};

use super::command::Command;
use super::source::{form, id_in, importing, project, source};
use crate::consistency::Allowed;

/// A workspace with a deployed function that has a log and a key.
pub(crate) struct Resources {
    workspace: String,
    function: String,
    key: String,
    task: String,
    /// The function before the request.
    before: Value,
}

impl Resources {
    pub(crate) async fn create(api: &Deployment) -> Self {
        let id = |made: Value| made["id"].as_str().unwrap().to_owned();
        let made = id(api.make("/api/workspaces", &json!({"name": "w"})).await);
        let workspace = format!("/api/workspaces/{made}");
        let body = json!({"name": "f", "code": STANDARD.encode(source(1)), "timeout": 10});
        let made = id(api.make(&format!("{workspace}/functions"), &body).await);
        let function = format!("{workspace}/functions/{made}");
        let key = id(api.make(&format!("{function}/keys"), &json!({"name": "k"})).await);
        api.settle().await;
        let (ws, of) =
            (id_in(&workspace).parse::<WorkspaceId>(), id_in(&function).parse::<FunctionId>());
        let now = Timestamp::now();
        api.env.execution(&ws.unwrap(), &of.unwrap(), now, ExecutionStatus::Success, 1.0).await;
        let built = api.send(form(&workspace, "f", 1)).await;
        let task = built.json()["task_id"].as_str().unwrap().to_owned();
        // The build that is deployed.
        assert_eq!(api.send(form(&workspace, "other", 3)).await.status, 202);
        api.settle().await;
        let before = api.get(&function).await;
        let resources = Self { workspace, function, key, task, before };
        let upload = format!("uploads/{}/{}.zip", id_in(&resources.function), resources.upload());
        let put = api.env.s3.put_object().bucket(&api.env.config.bucket).key(upload);
        put.body(ByteStream::from(project())).send().await.unwrap();
        resources
    }

    /// Sends the request of `command`.
    pub(crate) async fn request(&self, api: &Deployment, command: Command) -> Answer {
        use Command::*;
        let Self { workspace, function, key, task, .. } = self;
        let name = json!({"name": "once"});
        // The key of this workspace: other cases send the same request for other ones.
        let once = command.is_idempotent().then_some(workspace.as_str());
        if matches!(command, Build | BuildOnce) {
            return api.send(form(workspace, "once", 2).header("idempotency-key", once)).await;
        }
        let (method, path, body) = match command {
            CreateWorkspace | CreateWorkspaceOnce => {
                ("POST", "/api/workspaces".to_owned(), Some(name))
            }
            ListWorkspaces => ("GET", "/api/workspaces".to_owned(), None),
            ReadWorkspace | ReadWorkspaceCounted => ("GET", workspace.clone(), None),
            PatchWorkspace => ("PATCH", workspace.clone(), Some(json!({"name": "새 이름"}))),
            DeleteWorkspace => ("DELETE", workspace.clone(), None),
            CreateFunction | CreateFunctionOnce => {
                let body = json!({"name": "once", "code": STANDARD.encode(source(2))});
                ("POST", format!("{workspace}/functions"), Some(body))
            }
            ListFunctions => ("GET", format!("{workspace}/functions"), None),
            ReadFunction => ("GET", function.clone(), None),
            PatchFunction => ("PATCH", function.clone(), Some(json!({"name": "n", "memory": 512}))),
            PatchSource => {
                let body = json!({"name": "n", "code": STANDARD.encode(source(3))});
                ("PATCH", function.clone(), Some(body))
            }
            PatchFiles => {
                let files = json!({"three.py": STANDARD.encode(source(3))});
                let body = json!({"files": files, "code": STANDARD.encode(importing(3))});
                ("PATCH", function.clone(), Some(body))
            }
            TakeUpload => {
                let body = json!({"upload": self.upload(), "name": "n"});
                ("PATCH", function.clone(), Some(body))
            }
            ExpectUpload => {
                let body = json!({"bytes": 10, "sha256": "0".repeat(64)});
                ("POST", format!("{function}/uploads"), Some(body))
            }
            DeleteFunction => ("DELETE", function.clone(), None),
            MakeKey | MakeKeyOnce => ("POST", format!("{function}/keys"), Some(name)),
            ListKeys => ("GET", format!("{function}/keys"), None),
            RevokeKey => ("DELETE", format!("{function}/keys/{key}"), None),
            TryOut | TryOutOnce => ("POST", format!("{function}/invoke"), None),
            Call => {
                let url = function.replace("/api/workspaces/", "/invoke/");
                ("GET", url.replace("/functions/", "/"), None)
            }
            FunctionLogs => ("GET", format!("{function}/logs"), None),
            WorkspaceLogs => ("GET", format!("{workspace}/logs"), None),
            LatestLines => ("GET", format!("/api/functions/{}/loki-logs", id_in(function)), None),
            ProcessorTime => ("GET", format!("/api/functions/{}/metrics", id_in(function)), None),
            ReadTask => ("GET", format!("/api/v1/tasks/{task}"), None),
            ListTasks => ("GET", format!("/api/v1/workspaces/{}/tasks", id_in(workspace)), None),
            DeployBuild => ("POST", "/api/v1/deploy".to_owned(), Some(self.deployment(3))),
            DeployAgain => ("POST", "/api/v1/deploy".to_owned(), Some(self.deployment(1))),
            Build | BuildOnce => unreachable!("a form"),
            DeepHealth => ("GET", "/health?deep=1".to_owned(), None),
        };
        let event = Event::new(method, &path).header("idempotency-key", once);
        let event = body.iter().fold(event, |event, body| event.json(body));
        api.send(event).await
    }

    /// Checks the state against the response, and retries after an error. `log_may_be_lost` says
    /// whether the execution's log may not have been written.
    pub(crate) async fn assert_outcome(
        &self,
        api: &Deployment,
        command: Command,
        answer: &Answer,
        log_may_be_lost: bool,
        case: &str,
    ) -> Allowed {
        use Command::*;
        let is_done = answer.status < 300;
        match command {
            CreateWorkspace | CreateFunction | MakeKey => {
                let named = self.created_by(api, command).await;
                // After an error it was created or it wasn't.
                assert!(named.len() == 1 || (named.is_empty() && !is_done), "{case}: {named:?}");
                if is_done {
                    assert_eq!(named[0]["id"], answer.json()["id"], "{case}");
                }
            }
            CreateWorkspaceOnce | CreateFunctionOnce | MakeKeyOnce => {
                let again = self.retry(api, command).await;
                assert_eq!(again.status, 201, "{case}: {}", again.body);
                if is_done {
                    assert_eq!(again.body, answer.body, "{case}");
                }
                let named = self.created_by(api, command).await;
                assert_eq!(named.len(), 1, "{case}: {named:?}");
                assert_eq!(named[0]["id"], again.json()["id"], "{case}");
            }
            Build | BuildOnce => {
                let again = self.retry(api, command).await;
                assert_eq!(again.status, 202, "{case}: {}", again.body);
                let path = format!("/api/v1/workspaces/{}/tasks", id_in(&self.workspace));
                let tasks = api.get(&path).await["tasks"].take();
                let tasks = tasks.as_array().unwrap().iter();
                let made = tasks.filter(|task| task["app_name"] == "once").count();
                let most = if command == Build { 2 } else { 1 };
                assert!((1..=most).contains(&made), "{case}: {made}");
                if is_done {
                    assert_eq!(made, most, "{case}");
                    assert!(command == Build || again.body == answer.body, "{case}");
                }
            }
            DeployBuild => {
                let code = api.get(&self.function).await["code"].take();
                let is_new = code == json!(STANDARD.encode(source(3)));
                assert!(is_new || (!is_done && code == self.before["code"]), "{case}");
                let again = self.request(api, command).await;
                assert_eq!(again.status, 200, "{case}: {}", again.body);
                let code = api.get(&self.function).await["code"].take();
                assert_eq!(code, json!(STANDARD.encode(source(3))), "{case}");
            }
            PatchWorkspace | PatchFunction | PatchSource | PatchFiles | TakeUpload => {
                let path = if command == PatchWorkspace { &self.workspace } else { &self.function };
                let there = api.get(path).await;
                if is_done {
                    assert_eq!(there, answer.json(), "{case}");
                }
                let again = self.request(api, command).await;
                assert_eq!(again.status, 200, "{case}: {}", again.body);
                let fields = ["name", "memory", "code", "files"];
                let of = |value: &Value| fields.map(|field| value[field].clone());
                let (there, requested) = (of(&there), of(&again.json()));
                let workspace = json!({"name": "w"});
                let before = if command == PatchWorkspace { &workspace } else { &self.before };
                let before = of(before);
                assert!(
                    there == requested || (there == before && !is_done),
                    "{case}: a partial patch"
                );
                assert_eq!(of(&api.get(path).await), requested, "{case}");
            }
            DeleteWorkspace | DeleteFunction | RevokeKey => {
                let again = self.request(api, command).await;
                let expected: &[u16] = if is_done { &[404] } else { &[204, 404] };
                assert!(expected.contains(&again.status), "{case}: {}", again.body);
                self.request(api, command).await.assert_error(404, "NOT_FOUND");
            }
            TryOut | TryOutOnce | Call => {
                self.assert_logged(api, command, answer, log_may_be_lost, case).await;
            }
            _ => {}
        }
        let writes_a_source = matches!(
            command,
            CreateFunction
                | CreateFunctionOnce
                | PatchSource
                | PatchFiles
                | TakeUpload
                | DeployBuild
        );
        let orphans_of = (!is_done && writes_a_source).then(|| id_in(&self.workspace).to_owned());
        Allowed { orphans_of, were_deleted: command == DeleteFunction }
    }

    /// An execution in the response has a log, and is replayed.
    async fn assert_logged(
        &self,
        api: &Deployment,
        command: Command,
        answer: &Answer,
        log_may_be_lost: bool,
        case: &str,
    ) {
        let log = match command {
            Command::Call => json!(answer.header("x-execution-id")),
            _ if answer.status == 200 => answer.json()["id"].clone(),
            _ => json!(""),
        };
        let logs = api.get(&format!("{}/logs", self.function)).await;
        let is_logged = logs["logs"].as_array().unwrap().iter().any(|logged| logged["id"] == log);
        assert!(is_logged || log_may_be_lost || log == "", "{case}: {log} is not in {logs}");
        if command == Command::TryOutOnce {
            let again = self.retry(api, command).await;
            if is_logged {
                assert_eq!((again.status, &again.body), (200, &answer.body), "{case}");
            } else {
                assert!([200, 409].contains(&again.status), "{case}: {}", again.body);
            }
        }
    }

    /// The acknowledged source is deployed, and did not run more often than requested.
    pub(crate) async fn assert_runs(
        &self,
        api: &Deployment,
        command: Command,
        answer: &Answer,
        case: &str,
    ) {
        let which = match command {
            Command::PatchSource
            | Command::PatchFiles
            | Command::TakeUpload
            | Command::DeployBuild => 3,
            _ if command.is_execution() => 1,
            _ => return,
        };
        let ran = api.ask("POST", &format!("{}/invoke", self.function), None).await.json();
        assert_eq!(ran["responseBody"][0], which, "{case}: {ran}, after {}", answer.body);
        let times = ran["responseBody"][1].as_u64().unwrap();
        assert!((1..=2).contains(&times), "{case}: it ran {times} times in all");
        api.settle().await;
    }

    /// The upload of a project, which is in the bucket.
    fn upload(&self) -> String {
        let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(project()));
        format!("up-{}-{hash}", "0".repeat(26))
    }

    /// The body that deploys a build to the function.
    fn deployment(&self, which: u64) -> Value {
        let digest = Code::try_from(source(which)).unwrap().sha256();
        let image = format!("faas://{}/f:{}", id_in(&self.workspace), &digest[..16]);
        json!({"app_name": "f", "image_ref": image, "function_id": id_in(&self.function)})
    }

    /// The same request, after the time of the first attempt.
    async fn retry(&self, api: &Deployment, command: Command) -> Answer {
        api.set_in_claims("busyUntil", 0).await;
        self.request(api, command).await
    }

    /// The resources with the name that a command gives.
    async fn created_by(&self, api: &Deployment, command: Command) -> Vec<Value> {
        use Command::*;
        let path = match command {
            CreateWorkspace | CreateWorkspaceOnce => "/api/workspaces".to_owned(),
            CreateFunction | CreateFunctionOnce => format!("{}/functions", self.workspace),
            _ => format!("{}/keys", self.function),
        };
        let listed = api.get(&path).await;
        let named = listed.as_array().unwrap().iter().filter(|made| made["name"] == "once");
        let named: Vec<_> = named.cloned().collect();
        if matches!(command, CreateFunction | CreateFunctionOnce) {
            let code = json!(STANDARD.encode(source(2)));
            assert!(named.iter().all(|function| function["code"] == code), "{named:?}");
        }
        named
    }
}
