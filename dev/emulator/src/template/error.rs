//! What can be wrong with a template.

use std::path::PathBuf;

/// Why a template can't be used. Each message names the place.
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
        /// The system's error.
        source: std::io::Error,
    },
    /// The file is not YAML.
    #[error("template.yaml, line {line}, is not YAML ({problem}); correct that line")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// The parser's message.
        problem: String,
    },
    /// A value can't be used.
    #[error(
        "template.yaml: {place} {problem}; docs/local-development.md says what the local stack can evaluate"
    )]
    Value {
        /// `Resources.CodeBucket.Properties.BucketName`.
        place: String,
        /// What is wrong there, to be read after the place.
        problem: String,
    },
}

impl TemplateError {
    pub(super) fn at(place: &str, problem: impl Into<String>) -> Self {
        Self::Value { place: place.to_owned(), problem: problem.into() }
    }
}
