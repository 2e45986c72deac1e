//! The sandboxes of one version of a function: several at a time, reused while they are warm.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::sync::{OnceCell, Semaphore};

use super::code::Code;
use super::concurrency::Slot;
use super::context::Context;
use super::error::ApiError;
use super::sandbox::{InvocationOutput, Request, Sandbox};
use super::settings::Settings;
use crate::ids::{self, LATEST};
use crate::process;

/// The most sandboxes of a version. Further invocations wait, where AWS would refuse them with
/// a 429 once an account has 1000.
const MAX_SANDBOXES: usize = 10;

/// How long a sandbox waits for its next event.
const MAX_IDLE: Duration = Duration::from_secs(300);

/// Sandboxes that run the same code with the same settings.
#[derive(Debug)]
pub(super) struct SandboxPool {
    context: Arc<Context>,
    name: String,
    version: String,
    settings: Settings,
    code: Arc<Code>,
    /// The unpacked code, from the first invocation on.
    folder: OnceCell<TempDir>,
    permits: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The last one was used last.
    idle: Vec<Sandbox>,
    /// There will be no more invocations.
    is_retired: bool,
}

impl SandboxPool {
    /// A pool without sandboxes: the first invocation starts one.
    pub(super) fn new(
        context: Arc<Context>,
        name: &str,
        version: &str,
        settings: Settings,
        code: Arc<Code>,
    ) -> Arc<Self> {
        Arc::new(Self {
            context,
            name: name.to_owned(),
            version: version.to_owned(),
            settings,
            code,
            folder: OnceCell::new(),
            permits: Arc::new(Semaphore::new(MAX_SANDBOXES)),
            state: Mutex::default(),
        })
    }

    /// Runs one invocation. As on AWS, a caller that gives up does not stop it.
    ///
    /// # Errors
    /// Where the engine can't run functions. A failure of the function is an output.
    pub(super) async fn invoke(
        self: Arc<Self>,
        event: Bytes,
        slot: Slot,
    ) -> Result<InvocationOutput, ApiError> {
        let stopped = || ApiError::service("The local engine is stopping");
        let permit = self.permits.clone().acquire_owned().await.map_err(|_| stopped())?;
        let invocation = tokio::spawn(async move {
            let _held = (permit, slot);
            self.run(event).await
        });
        invocation.await.map_err(|_| stopped())?
    }

    /// Ends idle sandboxes at once, and the others after their invocation.
    pub(super) fn retire(&self) {
        let mut state = self.state();
        state.is_retired = true;
        state.idle.clear();
    }

    /// Ends sandboxes that have been idle for long.
    pub(super) fn end_idle(&self) {
        self.state().idle.retain(|sandbox| sandbox.idle_since().elapsed() < MAX_IDLE);
    }

    async fn run(&self, event: Bytes) -> Result<InvocationOutput, ApiError> {
        let request = Request {
            id: ids::invocation_id(),
            version: self.version.clone(),
            timeout: Duration::from_secs(self.settings.timeout),
            memory_mb: self.settings.memory_size,
        };
        let mut sandbox = match self.take_idle() {
            Some(sandbox) => sandbox,
            None => {
                let command = self.command().await.map_err(ApiError::service)?;
                let started = Sandbox::spawn(command, &self.name, request.memory_mb).await;
                let mut sandbox = started
                    .map_err(|e| ApiError::service(format!("python3 can't be started: {e}")))?;
                if let Err(failure) = sandbox.ready(&request).await {
                    return Ok(*failure);
                }
                sandbox
            }
        };
        let output = sandbox.invoke(event, self.arn(), &request).await;
        if sandbox.is_usable() {
            let mut state = self.state();
            if !state.is_retired {
                state.idle.push(sandbox);
            }
        }
        Ok(output)
    }

    fn take_idle(&self) -> Option<Sandbox> {
        let mut state = self.state();
        while let Some(mut sandbox) = state.idle.pop() {
            if sandbox.is_usable() {
                return Some(sandbox);
            }
        }
        None
    }

    async fn command(&self) -> Result<Command, String> {
        let unpacked = self.folder.get_or_try_init(|| async {
            let folder = tempfile::Builder::new()
                .prefix("task-")
                .tempdir_in(&self.context.scratch)
                .map_err(|e| format!("no folder could be created for the code: {e}"))?;
            let code = self.code.clone();
            let unpacking =
                tokio::task::spawn_blocking(move || code.unpack(folder.path()).map(|()| folder));
            unpacking.await.map_err(|e| e.to_string())?
        });
        let folder = unpacked.await?.path();
        let mut command = self.context.python.command(&self.settings.handler).await?;
        command.current_dir(folder).env_clear();
        // A function may have values of its own for these three.
        command.envs(process::search_path().map(|path| ("PATH", path)));
        command.env("LANG", "en_US.UTF-8").env("TZ", ":UTC");
        command.envs(&self.settings.environment);
        self.add_layers(&mut command).await?;
        command.env("LAMBDA_TASK_ROOT", folder);
        command.envs(self.lambda_variables());
        Ok(command)
    }

    /// Layers are below `/opt` on AWS, where Lambda has `/opt/python` on Python's path.
    async fn add_layers(&self, command: &mut Command) -> Result<(), String> {
        let mut path = Vec::new();
        for arn in &self.settings.layers {
            path.push(self.context.layers.unpacked(arn).await?.join("python"));
        }
        if !path.is_empty() {
            path.extend(self.settings.environment.get("PYTHONPATH").map(PathBuf::from));
            command.env("PYTHONPATH", std::env::join_paths(path).map_err(|e| e.to_string())?);
        }
        Ok(())
    }

    /// The variables that Lambda sets. No keys and no endpoints: a user's function must find
    /// neither our stores nor the developer's AWS.
    fn lambda_variables(&self) -> [(&'static str, String); 11] {
        [
            ("_HANDLER", self.settings.handler.clone()),
            ("AWS_EXECUTION_ENV", format!("AWS_Lambda_{}", self.settings.runtime)),
            ("AWS_DEFAULT_REGION", self.context.region.clone()),
            ("AWS_REGION", self.context.region.clone()),
            ("AWS_LAMBDA_FUNCTION_NAME", self.name.clone()),
            ("AWS_LAMBDA_FUNCTION_VERSION", self.version.clone()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", self.settings.memory_size.to_string()),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
            ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", self.name)),
            ("AWS_LAMBDA_LOG_STREAM_NAME", format!("local/[{}]", self.version)),
            // Bytecode would be written beside the code, which is read-only on AWS.
            ("PYTHONDONTWRITEBYTECODE", "1".to_owned()),
        ]
    }

    fn arn(&self) -> String {
        let arn = ids::function_arn(&self.context.region, &self.name);
        if self.version == LATEST { arn } else { format!("{arn}:{}", self.version) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
