//! Functions on disk: a folder for each, with a description and the zips that it names.
//!
//! Files are written beside and renamed, the zips before the description that
//! names them, so that an engine that is killed at any moment leaves the function
//! as it was before or after a change.

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::code::Code;
use super::function::{Function, Saved};

const DESCRIPTION: &str = "function.json";

/// Where the functions stand.
#[derive(Debug)]
pub(super) struct Shelf(PathBuf);

/// A function as it is written down.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SavedFunction {
    pub(super) latest: Saved,
    pub(super) published: Vec<(u64, Saved)>,
    pub(super) last_number: u64,
    pub(super) tags: Value,
    #[serde(default)]
    pub(super) reserved_concurrency: Option<usize>,
}

/// A function that was found, with the packages that its versions name.
pub(super) struct Found {
    pub(super) name: String,
    pub(super) saved: SavedFunction,
    pub(super) codes: Vec<Code>,
}

impl Shelf {
    /// Uses `folder`, and makes it if it is not there.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn open(folder: PathBuf) -> io::Result<Self> {
        std::fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }

    /// Every function that is there, or why it can't be read.
    ///
    /// # Errors
    /// What the system says of the folder itself.
    pub(super) fn load(&self) -> io::Result<Vec<Result<Found, String>>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&self.0)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            // Without a description it is one whose creation never came to its end.
            if !entry.path().join(DESCRIPTION).exists() {
                std::fs::remove_dir_all(entry.path())?;
                continue;
            }
            found.push(read(name, &entry.path()));
        }
        Ok(found)
    }

    /// Writes a function down, and forgets the packages that it no longer names.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn keep(&self, name: &str, function: &Function) -> io::Result<()> {
        let folder = self.0.join(name);
        std::fs::create_dir_all(&folder)?;
        let mut named = vec![DESCRIPTION.to_owned()];
        for version in function.published.values().chain([&function.latest]) {
            let file = version.code.file_name();
            if !named.contains(&file) {
                if !folder.join(&file).exists() {
                    replace(&folder.join(&file), version.code.zip())?;
                }
                named.push(file);
            }
        }
        let saved = SavedFunction {
            latest: function.latest.saved(),
            published: function.published.iter().map(|(n, v)| (*n, v.saved())).collect(),
            last_number: function.last_number,
            tags: function.tags.clone(),
            reserved_concurrency: function.concurrency.reserved,
        };
        replace(&folder.join(DESCRIPTION), &serde_json::to_vec_pretty(&saved)?)?;
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            if !named.iter().any(|name| entry.file_name() == name.as_str()) {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// Forgets a function.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn forget(&self, name: &str) -> io::Result<()> {
        let folder = self.0.join(name);
        // First what makes it one: what is left of it is then swept up at the next start.
        std::fs::remove_file(folder.join(DESCRIPTION))?;
        std::fs::remove_dir_all(folder)
    }
}

fn read(name: String, folder: &Path) -> Result<Found, String> {
    let failed = |what: &str, problem: &dyn std::fmt::Display| {
        format!("the function {name} is left out: {what} can't be read: {problem}")
    };
    let text = std::fs::read(folder.join(DESCRIPTION)).map_err(|e| failed(DESCRIPTION, &e))?;
    let saved: SavedFunction =
        serde_json::from_slice(&text).map_err(|e| failed(DESCRIPTION, &e))?;
    let mut codes: Vec<Code> = Vec::new();
    for version in saved.published.iter().map(|(_, version)| version).chain([&saved.latest]) {
        let file = &version.code;
        if codes.iter().any(|code| code.file_name() == *file) {
            continue;
        }
        let zip = std::fs::read(folder.join(file)).map_err(|e| failed(file, &e))?;
        let code = Code::new(Bytes::from(zip)).map_err(|e| failed(file, &e))?;
        if code.file_name() != *file {
            return Err(failed(file, &"its content is another than its name says"));
        }
        codes.push(code);
    }
    Ok(Found { name, saved, codes })
}

/// Puts a file in place in one step.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    std::fs::write(&new, content)?;
    std::fs::rename(&new, path)
}
