//! What can be wrong with a template.

use std::path::PathBuf;

/// Why a template can't be followed. Each says where, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The file is missing or can't be read.
    #[error(
        "{path} can't be read ({source}); run this inside the project folder, which holds template.yaml",
        path = path.display()
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not YAML.
    #[error("template.yaml, line {line}, is not YAML ({problem}); correct that line")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// What the parser said.
        problem: String,
    },
    /// One place says something that can't be followed.
    #[error("template.yaml: {place} {problem}; {remedy}")]
    Place {
        /// `Resources.CodeBucket.Properties.BucketName`.
        place: String,
        /// What is wrong there, to be read after the place.
        problem: String,
        /// What to do.
        remedy: String,
    },
}

impl TemplateError {
    pub(crate) fn at(
        place: impl Into<String>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::Place { place: place.into(), problem: problem.into(), remedy: remedy.into() }
    }

    pub(super) fn missing(place: &str, property: &str) -> Self {
        Self::at(format!("{place}.{property}"), "is missing", "the local stack needs it: add it")
    }
}
