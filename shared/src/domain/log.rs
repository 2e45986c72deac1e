//! Execution logs.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::{FunctionId, LogId, Timestamp};
use crate::error::Error;

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
}

/// The most bytes of a body's JSON that are kept whole; an item is 400 KB at the most.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// How much of a larger body's text its preview holds, in bytes.
const PREVIEW_BYTES: usize = 16 * 1024;

/// How deep a body may nest. Our own parser follows 127 levels of a whole document, and a list of
/// logs is three around each body: one that is deeper would keep clients from reading the list.
const MAX_DEPTH: usize = 124;

/// The most bytes of printed lines that are kept, with 4 more a line for the list's own needs.
const MAX_LOGS_BYTES: usize = 128 * 1024;

impl ExecutionLog {
    /// The log as it is kept: what is too large for an item of 400 KB is cut to
    /// a marked preview, so that the record is made all the same.
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

/// Which executions a client wants to see; everything that isn't said may be anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogFilter {
    /// Only those that ended so.
    pub status: Option<ExecutionStatus>,
    /// Only those of this level.
    pub level: Option<Level>,
    /// Only those that began then or later.
    pub since: Option<Timestamp>,
    /// Only those that began before.
    pub until: Option<Timestamp>,
    /// Only those with this text in a line that they printed, in lower case.
    text: Option<String>,
}

impl LogFilter {
    /// Reads the filter of a request, whose parameters `get` gives.
    ///
    /// # Errors
    /// [`Error::Invalid`] where a parameter can't be understood.
    pub fn parse<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Result<Self, Error> {
        Ok(Self {
            status: one_of("status", get("status"), "success, error")?,
            level: one_of("level", get("level"), "info, warn, error")?,
            since: timestamp("since", get("since"))?,
            until: timestamp("until", get("until"))?,
            text: get("q").filter(|text| !text.is_empty()).map(str::to_lowercase),
        })
    }

    /// Whether `log` is one of those wanted. Upper and lower case are the same.
    pub fn matches(&self, log: &ExecutionLog) -> bool {
        self.status.is_none_or(|status| status == log.status)
            && self.level.is_none_or(|level| level == log.level)
            && self.since.is_none_or(|since| since <= log.timestamp)
            && self.until.is_none_or(|until| log.timestamp < until)
            && self.text.as_ref().is_none_or(|text| {
                log.logs.iter().any(|line| line.to_lowercase().contains(text.as_str()))
            })
    }

    /// Whether it looks at more than the time, by which executions are sorted.
    pub fn needs_post_filter(&self) -> bool {
        self.status.is_some() || self.level.is_some() || self.text.is_some()
    }
}

fn one_of<T: for<'de> Deserialize<'de>>(
    name: &str,
    text: Option<&str>,
    supported: &str,
) -> Result<Option<T>, Error> {
    let Some(text) = text else { return Ok(None) };
    serde_json::from_value(text.into())
        .map(Some)
        .map_err(|_| Error::invalid(name, format!("must be one of {supported}")))
}

fn timestamp(name: &str, text: Option<&str>) -> Result<Option<Timestamp>, Error> {
    let Some(text) = text else { return Ok(None) };
    let reason = "must be an RFC 3339 time, such as 2026-01-31T09:05:00Z; in a URL, write + as %2B";
    Timestamp::parse(text).map(Some).ok_or_else(|| Error::invalid(name, reason))
}

/// How many arrays and objects are around what is innermost.
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

/// An object that says that a body was too large or too deep, and shows its beginning.
fn preview(body: &RawValue) -> Box<RawValue> {
    let text = body.get();
    let preview = &text[..text.floor_char_boundary(PREVIEW_BYTES)];
    let marked = serde_json::json!({ "truncated": true, "bytes": text.len(), "preview": preview });
    // Text and numbers: it can always be written.
    serde_json::value::to_raw_value(&marked).unwrap_or_default()
}

/// `lines` as they are, or, if they are too many, a line that says so and the last of them:
/// the end is where a traceback is.
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
        // A single line that is too long shows its end, as far as there is room.
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
    fn only_what_can_be_parsed_is_kept_as_it_is() {
        assert_eq!(depth(r#"{"a": [1, "[[[\"{", []]}"#), 3);
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        let listed = |depth| format!("{{\"logs\":[{{\"requestBody\":{}}}]}}", nested(depth));
        assert!(serde_json::from_str::<serde_json::Value>(&listed(MAX_DEPTH)).is_ok());
        assert!(serde_json::from_str::<serde_json::Value>(&listed(MAX_DEPTH + 1)).is_err());
        assert_eq!(depth(&nested(MAX_DEPTH + 1)), MAX_DEPTH + 1);
    }

    fn filter(query: &[(&'static str, &'static str)]) -> Result<LogFilter, String> {
        let get = |name: &str| query.iter().find(|(n, _)| *n == name).map(|(_, value)| *value);
        LogFilter::parse(get).map_err(|e| e.to_string())
    }

    #[test]
    fn what_is_said_is_understood_and_what_is_not_is_told() {
        assert_eq!(filter(&[]), Ok(LogFilter::default()));
        let said = filter(&[("status", "error"), ("since", "2026-01-31T18:05:00+09:00")]).unwrap();
        assert_eq!(said.status, Some(ExecutionStatus::Error));
        assert_eq!(said.since, Timestamp::parse("2026-01-31T09:05:00Z"));
        assert!(said.needs_post_filter());
        assert!(!filter(&[("until", "2026-01-31T09:05:00Z")]).unwrap().needs_post_filter());
        assert_eq!(
            filter(&[("status", "failed")]),
            Err("status must be one of success, error".into())
        );
        assert_eq!(filter(&[("level", "")]), Err("level must be one of info, warn, error".into()));
        for query in [("since", "yesterday"), ("until", ""), ("since", "2026-01-31 18:05:00 09:00")]
        {
            let message = filter(&[query]).unwrap_err();
            assert!(message.contains("must be an RFC 3339 time"), "{message}");
        }
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
    fn the_last_lines_are_kept_and_the_cut_is_marked() {
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
