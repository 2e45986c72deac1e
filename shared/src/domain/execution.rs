//! What came of running a function once, whatever engine ran it.

use std::fmt;
use std::time::Duration;

use serde_json::value::RawValue;

use super::{ExecutionStatus, Level};

/// One run of a function.
#[derive(Debug)]
pub struct Execution {
    /// What it ended with.
    pub ending: ExecutionResult,
    /// What it printed, a line each, in order.
    pub lines: Vec<String>,
    /// How long it took, measured outside the user's code.
    pub duration: Duration,
}

/// What a run ended with.
#[derive(Debug)]
pub enum ExecutionResult {
    /// The handler returned.
    Returned(Reply),
    /// It didn't, or what it returned can't be passed on.
    Failed(Failure),
}

/// What a handler answered.
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
    /// None.
    Empty,
    /// Anything but text: JSON.
    Json(Box<RawValue>),
    /// A string, which is passed on as it is.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
}

impl ReplyBody {
    /// How many bytes it takes on its way to the gateway: text as a JSON string
    /// in an answer that is JSON itself, bytes as base64.
    pub fn travelling_bytes(&self) -> usize {
        let as_string = |text: &str| {
            let extra = |byte: u8| match byte {
                b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 1,
                0..0x20 => 5,
                _ => 0,
            };
            text.len() + text.bytes().map(extra).sum::<usize>()
        };
        match self {
            Self::Empty => 0,
            Self::Json(json) => as_string(json.get()),
            Self::Text(text) => as_string(text),
            Self::Binary(bytes) => bytes.len().div_ceil(3) * 4,
        }
    }
}

/// Why there is no reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The handler raised an exception.
    Raised,
    /// The module has no handler, or importing it failed.
    Unloadable,
    /// What it returned can't be passed on: why, as a sentence of ours.
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
    /// It still ran when the gateway could wait no longer: after so long.
    StillRunning(Duration),
    /// The engine was asked to run it, and did not say what became of that.
    OutcomeUnknown,
}

impl fmt::Display for Failure {
    /// A sentence for whoever called the function. What it raised and printed
    /// is its owner's business, and only in its log.
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
    /// The status that the caller gets: the reply's own, 504 where time ran out,
    /// 503 where the engine said nothing, else 500.
    pub fn status(&self) -> u16 {
        match &self.ending {
            ExecutionResult::Returned(reply) => reply.status,
            ExecutionResult::Failed(Failure::TimedOut { .. } | Failure::StillRunning(_)) => 504,
            ExecutionResult::Failed(Failure::OutcomeUnknown) => 503,
            ExecutionResult::Failed(_) => 500,
        }
    }

    /// Whether it counts as an error: it failed, or answered 500 or more.
    pub fn outcome(&self) -> ExecutionStatus {
        if self.status() >= 500 { ExecutionStatus::Error } else { ExecutionStatus::Success }
    }

    /// How much attention it deserves: some where it answered 400 to 499.
    pub fn level(&self) -> Level {
        match self.status() {
            500.. => Level::Error,
            400.. => Level::Warn,
            _ => Level::Info,
        }
    }
}
