//! One process that speaks the Lambda Runtime API, with a server of that API of
//! its own: what a Lambda of ours and a user's function have in common.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use bytes::Bytes;
use rustix::process::Signal;
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

use crate::process;
use crate::runtime_api::{Outcome, RuntimeApi, Start};

/// One event on its way to a process.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// Its request id.
    pub id: String,
    /// The event: JSON.
    pub event: Bytes,
    /// The ARN that was invoked.
    pub arn: String,
    /// How long it may take.
    pub timeout: Duration,
}

/// Why a process did not get ready, or gave no answer.
#[derive(Debug)]
pub enum Failure {
    /// The runtime in the process reported an error: its JSON.
    Reported(Bytes),
    /// The answer was too large: its size in bytes.
    TooLarge(usize),
    /// The process ended; `None` where its end could not be seen.
    Ended(Option<ExitStatus>),
    /// The process broke off its answer.
    BrokeOff,
    /// It took too long.
    TimedOut,
}

/// A running process. Dropping it kills its process group.
#[derive(Debug)]
pub struct Instance {
    api: RuntimeApi,
    child: Child,
    /// The group's id, which is the first process's.
    group: Option<u32>,
    usable: bool,
}

impl Instance {
    /// Starts `command`, to whose environment the Runtime API's address is added
    /// and whose standard input is closed.
    ///
    /// # Errors
    /// What the system says, such as that the program is missing.
    pub async fn spawn(mut command: Command) -> std::io::Result<Self> {
        let api = RuntimeApi::open().await?;
        command.env("AWS_LAMBDA_RUNTIME_API", api.address().to_string()).stdin(Stdio::null());
        let child = process::spawn(command).await?;
        let group = child.id();
        Ok(Self { api, child, group, usable: true })
    }

    /// The process's output, where it was asked for as a pipe and not taken yet.
    pub fn take_output(&mut self) -> (Option<ChildStdout>, Option<ChildStderr>) {
        (self.child.stdout.take(), self.child.stderr.take())
    }

    /// Waits until the process asks for its first event. If it doesn't, it can't
    /// be used, and is to be killed.
    ///
    /// # Errors
    /// [`Failure::Reported`], [`Failure::Ended`] and [`Failure::TimedOut`].
    pub async fn ready(&mut self, limit: Duration) -> Result<(), Failure> {
        let failure = tokio::select! {
            biased;
            start = self.api.started() => match start {
                Start::Failed(report) => Failure::Reported(report),
                Start::Ready | Start::Pending => return Ok(()),
            },
            status = self.child.wait() => Failure::Ended(status.ok()),
            () = tokio::time::sleep(limit) => Failure::TimedOut,
        };
        self.broken(&failure);
        Err(failure)
    }

    /// Hands over one event and waits for the answer.
    ///
    /// # Errors
    /// Any [`Failure`]. After the last three of them the process can't be used,
    /// and is to be killed.
    pub async fn invoke(&mut self, invocation: Invocation) -> Result<Bytes, Failure> {
        let timeout = invocation.timeout;
        let answer = self.api.hand_over(invocation).await;
        let failure = tokio::select! {
            biased;
            outcome = answer => match outcome {
                Ok(Outcome::Response(payload)) => return Ok(payload),
                Ok(Outcome::Error(report)) => return Err(Failure::Reported(report)),
                Ok(Outcome::TooLarge(size)) => return Err(Failure::TooLarge(size)),
                Err(_) => Failure::BrokeOff,
            },
            status = self.child.wait() => Failure::Ended(status.ok()),
            () = tokio::time::sleep(timeout) => Failure::TimedOut,
        };
        self.broken(&failure);
        Err(failure)
    }

    /// Whether it can take another event.
    pub fn is_usable(&mut self) -> bool {
        match self.child.try_wait() {
            Ok(None) => {}
            // What it leaves behind, although it ended while nobody waited for it.
            Ok(status) => self.broken(&Failure::Ended(status)),
            // A failed look at a process means that it is no longer ours to use.
            Err(_) => self.usable = false,
        }
        self.usable
    }

    /// The process id, while it runs.
    pub fn process_id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Kills the process group.
    pub fn kill(&mut self) {
        self.usable = false;
        process::signal_group(&self.child, Signal::KILL);
    }

    fn broken(&mut self, failure: &Failure) {
        self.usable = false;
        // What a process leaves behind is killed at once: later on, its group's
        // id could be another's.
        if let (Failure::Ended(_), Some(group)) = (failure, self.group.take()) {
            process::kill_group(group);
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.kill();
    }
}
