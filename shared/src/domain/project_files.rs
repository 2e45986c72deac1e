//! The files of a function besides its source.

mod packer;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{Cursor, Read};
use std::sync::Arc;

use serde_json::Value;
use sha2::{Digest, Sha256};
use zip::ZipArchive;

pub(super) use packer::Packer;

use super::base64_text::decoded;
use super::error::ValidationError;
use super::file_path::{FilePath, shown};
use super::requirements::Requirements;
use super::zip_archive::{Archive, damaged};

/// The files of a function besides its source, as a zip archive.
///
/// Equal files make equal archives: the names are sorted, each file is of mode 0644 and of 1980, and
/// each is compressed here. No name is there twice, and no file is a folder of another.
///
/// At most 2,000 files, with 200,000,000 bytes in all.
#[derive(Clone, PartialEq, Eq)]
pub struct ProjectFiles {
    zip: Arc<Vec<u8>>,
    names: Arc<[FilePath]>,
    unzipped_bytes: u64,
}

impl ProjectFiles {
    /// The most files.
    pub const MAX_COUNT: usize = 2000;

    /// The most bytes of all files.
    pub const MAX_UNZIPPED_BYTES: u64 = 200_000_000;

    /// The most files in JSON.
    pub const MAX_JSON_COUNT: usize = 200;

    /// The most bytes of all files in JSON, and of the source that is sent with them.
    pub const MAX_JSON_BYTES: u64 = 3_000_000;

    /// The number of files.
    pub fn count(&self) -> usize {
        self.names.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The bytes of all files, unpacked.
    pub fn unzipped_bytes(&self) -> u64 {
        self.unzipped_bytes
    }

    /// The paths, sorted by their bytes.
    pub fn names(&self) -> &[FilePath] {
        &self.names
    }

    /// The archive.
    pub fn as_zip(&self) -> &[u8] {
        &self.zip
    }

    /// The SHA-256 of the archive in lower-case hexadecimal.
    pub fn sha256(&self) -> String {
        hex::encode(Sha256::digest(self.as_zip()))
    }

    /// What a file holds.
    ///
    /// # Errors
    /// [`ValidationError`] where the archive is damaged, which only one that was stored can be.
    pub fn get(&self, path: &FilePath) -> Result<Option<Vec<u8>>, ValidationError> {
        self.get_some(path, self.unzipped_bytes)
    }

    /// What a file holds, up to one byte more than `max`.
    fn get_some(&self, path: &FilePath, max: u64) -> Result<Option<Vec<u8>>, ValidationError> {
        if self.names.binary_search(path).is_err() {
            return Ok(None);
        }
        let mut content = Vec::new();
        let read = ZipArchive::new(Cursor::new(self.as_zip()))
            .and_then(|mut archive| {
                let file = archive.by_name(path.as_str())?;
                // The checksum is compared at the end of the file.
                file.take(max + 1).read_to_end(&mut content)?;
                Ok(())
            })
            .map_err(|_| damaged(path));
        read.map(|()| Some(content))
    }

    /// All files with what they hold.
    ///
    /// # Errors
    /// As [`ProjectFiles::get`].
    pub fn contents(&self) -> Result<Vec<(FilePath, Vec<u8>)>, ValidationError> {
        let mut archive = ZipArchive::new(Cursor::new(self.as_zip()))
            .map_err(|_| ValidationError::because("are damaged"))?;
        let mut contents = Vec::new();
        for path in self.names.iter() {
            let mut content = Vec::new();
            let read = archive
                .by_name(path.as_str())
                .map_err(|_| damaged(path))
                .and_then(|mut file| file.read_to_end(&mut content).map_err(|_| damaged(path)));
            read?;
            contents.push((path.clone(), content));
        }
        Ok(contents)
    }

    /// What `requirements.txt` says, where there is one.
    ///
    /// # Errors
    /// [`ValidationError`] where it breaks a rule of [`Requirements`], or is not UTF-8.
    pub fn requirements(&self) -> Result<Option<Requirements>, ValidationError> {
        let refused =
            |reason: &str| ValidationError(format!("holds a {REQUIREMENTS}, which {reason}"));
        let path = FilePath::read(REQUIREMENTS).map_err(|problem| refused(&problem))?;
        let max = Requirements::MAX_BYTES;
        let Some(content) = self.get_some(&path, max as u64)? else {
            return Ok(None);
        };
        if content.len() > max {
            return Err(refused(&format!("must be at most {max} bytes")));
        }
        let text = String::from_utf8(content).map_err(|_| refused("must be text in UTF-8"))?;
        Requirements::try_from(text).map(Some).map_err(|reason| refused(&reason.0))
    }

    /// Reads files that were stored: the archive of others such files.
    ///
    /// The files themselves are unpacked when they are asked for.
    ///
    /// # Errors
    /// [`ValidationError`] for an archive that is not one of these.
    pub fn read(zip: Vec<u8>) -> Result<Self, ValidationError> {
        let entries = Archive::open(&zip)?.files("")?;
        let names: Arc<[FilePath]> = entries.iter().map(|entry| entry.path.clone()).collect();
        let sizes = entries.iter().map(|entry| entry.size);
        let unzipped_bytes = sizes.fold(0, u64::saturating_add);
        refuse_count(names.len())?;
        refuse_bytes(unzipped_bytes)?;
        refuse_overlap(&names)?;
        if !names.is_sorted() || !is_as_written(&zip, &names) {
            return Err(ValidationError::because("must be an archive that was written here"));
        }
        Ok(Self { zip: Arc::new(zip), names, unzipped_bytes })
    }
}

/// The name of a requirements file.
const REQUIREMENTS: &str = "requirements.txt";

impl Default for ProjectFiles {
    /// No files.
    fn default() -> Self {
        // The end of an archive, which is all of one without files.
        let end = [&b"PK\x05\x06"[..], &[0; 18]].concat();
        Self { zip: Arc::new(end), names: Arc::default(), unzipped_bytes: 0 }
    }
}

impl TryFrom<Value> for ProjectFiles {
    type Error = ValidationError;

    /// Reads an object of paths and standard base64: at most 200 files with 3,000,000 bytes in all.
    /// Files that are ignored are passed over.
    fn try_from(value: Value) -> Result<Self, ValidationError> {
        let Value::Object(entries) = value else {
            return Err(ValidationError::because("must be an object of paths and base64"));
        };
        let mut files = BTreeMap::new();
        let mut bytes = 0;
        for (text, value) in entries {
            let path = FilePath::read(&text).map_err(|problem| {
                ValidationError(format!(
                    "must have relative paths such as lib/db.py, and {problem}"
                ))
            })?;
            if path.is_ignored() {
                continue;
            }
            let content = match value {
                Value::String(encoded) => decoded(encoded),
                _ => None,
            };
            let content = content.ok_or_else(|| {
                let text = shown(&text);
                ValidationError(format!(
                    "must hold strings of standard base64 (A-Z a-z 0-9 + / and =), and {text} is none"
                ))
            })?;
            bytes += content.len() as u64;
            if bytes > Self::MAX_JSON_BYTES {
                let max = Self::MAX_JSON_BYTES;
                return Err(ValidationError(format!(
                    "must be at most {max} bytes in all; upload a zip archive for more"
                )));
            }
            if files.insert(path, content).is_some() {
                return Err(twice(&text));
            }
        }
        if files.len() > Self::MAX_JSON_COUNT {
            return Err(ValidationError(format!(
                "must be at most {} files, and has {}; upload a zip archive for more",
                Self::MAX_JSON_COUNT,
                files.len()
            )));
        }
        refuse_overlap(&files.keys().cloned().collect::<Vec<_>>())?;
        let mut packer = Packer::new(0);
        for (path, content) in files {
            packer.add(path, content.as_slice())?;
        }
        packer.finish()
    }
}

/// Files are confidential, and must not get into a log by accident.
impl fmt::Debug for ProjectFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProjectFiles({} files, {} bytes)", self.count(), self.unzipped_bytes)
    }
}

/// Refuses too many files.
pub(super) fn refuse_count(count: usize) -> Result<(), ValidationError> {
    let max = ProjectFiles::MAX_COUNT;
    if count > max {
        return Err(ValidationError(format!("must hold at most {max} files, and holds {count}")));
    }
    Ok(())
}

/// Refuses files that are too large together.
pub(super) fn refuse_bytes(bytes: u64) -> Result<(), ValidationError> {
    let max = ProjectFiles::MAX_UNZIPPED_BYTES;
    if bytes > max {
        return Err(ValidationError(format!("must hold at most {max} bytes unpacked")));
    }
    Ok(())
}

/// Refuses a path that is there twice, and a file that is a folder of another.
pub(super) fn refuse_overlap(paths: &[FilePath]) -> Result<(), ValidationError> {
    let mut files = BTreeSet::new();
    for path in paths {
        if !files.insert(path.as_str()) {
            return Err(twice(path.as_str()));
        }
    }
    for path in paths {
        if let Some(folder) = path.folders().find(|folder| files.contains(folder)) {
            let (folder, path) = (shown(folder), shown(path.as_str()));
            return Err(ValidationError(format!(
                "must not hold {folder} as a file and as a folder, which it is in {path}"
            )));
        }
    }
    Ok(())
}

fn twice(path: &str) -> ValidationError {
    ValidationError(format!("must not hold {} twice", shown(path)))
}

/// Whether the archive has these names and no others, each as it is written here.
fn is_as_written(zip: &[u8], names: &[FilePath]) -> bool {
    let Ok(archive) = ZipArchive::new(Cursor::new(zip)) else { return false };
    let is_same = |index: usize, name: &FilePath| {
        let entry = archive.by_index_data(index);
        entry.is_ok_and(|entry| entry.name_raw() == name.as_str().as_bytes())
    };
    archive.len() == names.len() && names.iter().enumerate().all(|(at, name)| is_same(at, name))
}
