//! One process with a Lambda Runtime API of its own: a Lambda of ours, or a user's function.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use bytes::Bytes;
use rustix::process::Signal;
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

use crate::process;
use crate::runtime_api::{InitState, Invocation, InvocationResult, RuntimeApi};

/// Why a process did not start, or gave no answer.
#[derive(Debug)]
pub enum Failure {
    /// The process reported an error: its JSON.
    Reported(Bytes),
    /// The answer was too large: its size in bytes.
    TooLarge(usize),
    /// The process exited; `None` where its status is unknown.
    Exited(Option<ExitStatus>),
    /// The process broke the connection.
    Disconnected,
    /// It took too long.
    TimedOut,
}

/// A running process. Dropping it kills its process group.
#[derive(Debug)]
pub struct Instance {
    api: RuntimeApi,
    child: Child,
    /// The group's id, which is its first process's.
    group: Option<u32>,
    is_usable: bool,
}

impl Instance {
    /// Starts `command` with the Runtime API's address in its environment, and with its standard
    /// input closed.
    ///
    /// # Errors
    /// The system's, such as that the program is missing.
    pub async fn spawn(mut command: Command) -> std::io::Result<Self> {
        let api = RuntimeApi::open().await?;
        command.env("AWS_LAMBDA_RUNTIME_API", api.address().to_string()).stdin(Stdio::null());
        let child = process::spawn(command).await?;
        let group = child.id();
        Ok(Self { api, child, group, is_usable: true })
    }

    /// The process's output, where it is a pipe that was not taken yet.
    pub fn take_output(&mut self) -> (Option<ChildStdout>, Option<ChildStderr>) {
        (self.child.stdout.take(), self.child.stderr.take())
    }

    /// Waits until the process asks for its first event. After an error the process is to be
    /// killed.
    ///
    /// # Errors
    /// [`Failure::Reported`], [`Failure::Exited`] and [`Failure::TimedOut`].
    pub async fn ready(&mut self, timeout: Duration) -> Result<(), Failure> {
        let failure = tokio::select! {
            biased;
            state = self.api.initialized() => match state {
                InitState::Failed(report) => Failure::Reported(report),
                InitState::Ready | InitState::Pending => return Ok(()),
            },
            status = self.child.wait() => Failure::Exited(status.ok()),
            () = tokio::time::sleep(timeout) => Failure::TimedOut,
        };
        self.set_unusable(&failure);
        Err(failure)
    }

    /// Sends one event and waits for the answer.
    ///
    /// # Errors
    /// Any [`Failure`]. After the last three of them the process is to be killed.
    pub async fn invoke(&mut self, invocation: Invocation) -> Result<Bytes, Failure> {
        let timeout = invocation.timeout;
        let answer = self.api.send(invocation).await;
        let failure = tokio::select! {
            biased;
            result = answer => match result {
                Ok(InvocationResult::Response(payload)) => return Ok(payload),
                Ok(InvocationResult::Error(report)) => return Err(Failure::Reported(report)),
                Ok(InvocationResult::TooLarge(size)) => return Err(Failure::TooLarge(size)),
                Err(_) => Failure::Disconnected,
            },
            status = self.child.wait() => Failure::Exited(status.ok()),
            () = tokio::time::sleep(timeout) => Failure::TimedOut,
        };
        self.set_unusable(&failure);
        Err(failure)
    }

    /// Whether it can take another event.
    pub fn is_usable(&mut self) -> bool {
        match self.child.try_wait() {
            Ok(None) => {}
            // It exited while it was idle.
            Ok(status) => self.set_unusable(&Failure::Exited(status)),
            Err(_) => self.is_usable = false,
        }
        self.is_usable
    }

    /// The process id, while it runs.
    pub fn process_id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Kills the process group.
    pub fn kill(&mut self) {
        self.is_usable = false;
        process::signal_group(&self.child, Signal::KILL);
    }

    fn set_unusable(&mut self, failure: &Failure) {
        self.is_usable = false;
        // What the process leaves behind is killed at once: later its group's id could be
        // another's.
        if let (Failure::Exited(_), Some(group)) = (failure, self.group.take()) {
            process::kill_group(group);
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.kill();
    }
}
