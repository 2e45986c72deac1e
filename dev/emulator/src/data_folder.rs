//! The folder of a stack's data: `.local/`.
//!
//! A marker file holds its format and whether it is complete. It is written before anything else
//! and replaced in one step, so a stack may be killed at any moment.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

const MARKER: &str = "faas-backend.json";
const NEW_MARKER: &str = "faas-backend.json.new";
const LOCK: &str = "faas-backend.lock";

/// The format that this program reads and writes.
const FORMAT: u32 = 1;

/// Why a folder can't be used. Nothing in it has been changed.
#[derive(Debug, thiserror::Error)]
pub enum DataFolderError {
    /// Another stack uses it.
    #[error(
        "{0} is in use by another `cargo local`; stop that one, or give this one a folder of its own with --data or --ephemeral"
    )]
    InUse(String),
    /// It has other content.
    #[error(
        "{0} is not empty and was not made by `cargo local`; nothing in it was changed: name another folder with --data, or empty it"
    )]
    Foreign(String),
    /// Another version of this program made it.
    #[error(
        "{folder} has the data format {found}, and this version reads format {FORMAT}; move it away or delete it, and start again"
    )]
    OtherFormat {
        /// The folder.
        folder: String,
        /// The format in its marker.
        found: String,
    },
    /// A part of it is missing or broken.
    #[error(
        "{folder} is half-written or damaged ({problem}); restore it from a copy, or move it away to start with empty data"
    )]
    Damaged {
        /// The folder.
        folder: String,
        /// What is wrong.
        problem: String,
    },
    /// The system's error.
    #[error("{folder} can't be used ({source}); check that it is a folder that you may write to")]
    Io {
        /// The folder.
        folder: String,
        /// The system's error.
        source: io::Error,
    },
}

/// A data folder, locked for this process until it is dropped.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    _lock: File,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Marker {
    made_by: String,
    format: u32,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Creating,
    Ready,
}

impl DataFolder {
    /// Locks the folder at `path`, and creates it if it is missing or empty.
    ///
    /// # Errors
    /// A sentence with the reason and what to do.
    pub fn open(path: &Path) -> Result<Self, DataFolderError> {
        let name = path.display().to_string();
        let io = |source: io::Error| DataFolderError::Io { folder: name.clone(), source };
        std::fs::create_dir_all(path).map_err(io)?;
        if read_marker(path)?.is_none() && !is_empty(path).map_err(io)? {
            return Err(DataFolderError::Foreign(name));
        }
        let lock = File::create(path.join(LOCK)).map_err(io)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(DataFolderError::InUse(name)),
            Err(TryLockError::Error(source)) => return Err(io(source)),
        }
        let folder = Self { path: path.to_owned(), _lock: lock };
        // Read again: another stack may have created the folder before the lock was taken.
        match read_marker(path)? {
            None => folder.write_marker(State::Creating)?,
            Some(Marker { state: State::Creating, .. }) => {}
            Some(Marker { state: State::Ready, .. }) => folder.check_contents()?,
        }
        Ok(folder)
    }

    /// Whether a running stack holds the folder at `path`.
    ///
    /// # Errors
    /// The system's, where the lock can't be read.
    pub fn is_in_use(path: &Path) -> io::Result<bool> {
        let lock = match File::open(path.join(LOCK)) {
            Ok(lock) => lock,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        match lock.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// DynamoDB's data: an SQLite file.
    pub fn dynamodb_file(&self) -> PathBuf {
        self.path.join("dynamodb.sqlite")
    }

    /// S3's data: a folder for each bucket.
    pub fn s3_folder(&self) -> PathBuf {
        self.path.join("s3")
    }

    /// The engine's data: users' functions with their code.
    pub fn engine_folder(&self) -> PathBuf {
        self.path.join("engine")
    }

    /// The checkpoints of the event source mappings.
    pub fn streams_folder(&self) -> PathBuf {
        self.path.join("streams")
    }

    /// The running binaries.
    pub fn binaries_folder(&self) -> PathBuf {
        self.path.join("bin")
    }

    /// Marks the stores as complete.
    ///
    /// # Errors
    /// Where the marker can't be written.
    pub fn mark_ready(&self) -> Result<(), DataFolderError> {
        self.write_marker(State::Ready)
    }

    /// The error for data that can't be opened.
    pub fn damaged(&self, problem: &str) -> DataFolderError {
        let folder = self.path.display().to_string();
        DataFolderError::Damaged { folder, problem: problem.to_owned() }
    }

    fn check_contents(&self) -> Result<(), DataFolderError> {
        let mut header = [0; 16];
        let read = File::open(self.dynamodb_file()).and_then(|mut f| f.read_exact(&mut header));
        match read {
            Ok(()) if header == *b"SQLite format 3\0" => {}
            Ok(()) => return Err(self.damaged("dynamodb.sqlite is not an SQLite file")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(self.damaged("dynamodb.sqlite is missing"));
            }
            Err(error) => return Err(self.damaged(&format!("dynamodb.sqlite: {error}"))),
        }
        if !self.s3_folder().is_dir() {
            return Err(self.damaged("the folder s3 is missing"));
        }
        Ok(())
    }

    fn write_marker(&self, state: State) -> Result<(), DataFolderError> {
        let marker = Marker { made_by: "cargo local".to_owned(), format: FORMAT, state };
        let write = || -> io::Result<()> {
            let new = self.path.join(NEW_MARKER);
            let mut file = File::create(&new)?;
            serde_json::to_writer_pretty(&mut file, &marker)?;
            file.write_all(b"\n")?;
            file.sync_all()?;
            std::fs::rename(&new, self.path.join(MARKER))
        };
        let folder = self.path.display().to_string();
        write().map_err(|source| DataFolderError::Io { folder, source })
    }
}

/// The marker of the folder; `None` where there is none.
fn read_marker(path: &Path) -> Result<Option<Marker>, DataFolderError> {
    let folder = path.display().to_string();
    let text = match std::fs::read_to_string(path.join(MARKER)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(DataFolderError::Io { folder, source }),
    };
    // The format first: another one may differ in everything else.
    let format = serde_json::from_str::<serde_json::Value>(&text)
        .ok()
        .and_then(|marker| marker.get("format").cloned());
    match format {
        Some(format) if format == FORMAT => {}
        Some(found) => {
            return Err(DataFolderError::OtherFormat { folder, found: found.to_string() });
        }
        None => {
            let problem = format!("{MARKER} has no format");
            return Err(DataFolderError::Damaged { folder, problem });
        }
    }
    serde_json::from_str(&text)
        .map(Some)
        .map_err(|error| DataFolderError::Damaged { folder, problem: format!("{MARKER}: {error}") })
}

/// Whether the folder has nothing but the files of a start that was killed before it wrote the
/// marker.
fn is_empty(path: &Path) -> io::Result<bool> {
    for entry in std::fs::read_dir(path)? {
        let name = entry?.file_name();
        if name != LOCK && name != NEW_MARKER {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests;
