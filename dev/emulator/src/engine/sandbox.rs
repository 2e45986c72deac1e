//! One process of a user's function, and AWS's answers to what it does.

use std::process::ExitStatus;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::json;
use tokio::process::Command;

use super::memory::{self, MemoryMeter};
use super::output::Output;
use crate::instance::{Failure, Instance};
use crate::process;
use crate::runtime_api::{Invocation, PAYLOAD_LIMIT};

/// How long a function may take until it asks for its first event, in addition to its own
/// timeout: AWS starts a slower one again, within the timeout.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// The output of an invocation.
#[derive(Clone, Debug)]
pub(super) struct InvocationOutput {
    /// Its id in the log.
    pub(super) id: String,
    /// The function's answer, or the description of the error.
    pub(super) payload: Bytes,
    /// Whether the function failed.
    pub(super) failed: bool,
    /// The end of what it wrote, up to 4 KB.
    pub(super) log: Vec<u8>,
}

/// An invocation, as its log names it.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) id: String,
    pub(super) version: String,
    pub(super) timeout: Duration,
    pub(super) memory_mb: u64,
}

/// A process that waits for an event or handles one. Dropping it kills it with everything that
/// it started.
#[derive(Debug)]
pub(super) struct Sandbox {
    instance: Instance,
    output: Output,
    meter: MemoryMeter,
    /// How long it took to start, until a log has reported it.
    start: Option<Duration>,
    idle_since: Instant,
}

enum SandboxFailure {
    Instance(Failure),
    OutOfMemory,
}

impl Sandbox {
    /// Starts `command`.
    ///
    /// # Errors
    /// The system's.
    pub(super) async fn spawn(
        mut command: Command,
        name: &str,
        memory_mb: u64,
    ) -> std::io::Result<Self> {
        let (output, stdout, stderr) = Output::new(name)?;
        command.stdout(stdout).stderr(stderr);
        let instance = Instance::spawn(command).await?;
        let meter = MemoryMeter::new(instance.process_id(), memory_mb);
        Ok(Self { instance, output, meter, start: None, idle_since: Instant::now() })
    }

    /// Waits until it takes events. If it doesn't, the error is the output of the invocation.
    pub(super) async fn ready(&mut self, request: &Request) -> Result<(), Box<InvocationOutput>> {
        let begun = Instant::now();
        let ready = self.instance.ready(START_TIMEOUT + request.timeout);
        match watch(&mut self.output, &mut self.meter, ready).await {
            Ok(()) => {
                self.output.drain();
                self.start = Some(begun.elapsed());
                Ok(())
            }
            Err(failure) => {
                self.output.add(&start_line(request));
                Err(Box::new(self.failed(failure, request, begun).await))
            }
        }
    }

    /// Handles one event.
    pub(super) async fn invoke(
        &mut self,
        event: Bytes,
        arn: String,
        request: &Request,
    ) -> InvocationOutput {
        if self.start.is_none() {
            // Output between two invocations belongs to none of them.
            self.output.drain();
            self.output.take_tail();
        }
        self.output.add(&start_line(request));
        let begun = Instant::now();
        let id = request.id.clone();
        let invocation = Invocation { id: id.clone(), event, arn, timeout: request.timeout };
        let answer = self.instance.invoke(invocation);
        match watch(&mut self.output, &mut self.meter, answer).await {
            Ok(payload) => {
                // Everything it wrote was written before it answered.
                self.output.drain();
                let log = self.end_log(request, begun.elapsed(), "");
                InvocationOutput { id, payload, failed: false, log }
            }
            Err(failure) => self.failed(failure, request, begun).await,
        }
    }

    /// Whether it can take another event. Its idle time starts now.
    pub(super) fn is_usable(&mut self) -> bool {
        self.idle_since = Instant::now();
        self.instance.is_usable()
    }

    /// When its last invocation ended.
    pub(super) fn idle_since(&self) -> Instant {
        self.idle_since
    }

    async fn failed(
        &mut self,
        failure: SandboxFailure,
        request: &Request,
        begun: Instant,
    ) -> InvocationOutput {
        let duration = begun.elapsed();
        let id = request.id.clone();
        if let SandboxFailure::Instance(Failure::Reported(payload)) = failure {
            self.output.drain();
            let log = self.end_log(request, duration, "");
            return InvocationOutput { id, payload, failed: true, log };
        }
        self.kill();
        self.output.drain_to_end().await;
        let timeout = request.timeout.as_secs_f64();
        let (kind, message) = match failure {
            SandboxFailure::OutOfMemory => (
                "Runtime.OutOfMemory",
                format!("RequestId: {id} Error: Runtime exited with error: signal: killed"),
            ),
            SandboxFailure::Instance(Failure::TimedOut) => (
                "Sandbox.Timedout",
                format!("RequestId: {id} Error: Task timed out after {timeout:.2} seconds"),
            ),
            SandboxFailure::Instance(Failure::TooLarge(_)) => (
                "Function.ResponseSizeTooLarge",
                format!(
                    "Response payload size exceeded maximum allowed payload size \
                     ({PAYLOAD_LIMIT} bytes)."
                ),
            ),
            SandboxFailure::Instance(Failure::Exited(status)) => (
                "Runtime.ExitError",
                format!("RequestId: {id} Error: Runtime exited {}", exit_reason(status)),
            ),
            SandboxFailure::Instance(Failure::Disconnected | Failure::Reported(_)) => (
                "Runtime.ExitError",
                format!("RequestId: {id} Error: Runtime exited {}", exit_reason(None)),
            ),
        };
        let payload = json!({"errorType": kind, "errorMessage": message}).to_string().into();
        let log = self.end_log(request, duration, &message);
        InvocationOutput { id, payload, failed: true, log }
    }

    /// Writes the last lines of the invocation's log, and returns its tail.
    fn end_log(&mut self, request: &Request, duration: Duration, problem: &str) -> Vec<u8> {
        let id = &request.id;
        let duration = duration.as_secs_f64() * 1000.0;
        let start = self.start.take().map_or(String::new(), |start| {
            format!("\tInit Duration: {:.2} ms", start.as_secs_f64() * 1000.0)
        });
        self.output.add(&format!(
            "END RequestId: {id}\nREPORT RequestId: {id}\tDuration: {duration:.2} ms\t\
             Billed Duration: {:.0} ms\tMemory Size: {} MB\tMax Memory Used: {} MB{start}\t\n",
            duration.ceil(),
            request.memory_mb,
            self.meter.most_mb(),
        ));
        if !problem.is_empty() {
            self.output.add(&format!("{problem}\n"));
        }
        self.output.take_tail()
    }

    fn kill(&mut self) {
        // A child that left the process group is found by its parent.
        let tree = self.instance.process_id().map(memory::process_tree).unwrap_or_default();
        self.instance.kill();
        tree.into_iter().skip(1).for_each(process::kill);
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Waits for `work`, and meanwhile reads the output and measures the memory.
async fn watch<T>(
    output: &mut Output,
    meter: &mut MemoryMeter,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, SandboxFailure> {
    let mut work = std::pin::pin!(work);
    let result = {
        let mut exceeded = std::pin::pin!(meter.exceeded());
        loop {
            tokio::select! {
                biased;
                done = &mut work => break done,
                () = &mut exceeded => return Err(SandboxFailure::OutOfMemory),
                () = output.read_next() => {}
            }
        }
    };
    // It may have ended between two measurements. A process that has exited has no memory.
    if result.is_ok() && meter.is_exceeded() {
        return Err(SandboxFailure::OutOfMemory);
    }
    result.map_err(SandboxFailure::Instance)
}

fn start_line(request: &Request) -> String {
    format!("START RequestId: {} Version: {}\n", request.id, request.version)
}

fn exit_reason(status: Option<ExitStatus>) -> String {
    use std::os::unix::process::ExitStatusExt;
    let Some(status) = status.filter(|status| !status.success()) else {
        return "without providing a reason".to_owned();
    };
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("with error: exit status {code}"),
        (None, Some(6)) => "with error: signal: aborted".to_owned(),
        (None, Some(9)) => "with error: signal: killed".to_owned(),
        (None, Some(11)) => "with error: signal: segmentation fault".to_owned(),
        (None, Some(15)) => "with error: signal: terminated".to_owned(),
        (None, Some(signal)) => format!("with error: signal: {signal}"),
        (None, None) => format!("with error: {status}"),
    }
}
