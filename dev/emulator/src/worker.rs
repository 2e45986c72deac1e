//! One process of one of our Lambdas.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Map, Value};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::task::JoinHandle;

use crate::ids;
use crate::instance::{Failure, Instance};
use crate::process::{self, Launcher};
use crate::runtime_api::{Invocation, PAYLOAD_LIMIT};
use crate::terminal;

/// How long a worker may take until it asks for its first event. AWS allows 10 seconds; a debug
/// binary on a busy machine needs more.
const START_TIMEOUT: Duration = Duration::from_secs(120);

/// The settings of a Lambda, without its binary.
#[derive(Clone, Debug)]
pub struct WorkerSpec {
    /// The function's name, which also marks its lines at the terminal.
    pub name: String,
    /// Memory in MB. The function is told it; nothing enforces it.
    pub memory_mb: u32,
    /// How long one invocation may take.
    pub timeout: Duration,
    /// `AWS_REGION`.
    pub region: String,
    /// Its variables, without those of the Runtime API.
    pub environment: BTreeMap<String, String>,
    /// How its processes are started.
    pub launcher: Launcher,
}

/// Why an invocation has no answer.
#[derive(Debug, thiserror::Error)]
pub enum InvokeError {
    /// No process could be started.
    #[error("it did not start: {0}")]
    NotStarted(String),
    /// The process exited, or broke its connection, before it answered.
    #[error("its process ended before it answered ({0})")]
    Crashed(String),
    /// The process was killed because it took longer than this.
    #[error("it ran past its timeout of {} s and was killed", .0.as_secs_f64())]
    TimedOut(Duration),
    /// The function reported an error: the runtime's JSON.
    #[error("it failed: {}", String::from_utf8_lossy(.0))]
    Failed(Bytes),
    /// The answer has this many bytes, more than Lambda lets through.
    #[error("its answer has {0} bytes; Lambda's limit is {PAYLOAD_LIMIT}")]
    AnswerTooLarge(usize),
}

/// A running process. Dropping it kills its process group.
#[derive(Debug)]
pub struct Worker {
    spec: Arc<WorkerSpec>,
    instance: Instance,
}

impl Worker {
    /// Starts `binary` and waits until it asks for its first event.
    ///
    /// # Errors
    /// [`InvokeError::NotStarted`], with the last line of stderr.
    pub async fn start(spec: Arc<WorkerSpec>, binary: &Path) -> Result<Self, InvokeError> {
        let failed = |problem: String| InvokeError::NotStarted(problem);
        let mut command = spec.launcher.command(binary);
        command.env_clear().envs(environment(&spec));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut instance = Instance::spawn(command)
            .await
            .map_err(|e| failed(format!("{} can't be run: {e}", binary.display())))?;
        let last_line = Arc::new(Mutex::new(String::new()));
        let (stdout, stderr) = instance.take_output();
        if let Some(stdout) = stdout {
            forward(spec.name.clone(), stdout, None);
        }
        let stderr = stderr.map(|e| forward(spec.name.clone(), e, Some(last_line.clone())));

        let problem = match instance.ready(START_TIMEOUT).await {
            Ok(()) => return Ok(Self { spec, instance }),
            Err(Failure::Reported(report)) => String::from_utf8_lossy(&report).into_owned(),
            Err(Failure::TimedOut) => {
                format!("it asked for no event within {} s", START_TIMEOUT.as_secs())
            }
            Err(Failure::Exited(status)) => exit_description(status),
            Err(other) => format!("{other:?}"),
        };
        instance.kill();
        if let Some(stderr) = stderr {
            // Its last line may still be in the pipe, which a grandchild may hold open.
            let _ = tokio::time::timeout(Duration::from_secs(1), stderr).await;
        }
        let last_line = last_line.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let suffix =
            if last_line.is_empty() { String::new() } else { format!("; it wrote: {last_line}") };
        Err(failed(format!("{problem}{suffix}")))
    }

    /// Whether it can take another event.
    pub fn is_usable(&mut self) -> bool {
        self.instance.is_usable()
    }

    /// The process id, while it runs.
    pub fn process_id(&self) -> Option<u32> {
        self.instance.process_id()
    }

    /// Sends one event and waits for the answer.
    ///
    /// # Errors
    /// Any but [`InvokeError::NotStarted`]. After a crash or a timeout the worker can't be used
    /// again.
    pub async fn invoke(&mut self, event: Bytes) -> Result<Bytes, InvokeError> {
        let WorkerSpec { name, region, timeout, .. } = &*self.spec;
        let invocation = Invocation {
            id: ids::invocation_id(),
            event,
            arn: ids::function_arn(region, name),
            timeout: *timeout,
        };
        let result = self.instance.invoke(invocation).await;
        if !self.instance.is_usable() {
            self.instance.kill();
        }
        result.map_err(|failure| match failure {
            Failure::Reported(report) => InvokeError::Failed(report),
            Failure::TooLarge(size) => InvokeError::AnswerTooLarge(size),
            Failure::Exited(status) => InvokeError::Crashed(exit_description(status)),
            Failure::Disconnected => InvokeError::Crashed("it broke off its answer".to_owned()),
            Failure::TimedOut => InvokeError::TimedOut(*timeout),
        })
    }
}

fn exit_description(status: Option<ExitStatus>) -> String {
    status.map_or_else(|| "its end could not be seen".to_owned(), |status| status.to_string())
}

/// The whole environment of a worker. Of the developer's it has only the search path: with an
/// `AWS_PROFILE` it would reach real AWS.
pub fn environment(spec: &WorkerSpec) -> Vec<(String, String)> {
    let mut variables: Vec<(String, String)> = spec.environment.clone().into_iter().collect();
    let own = [
        ("AWS_LAMBDA_FUNCTION_NAME", spec.name.clone()),
        ("AWS_LAMBDA_FUNCTION_VERSION", ids::LATEST.to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", spec.memory_mb.to_string()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", spec.name)),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "local".to_owned()),
        ("AWS_REGION", spec.region.clone()),
        ("AWS_DEFAULT_REGION", spec.region.clone()),
        ("LANG", "en_US.UTF-8".to_owned()),
        ("TZ", ":UTC".to_owned()),
    ];
    variables.extend(own.map(|(name, value)| (name.to_owned(), value)));
    variables.extend(process::search_path().map(|path| ("PATH".to_owned(), path)));
    variables
}

/// A line without `_aws`, from which only CloudWatch reads which fields are metrics.
fn without_metrics(text: &str) -> Cow<'_, str> {
    let line = || serde_json::from_str::<Map<String, Value>>(text).ok();
    match text.contains("\"_aws\"").then(line).flatten() {
        Some(mut line) => {
            line.remove("_aws");
            Value::Object(line).to_string().into()
        }
        None => text.into(),
    }
}

fn forward(
    name: String,
    output: impl AsyncRead + Send + Unpin + 'static,
    last_line: Option<Arc<Mutex<String>>>,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        // An error ends the output too.
        while let Ok(1..) = output.read_until(b'\n', &mut line).await {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            terminal::forward(&name, &without_metrics(&text));
            if let Some(last_line) = &last_line {
                *last_line.lock().unwrap_or_else(PoisonError::into_inner) = text;
            }
            line.clear();
        }
    })
}
