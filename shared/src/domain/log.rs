//! Execution logs.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{FunctionId, LogId, Timestamp};

/// The record of one execution, as clients read it.
///
/// Bodies are kept as the JSON text that they came as, so that types and every
/// digit of a number survive.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionLog {
    /// Its identifier.
    pub id: LogId,
    /// The function that ran.
    pub function_id: FunctionId,
    /// When the execution began.
    pub timestamp: Timestamp,
    /// How it ended.
    pub status: Outcome,
    /// How long it took in milliseconds, measured outside the user's code.
    pub duration: f64,
    /// The status that the caller got.
    pub status_code: u16,
    /// What the function was given.
    pub request_body: Box<RawValue>,
    /// What it answered.
    pub response_body: Box<RawValue>,
    /// What it printed, a line each, in order.
    pub logs: Vec<String>,
    /// How much attention it deserves.
    pub level: Level,
}

/// How an execution ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The handler returned, with a status below 500.
    Success,
    /// It raised, timed out, ran out of memory, could not be loaded, or returned 500 or more.
    Error,
}

/// How much attention an execution deserves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// None.
    Info,
    /// Some.
    Warn,
    /// It failed.
    Error,
}
