//! Printed lines of executions, one by one.

use serde::Serialize;
use utoipa::ToSchema;

use super::ExecutionLog;

/// A line that an execution printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct LogLine {
    /// When the execution began in nanoseconds since 1970, and one more for each line before this
    /// one, so that lines of one execution sort in the order in which they were printed.
    #[schema(pattern = "^[0-9]+$")]
    pub timestamp: String,
    /// The line.
    pub line: String,
}

impl LogLine {
    /// The lines of an execution, the last one first.
    pub fn newest_first(log: ExecutionLog) -> impl Iterator<Item = Self> {
        let began = i128::from(log.timestamp.epoch_milliseconds()) * 1_000_000;
        let lines = (began..).zip(log.logs).collect::<Vec<_>>().into_iter().rev();
        lines.map(|(at, line)| Self { timestamp: at.to_string(), line })
    }
}
