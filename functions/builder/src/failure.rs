//! What stops a build.

use std::io;

/// What a repeat may mend. It is for the operator: unlike an answer, it may hold paths.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A file or a folder can't be read, written or removed.
    #[error("{what} failed: {source}")]
    Disk {
        /// What was done.
        what: &'static str,
        /// The system's error.
        source: io::Error,
    },
    /// A process can't be started, or is not to be killed.
    #[error("{what} failed: {source}")]
    Process {
        /// What was done.
        what: &'static str,
        /// The system's error.
        source: io::Error,
    },
    /// `uv` can't be had.
    #[error("uv can't be downloaded: {0}")]
    Uv(String),
    /// The store has not taken the zip.
    #[error("the zip can't be stored: {0}")]
    Store(String),
}

impl Failure {
    /// For `map_err`.
    pub(crate) fn disk(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Disk { what, source }
    }

    /// For `map_err`.
    pub(crate) fn process(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Process { what, source }
    }
}

/// Why a build has no result.
#[derive(Debug)]
pub(crate) enum Stop {
    /// [`crate::Answer::Refused`]
    Refused(String),
    /// [`crate::Answer::Unreachable`]
    Unreachable(String),
    Failed(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}
