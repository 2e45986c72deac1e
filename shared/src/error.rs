//! The errors of a request.

use std::error::Error as StdError;

use serde_json::Value;

use crate::domain::{
    AccessDenied, Failure, InvalidCursor, InvalidField, InvalidId, InvalidJson, LogId,
    NoRandomness, NotFound, Quota,
};

/// Why a request was refused or failed.
///
/// Clients see these sentences. They say what was wrong and what is allowed. They never quote a key, a
/// table, a bucket or the text of another error. The causes of [`Error::Unavailable`],
/// [`Error::Down`] and [`Error::Internal`] go to our log only.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The body is not a JSON object.
    #[error(transparent)]
    Json(#[from] InvalidJson),
    /// A field, a parameter of the query or a header breaks a rule.
    #[error(transparent)]
    Invalid(#[from] InvalidField),
    /// There is no such resource, or it belongs to another owner.
    #[error("{0}")]
    NotFound(String),
    /// The path exists, and doesn't take this method.
    #[error("{0}")]
    MethodNotAllowed(String),
    /// The state of the resource doesn't allow the request.
    #[error("{0}")]
    Conflict(String),
    /// A request with the same `Idempotency-Key` has begun, and not ended.
    #[error("an earlier request with this Idempotency-Key is not done yet; try again in a moment")]
    InProgress,
    /// A quota of the owner is used up.
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
    /// A function was called, and gave no response that can be passed on.
    #[error("{failure}; its log {log} tells more")]
    FunctionFailed {
        /// Why.
        failure: Failure,
        /// The log of the execution.
        log: LogId,
    },
    /// The function can't be called before its first deployment.
    #[error("the function is not deployed yet; try again in a moment")]
    NotDeployed,
    /// `If-Match` names another version than the current one.
    #[error("this was changed since you read it; read it again, and change that")]
    PreconditionFailed,
    /// The body is too large. Sizes are in bytes.
    #[error("the body is {size} bytes long; the limit is {limit} bytes")]
    PayloadTooLarge {
        /// The largest size that is taken.
        limit: usize,
        /// The size that was sent.
        size: usize,
    },
    /// The content type of the body is another one than the route takes.
    #[error("the body must be {expected}, not {found}")]
    UnsupportedMediaType {
        /// The type that the route takes.
        expected: &'static str,
        /// The type that was sent.
        found: String,
    },
    /// Storage or the engine is throttled or down. The same request may succeed later.
    #[error("storage or the engine is busy or not reachable; try again in a moment")]
    Unavailable(#[source] Cause),
    /// A health check found that parts don't work.
    #[error("not working: {parts}")]
    Down {
        /// The parts that don't work: `S3, the engine`.
        parts: String,
        /// The result of each check, for the caller.
        checks: Value,
        /// The reason, for our log.
        #[source]
        cause: Cause,
    },
    /// A fault of ours, or of our configuration.
    #[error("something went wrong on our side; the requestId finds it in our log")]
    Internal(#[source] Cause),
}

/// The cause of a failure of ours: for the log, never for the caller.
pub type Cause = Box<dyn StdError + Send + Sync>;

impl Error {
    /// A fault of ours, with `context` for the log.
    pub fn internal(context: impl Into<Cause>) -> Self {
        Self::Internal(context.into())
    }

    /// A field that breaks a rule; `reason` follows the field's name: `must not be empty`.
    pub fn invalid(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Invalid(InvalidField::new(field, reason))
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

impl From<InvalidId> for Error {
    /// A text that has not the form of an identifier names nothing.
    fn from(invalid: InvalidId) -> Self {
        Self::NotFound(invalid.to_string())
    }
}

impl From<NotFound> for Error {
    fn from(missing: NotFound) -> Self {
        Self::NotFound(missing.to_string())
    }
}

impl From<InvalidCursor> for Error {
    fn from(_: InvalidCursor) -> Self {
        Self::invalid("cursor", "must be one that this list gave; leave it out to begin anew")
    }
}

impl From<AccessDenied> for Error {
    fn from(denied: AccessDenied) -> Self {
        match denied {
            AccessDenied::NoKey => Self::NoKey,
            AccessDenied::WrongKey => Self::WrongKey,
        }
    }
}

impl From<NoRandomness> for Error {
    fn from(cause: NoRandomness) -> Self {
        Self::internal(cause)
    }
}
