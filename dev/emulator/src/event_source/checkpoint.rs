//! How far a mapping has come, in a file of its own.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The file of one mapping.
#[derive(Clone, Debug)]
pub struct Checkpoint(PathBuf);

#[derive(Serialize, Deserialize)]
struct Kept {
    /// The sequence number of the last record that was acknowledged.
    after: Option<String>,
}

impl Checkpoint {
    /// The file of the mapping `name` in `folder`.
    pub(super) fn of(folder: &Path, name: &str) -> Self {
        Self(folder.join(format!("{name}.json")))
    }

    /// Where the mapping stands; `None` if it was never here.
    pub(super) fn read(&self) -> io::Result<Option<Option<String>>> {
        match std::fs::read(&self.0) {
            Ok(text) => Ok(Some(serde_json::from_slice::<Kept>(&text)?.after)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Keeps where the mapping stands, in one step.
    pub(super) fn keep(&self, after: Option<&str>) -> io::Result<()> {
        if let Some(folder) = self.0.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let new = self.0.with_extension("json.new");
        let kept = Kept { after: after.map(ToOwned::to_owned) };
        std::fs::write(&new, serde_json::to_vec(&kept)?)?;
        std::fs::rename(&new, &self.0)
    }
}
