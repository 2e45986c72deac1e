//! The processes of one version of a function: several at once, reused while they are warm.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::sync::{OnceCell, Semaphore};

use super::code::Code;
use super::function::Place;
use super::python::Python;
use super::refusal::Refusal;
use super::sandbox::{Invoked, Label, Sandbox};
use super::settings::Settings;
use crate::ids;
use crate::process;

/// How many processes a version may have. Further invocations wait for their
/// turn, where AWS would refuse them with a 429 once an account has 1000.
pub(super) const MOST_AT_ONCE: usize = 10;

/// How long a process waits for its next event.
const LONGEST_IDLE: Duration = Duration::from_secs(300);

/// What all functions of an engine stand on.
#[derive(Debug)]
pub(super) struct Ground {
    pub(super) region: String,
    pub(super) python: Python,
    /// Where code is unpacked.
    pub(super) scratch: PathBuf,
    /// How long a change takes.
    pub(super) update_delay: Duration,
}

/// Workers that all run the same code with the same settings.
#[derive(Debug)]
pub(super) struct Crew {
    ground: Arc<Ground>,
    name: String,
    version: String,
    settings: Settings,
    code: Arc<Code>,
    /// The code unpacked, at the first invocation.
    folder: OnceCell<TempDir>,
    turns: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The one that was used last at the end.
    idle: Vec<Sandbox>,
    /// Nobody will invoke it any more.
    retired: bool,
}

impl Crew {
    /// A crew without workers: the first invocation starts one.
    pub(super) fn new(
        ground: Arc<Ground>,
        name: &str,
        version: &str,
        settings: Settings,
        code: Arc<Code>,
    ) -> Arc<Self> {
        Arc::new(Self {
            ground,
            name: name.to_owned(),
            version: version.to_owned(),
            settings,
            code,
            folder: OnceCell::new(),
            turns: Arc::new(Semaphore::new(MOST_AT_ONCE)),
            state: Mutex::default(),
        })
    }

    /// Answers one event. A caller that gives up does not stop the function, as on AWS.
    ///
    /// # Errors
    /// Where the engine can't run functions. What goes wrong inside one is an answer.
    pub(super) async fn invoke(
        self: Arc<Self>,
        event: Bytes,
        place: Place,
    ) -> Result<Invoked, Refusal> {
        let stopped = || Refusal::service("The local engine is stopping");
        let turn = self.turns.clone().acquire_owned().await.map_err(|_| stopped())?;
        let invocation = tokio::spawn(async move {
            let _held = (turn, place);
            self.run(event).await
        });
        invocation.await.map_err(|_| stopped())?
    }

    /// Ends the workers that wait; those at work end when they are done.
    pub(super) fn retire(&self) {
        let mut state = self.state();
        state.retired = true;
        state.idle.clear();
    }

    /// Ends the workers that have waited for long.
    pub(super) fn end_idle(&self) {
        self.state().idle.retain(|sandbox| sandbox.idle_since().elapsed() < LONGEST_IDLE);
    }

    async fn run(&self, event: Bytes) -> Result<Invoked, Refusal> {
        let label = Label {
            id: ids::invocation_id(),
            version: self.version.clone(),
            timeout: self.settings.time_limit(),
            memory_mb: self.settings.memory_size,
        };
        let mut sandbox = match self.take_idle() {
            Some(sandbox) => sandbox,
            None => {
                let command = self.command().await.map_err(Refusal::service)?;
                let started = Sandbox::spawn(command, &self.name, label.memory_mb).await;
                let mut sandbox = started
                    .map_err(|e| Refusal::service(format!("python3 can't be started: {e}")))?;
                if let Err(answer) = sandbox.ready(&label).await {
                    return Ok(*answer);
                }
                sandbox
            }
        };
        let invoked = sandbox.invoke(event, self.arn(), &label).await;
        let usable = sandbox.is_usable();
        let mut state = self.state();
        if usable && !state.retired {
            state.idle.push(sandbox);
        }
        Ok(invoked)
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
                .tempdir_in(&self.ground.scratch)
                .map_err(|e| format!("no folder could be made for the code: {e}"))?;
            let code = self.code.clone();
            let unpacking =
                tokio::task::spawn_blocking(move || code.unpack(folder.path()).map(|()| folder));
            unpacking.await.map_err(|e| e.to_string())?
        });
        let folder = unpacked.await?.path();
        let mut command = self.ground.python.command(&self.settings.handler).await?;
        command.current_dir(folder).env_clear().envs(&self.settings.environment);
        command.env("LAMBDA_TASK_ROOT", folder);
        command.envs(self.own_variables());
        command.envs(process::search_path().map(|path| ("PATH", path)));
        Ok(command)
    }

    /// What Lambda sets. No keys and no endpoints: a user's function must find
    /// neither our stores nor the developer's AWS.
    fn own_variables(&self) -> [(&'static str, String); 13] {
        [
            ("_HANDLER", self.settings.handler.clone()),
            ("AWS_EXECUTION_ENV", format!("AWS_Lambda_{}", self.settings.runtime)),
            ("AWS_DEFAULT_REGION", self.ground.region.clone()),
            ("AWS_REGION", self.ground.region.clone()),
            ("AWS_LAMBDA_FUNCTION_NAME", self.name.clone()),
            ("AWS_LAMBDA_FUNCTION_VERSION", self.version.clone()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", self.settings.memory_size.to_string()),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
            ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", self.name)),
            ("AWS_LAMBDA_LOG_STREAM_NAME", format!("local/[{}]", self.version)),
            ("LANG", "en_US.UTF-8".to_owned()),
            ("TZ", ":UTC".to_owned()),
            // Files of bytecode would be written beside the code, which is read-only on AWS.
            ("PYTHONDONTWRITEBYTECODE", "1".to_owned()),
        ]
    }

    fn arn(&self) -> String {
        let arn = ids::function_arn(&self.ground.region, &self.name);
        if self.version == "$LATEST" { arn } else { format!("{arn}:{}", self.version) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
