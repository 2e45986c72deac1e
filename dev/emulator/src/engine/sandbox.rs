//! One process of a user's function, and what AWS answers for what it does.

use std::process::ExitStatus;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::json;
use tokio::process::Command;

use super::memory::{self, Meter};
use super::output::Output;
use crate::instance::{Failure, Instance, Invocation};
use crate::process;
use crate::runtime_api::PAYLOAD_LIMIT;

/// How long a function may take until it asks for its first event, beside its own
/// timeout: AWS begins a second time, within the timeout, if it takes longer.
const START_LIMIT: Duration = Duration::from_secs(10);

/// What becomes of an invocation.
#[derive(Clone, Debug)]
pub(super) struct Invoked {
    /// By what it is told in the log.
    pub(super) id: String,
    /// The answer, or the description of the error.
    pub(super) payload: Bytes,
    /// Whether the function failed.
    pub(super) failed: bool,
    /// The end of what it wrote, up to 4 KB.
    pub(super) log: Vec<u8>,
}

/// What an invocation is told by in the log.
#[derive(Clone, Debug)]
pub(super) struct Label {
    pub(super) id: String,
    pub(super) version: String,
    pub(super) timeout: Duration,
    pub(super) memory_mb: u64,
}

/// A process that waits for an event or works at one. Dropping it kills it with
/// all that it started.
#[derive(Debug)]
pub(super) struct Sandbox {
    instance: Instance,
    output: Output,
    meter: Meter,
    start: Option<Duration>,
    idle_since: Instant,
}

enum Trouble {
    Failure(Failure),
    OverMemory,
}

impl Sandbox {
    /// Starts `command`.
    ///
    /// # Errors
    /// What the system says.
    pub(super) async fn spawn(
        mut command: Command,
        name: &str,
        memory_mb: u64,
    ) -> std::io::Result<Self> {
        let (output, stdout, stderr) = Output::new(name)?;
        command.stdout(stdout).stderr(stderr);
        let instance = Instance::spawn(command).await?;
        let meter = Meter::new(instance.process_id(), memory_mb);
        Ok(Self { instance, output, meter, start: None, idle_since: Instant::now() })
    }

    /// Waits until it takes events; the answer to `label`'s invocation if it won't.
    pub(super) async fn ready(&mut self, label: &Label) -> Result<(), Box<Invoked>> {
        let begun = Instant::now();
        let ready = self.instance.ready(START_LIMIT + label.timeout);
        let ready = attend(&mut self.output, &mut self.meter, ready);
        match ready.await {
            Ok(()) => {
                self.output.drain();
                self.start = Some(begun.elapsed());
                Ok(())
            }
            Err(trouble) => {
                self.output.note(&started(label));
                Err(Box::new(self.failed(trouble, label, begun).await))
            }
        }
    }

    /// Answers one event.
    pub(super) async fn invoke(&mut self, event: Bytes, arn: String, label: &Label) -> Invoked {
        if self.start.is_none() {
            // What was written since the last invocation is nobody's.
            self.output.drain();
            self.output.take_tail();
        }
        self.output.note(&started(label));
        let begun = Instant::now();
        let invocation = Invocation { id: label.id.clone(), event, arn, timeout: label.timeout };
        let answer = attend(&mut self.output, &mut self.meter, self.instance.invoke(invocation));
        match answer.await {
            Ok(payload) => {
                // It wrote all that it had to write before it answered.
                self.output.drain();
                let log = self.report(label, begun.elapsed(), "");
                Invoked { id: label.id.clone(), payload, failed: false, log }
            }
            Err(trouble) => self.failed(trouble, label, begun).await,
        }
    }

    /// Whether it can take another event. Also begins the time that it is idle.
    pub(super) fn is_usable(&mut self) -> bool {
        self.idle_since = Instant::now();
        self.instance.is_usable()
    }

    /// Since when it has nothing to do.
    pub(super) fn idle_since(&self) -> Instant {
        self.idle_since
    }

    async fn failed(&mut self, trouble: Trouble, label: &Label, begun: Instant) -> Invoked {
        let took = begun.elapsed();
        if let Trouble::Failure(Failure::Reported(payload)) = trouble {
            self.output.drain();
            let log = self.report(label, took, "");
            return Invoked { id: label.id.clone(), payload, failed: true, log };
        }
        self.kill();
        self.output.drain_to_end().await;
        let (id, seconds) = (&label.id, label.timeout.as_secs_f64());
        let (kind, message) = match trouble {
            Trouble::OverMemory => {
                ("Runtime.OutOfMemory", exit_message(id, "exited with error: signal: killed"))
            }
            Trouble::Failure(Failure::TimedOut) => (
                "Sandbox.Timedout",
                format!("RequestId: {id} Error: Task timed out after {seconds:.2} seconds"),
            ),
            Trouble::Failure(Failure::TooLarge(_)) => (
                "Function.ResponseSizeTooLarge",
                format!(
                    "Response payload size exceeded maximum allowed payload size \
                     ({PAYLOAD_LIMIT} bytes)."
                ),
            ),
            Trouble::Failure(Failure::Ended(status)) => {
                ("Runtime.ExitError", exit_message(id, &ending(status)))
            }
            Trouble::Failure(Failure::BrokeOff | Failure::Reported(_)) => {
                ("Runtime.ExitError", exit_message(id, "exited without providing a reason"))
            }
        };
        let payload = json!({"errorType": kind, "errorMessage": message}).to_string();
        let log = self.report(label, took, &message);
        Invoked { id: label.id.clone(), payload: payload.into(), failed: true, log }
    }

    /// Ends the invocation's log, and gives its tail.
    fn report(&mut self, label: &Label, took: Duration, problem: &str) -> Vec<u8> {
        let id = &label.id;
        let took = took.as_secs_f64() * 1000.0;
        let start = self.start.take().map_or(String::new(), |start| {
            format!("\tInit Duration: {:.2} ms", start.as_secs_f64() * 1000.0)
        });
        self.output.note(&format!(
            "END RequestId: {id}\nREPORT RequestId: {id}\tDuration: {took:.2} ms\t\
             Billed Duration: {:.0} ms\tMemory Size: {} MB\tMax Memory Used: {} MB{start}\t\n",
            took.ceil(),
            label.memory_mb,
            self.meter.most_mb(),
        ));
        if !problem.is_empty() {
            self.output.note(&format!("{problem}\n"));
        }
        self.output.take_tail()
    }

    fn kill(&mut self) {
        // A child that left the process group is still found by its parents.
        let family = self.instance.process_id().map(memory::family).unwrap_or_default();
        self.instance.kill();
        family.into_iter().skip(1).for_each(process::kill);
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Reads what is written and watches the memory while `work` goes on.
async fn attend<T>(
    output: &mut Output,
    meter: &mut Meter,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Trouble> {
    let mut work = std::pin::pin!(work);
    let result = {
        let mut exceeded = std::pin::pin!(meter.exceeded());
        loop {
            tokio::select! {
                biased;
                done = &mut work => break done,
                () = &mut exceeded => return Err(Trouble::OverMemory),
                () = output.more() => {}
            }
        }
    };
    // It may have been quicker than the meter. One that has ended shows nothing.
    if result.is_ok() && meter.is_exceeded() {
        return Err(Trouble::OverMemory);
    }
    result.map_err(Trouble::Failure)
}

fn started(label: &Label) -> String {
    format!("START RequestId: {} Version: {}\n", label.id, label.version)
}

fn exit_message(id: &str, end: &str) -> String {
    format!("RequestId: {id} Error: Runtime {end}")
}

fn ending(status: Option<ExitStatus>) -> String {
    use std::os::unix::process::ExitStatusExt;
    let Some(status) = status.filter(|status| !status.success()) else {
        return "exited without providing a reason".to_owned();
    };
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exited with error: exit status {code}"),
        (None, Some(6)) => "exited with error: signal: aborted".to_owned(),
        (None, Some(9)) => "exited with error: signal: killed".to_owned(),
        (None, Some(11)) => "exited with error: signal: segmentation fault".to_owned(),
        (None, Some(15)) => "exited with error: signal: terminated".to_owned(),
        (None, Some(signal)) => format!("exited with error: signal: {signal}"),
        (None, None) => format!("exited with error: {status}"),
    }
}
