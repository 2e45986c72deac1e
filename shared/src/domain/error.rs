//! Why the domain refuses something.

/// Why a value was refused, worded to follow the name of its field: `must not be empty`.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ValidationError(pub String);

impl ValidationError {
    /// A refusal for `reason`, which follows the field's name.
    pub fn because(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }

    /// The refusal of `field`.
    pub fn of(self, field: impl Into<String>) -> InvalidField {
        InvalidField::new(field, self.0)
    }
}

/// A field, or a parameter, that breaks a rule.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidField {
    /// Its value is refused.
    #[error("{field} {reason}")]
    Value {
        /// The field as the client spells it.
        field: String,
        /// What is wrong with it, worded to follow its name.
        reason: String,
    },
    /// Its value is not Python.
    #[error(
        "{field} is not Python that {python} can read: line {line}, column {column}: {problem}"
    )]
    Syntax {
        /// The field as the client spells it.
        field: &'static str,
        /// The Python that would run it: `Python 3.12`.
        python: &'static str,
        /// The line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
        /// What is wrong there, in one line. These are the parser's words, and about the client's
        /// own source.
        problem: String,
    },
}

impl InvalidField {
    /// A refusal of `field`; `reason` follows its name.
    pub fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Value { field: field.into(), reason: reason.into() }
    }

    /// The same of another field, where it is about Python source.
    #[must_use]
    pub fn in_source(self, other: &'static str) -> Self {
        match self {
            Self::Syntax { python, line, column, problem, .. } => {
                Self::Syntax { field: other, python, line, column, problem }
            }
            value => value,
        }
    }
}

/// A text that is not a JSON object.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidJson {
    /// It is empty, not UTF-8 or not JSON.
    #[error("{0}")]
    Malformed(String),
    /// It is JSON of another kind.
    #[error("the body must be a JSON object")]
    NotAnObject,
}

/// A text that does not have the form of an identifier, so that it can't name anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no {kind} of this id")]
pub struct InvalidId {
    /// What it should identify: `workspace`.
    pub kind: &'static str,
}

/// There is nothing of this identifier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no {kind} {id}")]
pub struct NotFound {
    /// What it identifies: `workspace`.
    pub kind: &'static str,
    /// The identifier.
    pub id: String,
}

/// Why a caller may not call a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessDenied {
    /// The function takes only calls with a key, and there was none.
    #[error("this function takes only calls with one of its invocation keys")]
    NoKey,
    /// The key is not one of the function's.
    #[error("the key is not one of this function's")]
    WrongKey,
}

/// The system has no random numbers.
#[derive(Debug, thiserror::Error)]
#[error("the system has no random numbers")]
pub struct NoRandomness(#[from] getrandom::Error);
