//! The position of a mapping in the stream, in a file of its own.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The file of one mapping.
#[derive(Clone, Debug)]
pub struct Checkpoint(PathBuf);

#[derive(Serialize, Deserialize)]
struct Content {
    /// The sequence number of the last acknowledged record.
    after: Option<String>,
}

impl Checkpoint {
    /// The file of the mapping `name` in `folder`.
    pub(super) fn of(folder: &Path, name: &str) -> Self {
        Self(folder.join(format!("{name}.json")))
    }

    /// The position; `None` if there is no file.
    pub(super) fn read(&self) -> io::Result<Option<Option<String>>> {
        match std::fs::read(&self.0) {
            Ok(text) => Ok(Some(serde_json::from_slice::<Content>(&text)?.after)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes the position in one step.
    pub(super) fn write(&self, after: Option<&str>) -> io::Result<()> {
        if let Some(folder) = self.0.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let new = self.0.with_extension("json.new");
        let content = Content { after: after.map(ToOwned::to_owned) };
        std::fs::write(&new, serde_json::to_vec(&content)?)?;
        std::fs::rename(&new, &self.0)
    }
}
