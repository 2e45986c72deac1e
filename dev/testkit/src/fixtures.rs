//! Workspaces, functions and executions for tests to begin with.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use shared::domain::{
    CreateFunction, CreateWorkspace, ExecutionLog, ExecutionStatus, Expected, Fields, FunctionId,
    Level, LogId, Owner, PatchFunction, Timestamp, WorkspaceId,
};
use shared::store::IdempotencyRecord;

use crate::TestEnv;

/// The fields of a request's body.
///
/// # Panics
/// Where it is no object.
pub fn fields(body: &Value) -> Fields {
    Fields::parse(body.to_string().as_bytes()).expect("an object")
}

impl TestEnv {
    /// A new workspace.
    ///
    /// # Panics
    /// Where it can't be made: in a test that is its failure.
    pub async fn new_workspace(&self) -> WorkspaceId {
        let new = CreateWorkspace::try_from(fields(&json!({"name": "tests"}))).expect("valid");
        let claim = IdempotencyRecord::without_key(Timestamp::now());
        let new = new.create(&claim.origin);
        let id = new.id.clone();
        self.store.create_workspace(&Owner::anonymous(), &claim, new).await.expect("made");
        id
    }

    /// A new function of `source`, with other settings than a small one's if given.
    ///
    /// # Panics
    /// Where it can't be made.
    pub async fn new_function(
        &self,
        ws: &WorkspaceId,
        source: &str,
        settings: &Value,
    ) -> FunctionId {
        // The longest timeout: no machine is too slow for it.
        let mut body = json!({
            "name": "f", "code": STANDARD.encode(source), "memory": 128, "timeout": 900,
            "httpMethods": ["GET", "POST", "PUT"],
        });
        for (name, value) in settings.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        let new = CreateFunction::try_from(fields(&body)).expect("valid");
        let claim = IdempotencyRecord::without_key(Timestamp::now());
        let new = new.create(ws.clone(), &claim.origin);
        let id = new.id.clone();
        self.store.create_function(&Owner::anonymous(), &claim, new).await.expect("made");
        id
    }

    /// Changes a function as a PATCH with this body does.
    ///
    /// # Panics
    /// Where it can't be changed.
    pub async fn patch(&self, ws: &WorkspaceId, id: &FunctionId, body: &Value) {
        let patch = PatchFunction::try_from(fields(body)).expect("valid");
        let (owner, any) = (Owner::anonymous(), Expected::Any);
        self.store.patch_function(&owner, ws, id, &any, patch).await.expect("changed");
    }

    /// Records an execution that began `at` and took so many milliseconds.
    ///
    /// # Panics
    /// Where it can't be recorded.
    pub async fn execution(
        &self,
        ws: &WorkspaceId,
        id: &FunctionId,
        at: Timestamp,
        status: ExecutionStatus,
        duration: f64,
    ) -> LogId {
        let log = ExecutionLog {
            id: LogId::generate(),
            function_id: id.clone(),
            timestamp: at,
            status,
            duration,
            status_code: if status == ExecutionStatus::Error { 500 } else { 200 },
            request_body: RawValue::NULL.to_owned(),
            response_body: RawValue::NULL.to_owned(),
            logs: vec!["line".into()],
            level: if status == ExecutionStatus::Error { Level::Error } else { Level::Info },
            cpu_time: Some(1.5),
            max_memory: Some(40),
        };
        self.store.record_execution(ws, &log, 30).await.expect("recorded");
        log.id
    }
}
