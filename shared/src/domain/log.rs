//! Execution logs.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::error::ValidationError;
use super::{FunctionId, LogId, Timestamp};

/// The record of one execution.
///
/// Bodies are kept as the JSON that they came as, so that types and every digit survive; one that
/// is too large is cut to `{"truncated": true, "bytes": …, "preview": "…"}`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionLog {
    /// Its identifier.
    pub id: LogId,
    /// The function that ran.
    pub function_id: FunctionId,
    /// When the execution began.
    pub timestamp: Timestamp,
    /// How it ended.
    pub status: ExecutionStatus,
    /// How long it took in milliseconds, measured outside the user's code.
    #[schema(minimum = 0)]
    pub duration: f64,
    /// The status that the caller got.
    #[schema(minimum = 200, maximum = 599)]
    pub status_code: u16,
    /// What the function was given.
    #[schema(value_type = Value)]
    pub request_body: Box<RawValue>,
    /// What it answered.
    #[schema(value_type = Value)]
    pub response_body: Box<RawValue>,
    /// What it printed, a line each, in order.
    pub logs: Vec<String>,
    /// How much attention it deserves.
    pub level: Level,
    /// Processor time of the function's processes in milliseconds, children included; null where
    /// the process ended without a report.
    #[schema(required, minimum = 0)]
    pub cpu_time: Option<f64>,
    /// The most memory that its process has used so far, in MB; null where nobody measured it.
    #[schema(required, minimum = 0)]
    pub max_memory: Option<u32>,
}

/// The most bytes of a body's JSON that are kept whole. Two bodies, their previews and the printed
/// lines stay well below the 400 KB that storage takes.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// The most bytes of a larger body that its preview holds.
const PREVIEW_BYTES: usize = 16 * 1024;

/// The most levels of arrays and objects in a body that is kept whole. Our own parser takes 127
/// levels in a document, and a list of logs adds three. Clients could not read the list that holds a
/// deeper body.
const MAX_DEPTH: usize = 124;

/// The most bytes of printed lines that are kept. Each line counts 4 bytes more, for the list around
/// it.
const MAX_LOGS_BYTES: usize = 128 * 1024;

impl ExecutionLog {
    /// The log as it is kept: a body that is too large or too deep becomes a marked preview, and
    /// only the last of too many lines are left.
    ///
    /// To be done once: a log that was cut and is cut again may lose another line, and the number
    /// of lines that it lost before.
    #[must_use]
    pub fn cut_to_size(mut self) -> Self {
        for body in [&mut self.request_body, &mut self.response_body] {
            if body.get().len() > MAX_BODY_BYTES || depth(body.get()) > MAX_DEPTH {
                *body = preview(body);
            }
        }
        self.logs = kept_lines(self.logs);
        self
    }
}

/// How an execution ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Outcome)]
pub enum ExecutionStatus {
    /// The handler returned, with a status below 500.
    Success,
    /// It raised, timed out, ran out of memory, could not be loaded, or returned 500 or more.
    Error,
}

impl ExecutionStatus {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Error => "error",
        }
    }
}

impl FromStr for ExecutionStatus {
    type Err = ValidationError;

    fn from_str(name: &str) -> Result<Self, ValidationError> {
        let found = [Self::Success, Self::Error].into_iter().find(|one| one.as_str() == name);
        found.ok_or_else(|| ValidationError::because("must be one of success, error"))
    }
}

/// How much attention an execution deserves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// None.
    Info,
    /// Some.
    Warn,
    /// It failed.
    Error,
}

impl Level {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

impl FromStr for Level {
    type Err = ValidationError;

    fn from_str(name: &str) -> Result<Self, ValidationError> {
        let all = [Self::Info, Self::Warn, Self::Error];
        let found = all.into_iter().find(|one| one.as_str() == name);
        found.ok_or_else(|| ValidationError::because("must be one of info, warn, error"))
    }
}

/// Which executions a client wants to see. What is `None` doesn't matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogFilter {
    /// Only those with this status.
    pub status: Option<ExecutionStatus>,
    /// Only those of this level.
    pub level: Option<Level>,
    /// Only those that began at this time or later.
    pub since: Option<Timestamp>,
    /// Only those that began before this time.
    pub until: Option<Timestamp>,
    /// Only those with this text in a line that they printed, in lower case.
    pub(super) text: Option<String>,
}

impl LogFilter {
    /// The same filter for lines with `text`; an empty text is in every line.
    #[must_use]
    pub fn with_text(self, text: &str) -> Self {
        Self { text: Some(text.to_lowercase()).filter(|text| !text.is_empty()), ..self }
    }

    /// Whether the filter lets `log` through. Text matches in upper and lower case alike.
    pub fn matches(&self, log: &ExecutionLog) -> bool {
        self.status.is_none_or(|status| status == log.status)
            && self.level.is_none_or(|level| level == log.level)
            && self.since.is_none_or(|since| since <= log.timestamp)
            && self.until.is_none_or(|until| log.timestamp < until)
            && self.text.as_ref().is_none_or(|text| {
                log.logs.iter().any(|line| line.to_lowercase().contains(text.as_str()))
            })
    }

    /// Whether it looks at more than the time. Executions are sorted by time, so the rest of the
    /// filter is applied to what was read.
    pub fn needs_post_filter(&self) -> bool {
        self.status.is_some() || self.level.is_some() || self.text.is_some()
    }

    /// The filter as texts, by which one is told from another. Cursors depend on them.
    pub(super) fn parts(&self) -> [String; 5] {
        let time = |time: Option<Timestamp>| time.map(|time| time.to_string()).unwrap_or_default();
        [
            self.status.map(ExecutionStatus::as_str).unwrap_or_default().to_owned(),
            self.level.map(Level::as_str).unwrap_or_default().to_owned(),
            time(self.since),
            time(self.until),
            self.text.clone().unwrap_or_default(),
        ]
    }
}

/// The number of arrays and objects around the innermost value.
fn depth(json: &str) -> usize {
    let (mut depth, mut deepest, mut in_text, mut is_escaped) = (0_usize, 0, false, false);
    for byte in json.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = in_text,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_text => depth -= 1,
            _ => {}
        }
    }
    deepest
}

/// An object that says that a body was cut, and shows its beginning.
fn preview(body: &RawValue) -> Box<RawValue> {
    let text = body.get();
    let preview = &text[..text.floor_char_boundary(PREVIEW_BYTES)];
    let marked = serde_json::json!({ "truncated": true, "bytes": text.len(), "preview": preview });
    // Text and numbers: it can always be written.
    serde_json::value::to_raw_value(&marked).unwrap_or_default()
}

/// `lines`, or, if they are too many, a line that says so and the last of them. A traceback is at
/// the end.
fn kept_lines(lines: Vec<String>) -> Vec<String> {
    if lines.iter().map(|line| line.len() + 4).sum::<usize>() <= MAX_LOGS_BYTES {
        return lines;
    }
    let mut left = MAX_LOGS_BYTES;
    let mut kept = Vec::new();
    for line in lines.iter().rev() {
        let Some(rest) = left.checked_sub(line.len() + 4) else { break };
        left = rest;
        kept.push(line.clone());
    }
    let cut = lines.len() - kept.len();
    if cut > 0 {
        // The end of the line that does not fit fills the rest.
        let line = &lines[cut - 1];
        let from = line.ceil_char_boundary(line.len().saturating_sub(left));
        kept.push(line[from..].to_owned());
        kept.push(format!("[truncated: {cut} lines or parts of lines before this one]"));
    }
    kept.reverse();
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_is_kept_whole_can_be_parsed_within_a_list() {
        assert_eq!(depth(r#"{"a": [1, "[[[\"{", []]}"#), 3);
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        let listed = |depth| format!("{{\"logs\":[{{\"requestBody\":{}}}]}}", nested(depth));
        assert!(serde_json::from_str::<serde_json::Value>(&listed(MAX_DEPTH)).is_ok());
        assert!(serde_json::from_str::<serde_json::Value>(&listed(MAX_DEPTH + 1)).is_err());
        assert_eq!(depth(&nested(MAX_DEPTH + 1)), MAX_DEPTH + 1);
    }

    #[test]
    fn names_are_those_of_json() {
        for status in [ExecutionStatus::Success, ExecutionStatus::Error] {
            assert_eq!(status.as_str().parse(), Ok(status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
        for level in [Level::Info, Level::Warn, Level::Error] {
            assert_eq!(level.as_str().parse(), Ok(level));
            assert_eq!(serde_json::to_value(level).unwrap(), level.as_str());
        }
        for name in ["", "failed", "Error"] {
            assert!(name.parse::<ExecutionStatus>().is_err() && name.parse::<Level>().is_err());
        }
    }

    #[test]
    fn only_a_filter_of_more_than_time_is_applied_after_reading() {
        let of_time = LogFilter { since: Some(Timestamp::now()), ..LogFilter::default() };
        assert!(!of_time.needs_post_filter());
        assert!(!LogFilter::default().with_text("").needs_post_filter());
        assert!(LogFilter::default().with_text("x").needs_post_filter());
        let of_status = LogFilter { status: Some(ExecutionStatus::Error), ..of_time };
        assert!(of_status.needs_post_filter());
    }

    #[test]
    fn text_matches_lines_in_any_case() {
        let log = log("null".into(), vec!["a Line".to_owned()]);
        assert!(LogFilter::default().with_text("LINE").matches(&log));
        assert!(!LogFilter::default().with_text("lines").matches(&log));
    }

    fn log(body: String, lines: Vec<String>) -> ExecutionLog {
        ExecutionLog {
            id: LogId::generate(),
            function_id: FunctionId::generate(),
            timestamp: Timestamp::now(),
            status: ExecutionStatus::Success,
            duration: 1.0,
            status_code: 200,
            request_body: RawValue::from_string(body).unwrap(),
            response_body: RawValue::from_string("null".into()).unwrap(),
            logs: lines,
            level: Level::Info,
            cpu_time: None,
            max_memory: None,
        }
    }

    #[test]
    fn a_body_that_fits_keeps_every_digit() {
        for text in ["1", "1.0", "12345678901234567890123", "1e400", "null", "\"é\""] {
            let kept = log(text.into(), Vec::new()).cut_to_size();
            assert_eq!(kept.request_body.get(), text);
        }
    }

    #[test]
    fn a_large_body_becomes_a_marked_preview() {
        let text = format!("\"{}\"", "가".repeat(MAX_BODY_BYTES));
        let kept = log(text.clone(), Vec::new()).cut_to_size().request_body;
        let kept: serde_json::Value = serde_json::from_str(kept.get()).unwrap();
        assert_eq!(kept["truncated"], true);
        assert_eq!(kept["bytes"], text.len());
        assert!(text.starts_with(kept["preview"].as_str().unwrap()));
    }

    #[test]
    fn only_the_last_lines_are_kept_after_a_mark() {
        let few = vec!["a".to_owned(), String::new()];
        assert_eq!(kept_lines(few.clone()), few);
        let many: Vec<String> = (0..100_000).map(|i| format!("line {i}")).collect();
        let last = many.last().cloned();
        let kept = kept_lines(many);
        assert_eq!(kept.last().cloned(), last);
        assert!(kept[0].starts_with("[truncated: "), "{}", kept[0]);
        let long = kept_lines(vec!["é".repeat(MAX_LOGS_BYTES)]);
        assert_eq!(long.len(), 2);
        assert!(long[1].len() <= MAX_LOGS_BYTES && long[1].starts_with('é'));
    }
}
