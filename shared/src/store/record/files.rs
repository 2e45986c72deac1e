//! The files of a function beside its source, in its item.

use serde::{Deserialize, Serialize};

use crate::domain::{FilesSummary, FunctionId, ProjectFiles, WorkspaceId};
use crate::error::Error;
use crate::store::expression::Changes;
use crate::store::keys;

/// Where a function's other files are stored. An item without these attributes has none.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::store) struct FilesRecord {
    /// The key of the object with all files; absent where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::store) files_key: Option<String>,
    file_count: usize,
    files_sha256: String,
    files_bytes: u64,
}

impl FilesRecord {
    /// The record of files that are to be written under a new key.
    pub(in crate::store) fn new(ws: &WorkspaceId, id: &FunctionId, files: &ProjectFiles) -> Self {
        if files.is_empty() {
            return Self::default();
        }
        Self {
            files_key: Some(keys::new_files_version(ws, id)),
            file_count: files.count(),
            files_sha256: files.sha256(),
            files_bytes: files.unzipped_bytes(),
        }
    }

    /// Whether there are none.
    pub(in crate::store) fn is_empty(&self) -> bool {
        self.file_count == 0
    }

    /// What is known of the files without reading them.
    pub(in crate::store) fn summary(&self) -> FilesSummary {
        let (count, bytes, sha256) = (self.file_count, self.files_bytes, self.files_sha256.clone());
        FilesSummary { count, bytes, sha256 }
    }

    /// Adds the change to these files to `changes`. The key is a side effect: the same files under
    /// another key are no change.
    pub(in crate::store) fn add_to(&self, changes: &mut Changes) -> Result<(), Error> {
        changes.require("fileCount", &self.file_count)?;
        changes.require("filesSha256", &self.files_sha256)?;
        changes.side_effect("filesBytes", &self.files_bytes)?;
        match &self.files_key {
            Some(key) => changes.side_effect("filesKey", key),
            None => {
                changes.remove("filesKey");
                Ok(())
            }
        }
    }
}
