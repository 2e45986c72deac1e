//! Everything that can go wrong with a request, named for what the caller should know.

use std::error::Error as StdError;

use serde_json::Value;

use crate::domain::{Failure, LogId, Quota};

/// Why a request was refused or failed.
///
/// Sentences in here reach people, so they say what was wrong and what is
/// allowed, and never quote a key, a table, a bucket or another error's text.
/// The causes of [`Error::Unavailable`], [`Error::Down`] and [`Error::Internal`] go to our log only.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The body is not JSON in UTF-8, or is empty where one is due.
    #[error("{0}")]
    MalformedJson(String),
    /// A field, or a parameter of the query, breaks a rule.
    #[error("{field} {reason}")]
    Invalid {
        /// The field as the client spells it.
        field: String,
        /// What is wrong with it, worded to follow its name.
        reason: String,
    },
    /// The field `code` is not Python.
    #[error("code is not Python that {python} can read: line {line}, column {column}: {problem}")]
    Syntax {
        /// The Python that would run it: `Python 3.12`.
        python: &'static str,
        /// The line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
        /// What is wrong there, in one line: the parser's words, which are about the client's own
        /// source.
        problem: String,
    },
    /// The body is JSON, but not an object.
    #[error("the body must be a JSON object")]
    NotAnObject,
    /// There is no such resource, or it is somebody else's.
    #[error("{0}")]
    NotFound(String),
    /// The path exists and doesn't take this method.
    #[error("{0}")]
    MethodNotAllowed(String),
    /// What is asked doesn't go with the state of the resource.
    #[error("{0}")]
    Conflict(String),
    /// A request with the same `Idempotency-Key` has begun and not ended.
    #[error("an earlier request with this Idempotency-Key is not done yet; try again in a moment")]
    InProgress,
    /// An owner has as much as is allowed, or asks as often.
    #[error("{0}")]
    Quota(Quota),
    /// A closed function was called without a key.
    #[error(
        "this function takes only calls with one of its invocation keys, in the header X-Api-Key"
    )]
    NoKey,
    /// A closed function was called with a key that is not one of its own.
    #[error("the key in the header X-Api-Key is not one of this function's")]
    WrongKey,
    /// A function was called and gave no answer that could be passed on.
    #[error("{failure}; its log {log} tells more")]
    FunctionFailed {
        /// Why.
        failure: Failure,
        /// The log of the execution.
        log: LogId,
    },
    /// The function is on its way to where it can be called.
    #[error("the function is not deployed yet; try again in a moment")]
    NotDeployed,
    /// `If-Match` names another version than the one that is there.
    #[error("this was changed since you read it; read it again, and change that")]
    PreconditionFailed,
    /// The body is larger than a request may be. Sizes are in bytes.
    #[error("the body is {size} bytes long; the limit is {limit} bytes")]
    PayloadTooLarge {
        /// The most that is taken.
        limit: usize,
        /// What was sent.
        size: usize,
    },
    /// The body's type is not JSON.
    #[error("the body must be application/json, not {0}")]
    UnsupportedMediaType(String),
    /// Storage or the engine is throttled or down; the same request may succeed later.
    #[error("storage or the engine is busy or not reachable; try again in a moment")]
    Unavailable(#[source] Cause),
    /// Of what stands behind us, some does not answer: found by asking all of it.
    #[error("not working: {parts}")]
    Down {
        /// What doesn't answer: `S3, the engine`.
        parts: String,
        /// What each part answered, for the caller.
        checks: Value,
        /// Why, for our log.
        #[source]
        cause: Cause,
    },
    /// A fault of ours or of our configuration.
    #[error("something went wrong on our side; the requestId finds it in our log")]
    Internal(#[source] Cause),
}

/// What lies behind a failure of ours: for the log, never for the caller.
pub type Cause = Box<dyn StdError + Send + Sync>;

impl Error {
    /// A fault of ours, with `context` for whoever reads the log.
    pub fn internal(context: impl Into<Cause>) -> Self {
        Self::Internal(context.into())
    }

    /// A field that breaks a rule; `reason` follows the field's name: `must not be empty`.
    pub fn invalid(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Invalid { field: field.into(), reason: reason.into() }
    }

    /// The causes behind this error, outermost first, in one line for the log.
    pub fn causes(&self) -> String {
        let mut line = String::new();
        let mut next = self.source();
        while let Some(cause) = next {
            if !line.is_empty() {
                line.push_str(": ");
            }
            line.push_str(&cause.to_string());
            next = cause.source();
        }
        line
    }
}
