//! Functions on disk: a folder for each, with a description and the zips that it names.
//!
//! Files are written under another name and renamed, the zips before the description. An engine
//! that is killed at any moment leaves a function as it was before or after a change.

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::code::Code;
use super::function::{Function, StoredVersion};

const DESCRIPTION: &str = "function.json";

/// The folder of the functions.
#[derive(Debug)]
pub(super) struct FunctionStore(PathBuf);

/// The description of a function.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredFunction {
    pub(super) latest: StoredVersion,
    pub(super) published: Vec<(u64, StoredVersion)>,
    pub(super) last_number: u64,
    pub(super) tags: Value,
    #[serde(default)]
    pub(super) reserved_concurrency: Option<usize>,
}

/// A stored function with the packages that its versions name.
pub(super) struct LoadedFunction {
    pub(super) name: String,
    pub(super) stored: StoredFunction,
    pub(super) codes: Vec<Code>,
}

impl FunctionStore {
    /// The store in `folder`, which is created if it is missing.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn open(folder: PathBuf) -> io::Result<Self> {
        std::fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }

    /// Every stored function, or why it can't be read.
    ///
    /// # Errors
    /// The system's, of the folder itself.
    pub(super) fn load(&self) -> io::Result<Vec<Result<LoadedFunction, String>>> {
        let mut loaded = Vec::new();
        for entry in std::fs::read_dir(&self.0)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            // Without a description its creation was never finished.
            if entry.path().join(DESCRIPTION).exists() {
                loaded.push(load(name, &entry.path()));
            } else {
                std::fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(loaded)
    }

    /// Stores a function, and deletes the packages that it no longer names.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn save(&self, name: &str, function: &Function) -> io::Result<()> {
        let folder = self.0.join(name);
        std::fs::create_dir_all(&folder)?;
        let mut files = vec![DESCRIPTION.to_owned()];
        for version in function.versions() {
            let file = version.code.file_name();
            if !folder.join(&file).exists() {
                replace(&folder.join(&file), version.code.zip())?;
            }
            files.push(file);
        }
        let stored = StoredFunction {
            latest: function.latest.to_stored(),
            published: function.published.iter().map(|(n, v)| (*n, v.to_stored())).collect(),
            last_number: function.last_number,
            tags: function.tags.clone(),
            reserved_concurrency: function.concurrency.reserved,
        };
        replace(&folder.join(DESCRIPTION), &serde_json::to_vec_pretty(&stored)?)?;
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            if !files.iter().any(|file| entry.file_name() == file.as_str()) {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// Deletes a function.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn delete(&self, name: &str) -> io::Result<()> {
        let folder = self.0.join(name);
        // The description first: the next start deletes what has none.
        std::fs::remove_file(folder.join(DESCRIPTION))?;
        std::fs::remove_dir_all(folder)
    }
}

fn load(name: String, folder: &Path) -> Result<LoadedFunction, String> {
    let failed = |file: &str, problem: &dyn std::fmt::Display| {
        format!("the function {name} is left out: {file} can't be read: {problem}")
    };
    let text = std::fs::read(folder.join(DESCRIPTION)).map_err(|e| failed(DESCRIPTION, &e))?;
    let stored: StoredFunction =
        serde_json::from_slice(&text).map_err(|e| failed(DESCRIPTION, &e))?;
    let mut codes: Vec<Code> = Vec::new();
    for version in stored.published.iter().map(|(_, version)| version).chain([&stored.latest]) {
        let file = &version.code;
        if codes.iter().any(|code| code.file_name() == *file) {
            continue;
        }
        let zip = std::fs::read(folder.join(file)).map_err(|e| failed(file, &e))?;
        let code = Code::new(Bytes::from(zip)).map_err(|e| failed(file, &e))?;
        if code.file_name() != *file {
            return Err(failed(file, &"its content has another hash than its name"));
        }
        codes.push(code);
    }
    Ok(LoadedFunction { name, stored, codes })
}

/// Writes a file in one step.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    std::fs::write(&new, content)?;
    std::fs::rename(&new, path)
}
