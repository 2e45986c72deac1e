//! What can go wrong with the stores.

use std::io;

use crate::data_folder::DataFolderError;

/// Why the stores can't be started.
#[derive(Debug, thiserror::Error)]
pub enum StoresError {
    /// The data folder can't be used.
    #[error(transparent)]
    Folder(#[from] DataFolderError),
    /// DynamoDB refused an operation.
    #[error("the embedded DynamoDB could not {operation}: {problem}")]
    DynamoDb {
        /// What it was to do.
        operation: &'static str,
        /// Its error.
        problem: String,
    },
    /// The table was made from another template.
    #[error(
        "the table {table} in {place} was made from another template: {difference}; move {place} away or delete it, and start again"
    )]
    OtherTemplate {
        /// The table's name.
        table: String,
        /// The data folder.
        place: String,
        /// The part that differs.
        difference: String,
    },
    /// The system's error.
    #[error("the stores could not be started: {0}")]
    Io(#[from] io::Error),
    /// The embedded S3 can't use its folder.
    #[error("the embedded S3 could not be started: {0}")]
    S3(String),
}

impl StoresError {
    pub(super) fn dynamodb(operation: &'static str, problem: impl ToString) -> Self {
        Self::DynamoDb { operation, problem: problem.to_string() }
    }
}
