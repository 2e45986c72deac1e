//! Executions of functions.

use std::fmt;
use std::time::Duration;

use serde_json::value::RawValue;

use super::{ExecutionStatus, Level};

/// One run of a function.
#[derive(Debug)]
pub struct Execution {
    /// How it ended.
    pub result: ExecutionResult,
    /// The lines that it printed, in order.
    pub lines: Vec<String>,
    /// How long it took, measured outside the user's code.
    pub duration: Duration,
    /// What it used.
    pub resources: ResourceUse,
}

/// What an execution used, where it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ResourceUse {
    /// Processor time of the function's processes in milliseconds, children included.
    pub cpu_time: Option<f64>,
    /// The most memory that its process has used so far, in MB.
    pub max_memory: Option<u32>,
}

/// How an execution ended.
#[derive(Debug)]
pub enum ExecutionResult {
    /// The handler returned.
    Returned(Reply),
    /// The handler did not return, or its response is invalid.
    Failed(Failure),
}

/// The response of a handler.
#[derive(Debug)]
pub struct Reply {
    /// Its status, 200 to 599.
    pub status: u16,
    /// Its headers, in order; a name may come more than once.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: ReplyBody,
}

/// The body of a [`Reply`].
#[derive(Debug)]
pub enum ReplyBody {
    /// No body.
    Empty,
    /// JSON of any kind but a string.
    Json(Box<RawValue>),
    /// A string, as it is.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
}

/// Why an execution has no reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The handler raised an exception.
    Raised,
    /// The module has no handler, or importing it failed.
    Unloadable,
    /// Its response can't be passed on, for the reason in this sentence of ours.
    InvalidResponse(String),
    /// Its process ended before it returned.
    Exited,
    /// It used more than its memory.
    OutOfMemory,
    /// It ran past its timeout.
    TimedOut {
        /// Its timeout in seconds.
        limit: u16,
        /// How long it ran.
        took: Duration,
    },
    /// It still ran after so long, when its caller could wait no longer.
    StillRunning(Duration),
    /// The engine was asked to run it, and gave no answer.
    OutcomeUnknown,
}

impl fmt::Display for Failure {
    /// A sentence for the caller of the function. What the function raised and printed is for its
    /// owner, and only in its log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Raised => f.write_str("the function raised an exception"),
            Self::Unloadable => f.write_str("the function could not be loaded"),
            Self::InvalidResponse(reason) => f.write_str(reason),
            Self::Exited => f.write_str("the function's process ended before it answered"),
            Self::OutOfMemory => f.write_str("the function ran out of memory"),
            Self::TimedOut { limit, took } => write!(
                f,
                "the function ran past its timeout of {limit} s and was stopped after {:.1} s",
                took.as_secs_f64()
            ),
            Self::StillRunning(waited) => write!(
                f,
                "the function was still running after {:.1} s, and the gateway waits for 30 s at \
                 most; it goes on without anybody waiting",
                waited.as_secs_f64()
            ),
            Self::OutcomeUnknown => f.write_str(
                "the engine did not answer, so it is not known whether the function ran",
            ),
        }
    }
}

impl Execution {
    /// Whether it counts as a success: it returned a reply whose status is below 500.
    pub fn status(&self) -> ExecutionStatus {
        match &self.result {
            ExecutionResult::Returned(reply) if reply.status < 500 => ExecutionStatus::Success,
            _ => ExecutionStatus::Error,
        }
    }

    /// How much attention it deserves: some where its reply has a status of 400 to 499.
    pub fn level(&self) -> Level {
        match &self.result {
            ExecutionResult::Returned(reply) if reply.status < 400 => Level::Info,
            ExecutionResult::Returned(reply) if reply.status < 500 => Level::Warn,
            _ => Level::Error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn execution(result: ExecutionResult) -> Execution {
        let resources = ResourceUse::default();
        Execution { result, lines: Vec::new(), duration: Duration::ZERO, resources }
    }

    #[test]
    fn a_status_of_500_or_more_and_a_failure_are_errors() {
        for (status, expected, level) in [
            (200, ExecutionStatus::Success, Level::Info),
            (399, ExecutionStatus::Success, Level::Info),
            (400, ExecutionStatus::Success, Level::Warn),
            (499, ExecutionStatus::Success, Level::Warn),
            (500, ExecutionStatus::Error, Level::Error),
            (599, ExecutionStatus::Error, Level::Error),
        ] {
            let reply = Reply { status, headers: Vec::new(), body: ReplyBody::Empty };
            let returned = execution(ExecutionResult::Returned(reply));
            assert_eq!((returned.status(), returned.level()), (expected, level), "{status}");
        }
        let failed = execution(ExecutionResult::Failed(Failure::Exited));
        assert_eq!((failed.status(), failed.level()), (ExecutionStatus::Error, Level::Error));
    }
}
