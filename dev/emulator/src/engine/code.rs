//! Deployment packages: zip files with the code of a function.

use std::fmt;
use std::io::Cursor;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use sha2::{Digest, Sha256};
use zip::ZipArchive;

/// The largest package that can be sent in a request, in bytes, as on AWS.
pub(super) const LARGEST_ZIP: usize = 50 * 1024 * 1024;

/// The largest unpacked package, in bytes, as on AWS.
pub(super) const LARGEST_CONTENTS: u64 = 250 * 1024 * 1024;

/// A deployment package that can be unpacked. It stays in memory: local functions have some
/// kilobytes.
pub(super) struct Code {
    zip: Bytes,
    hash: [u8; 32],
    contents: u64,
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Code({} bytes, {})", self.zip.len(), self.sha256())
    }
}

impl Code {
    /// Checks that `zip` can be unpacked.
    ///
    /// # Errors
    /// A sentence with the reason.
    pub(super) fn new(zip: Bytes) -> Result<Self, String> {
        if zip.len() > LARGEST_ZIP {
            return Err(format!("Zipped size must be smaller than {LARGEST_ZIP} bytes"));
        }
        let mut archive = archive(&zip)?;
        if archive.is_empty() {
            return Err("Uploaded file must be a non-empty zip".to_owned());
        }
        let mut contents = 0_u64;
        for index in 0..archive.len() {
            let file = archive.by_index(index).map_err(|_| unreadable())?;
            let name = file.name().map_err(|_| unreadable())?;
            let leads_out = file.enclosed_name().is_none() || name.starts_with('/');
            if leads_out || file.is_symlink() {
                return Err(format!("The file {name:?} in the zip leads out of its folder"));
            }
            contents = contents.saturating_add(file.size());
        }
        if contents > LARGEST_CONTENTS {
            return Err(format!("Unzipped size must be smaller than {LARGEST_CONTENTS} bytes"));
        }
        let hash = Sha256::digest(&zip).into();
        Ok(Self { zip, hash, contents })
    }

    /// The SHA-256 of the zip in base64, as AWS gives it.
    pub(super) fn sha256(&self) -> String {
        STANDARD.encode(self.hash)
    }

    /// The file's name, made of the same hash.
    pub(super) fn file_name(&self) -> String {
        let digits: String = self.hash.iter().map(|byte| format!("{byte:02x}")).collect();
        digits + ".zip"
    }

    /// The bytes of its unpacked files.
    pub(super) fn unpacked_size(&self) -> u64 {
        self.contents
    }

    /// The zip itself.
    pub(super) fn zip(&self) -> &Bytes {
        &self.zip
    }

    /// Unpacks the files into `folder`.
    ///
    /// # Errors
    /// A sentence with the reason.
    pub(super) fn unpack(&self, folder: &Path) -> Result<(), String> {
        let unpacked = archive(&self.zip)?.extract(folder);
        unpacked.map_err(|error| format!("the code can't be unpacked: {error}"))
    }
}

fn archive(zip: &Bytes) -> Result<ZipArchive<Cursor<Bytes>>, String> {
    ZipArchive::new(Cursor::new(zip.clone())).map_err(|_| unreadable())
}

fn unreadable() -> String {
    "Could not unzip uploaded file. Please check your file, then try to upload again.".to_owned()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn zip(files: &[(&str, &str)]) -> Bytes {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, text) in files {
            writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            writer.write_all(text.as_bytes()).unwrap();
        }
        writer.finish().unwrap().into_inner().into()
    }

    #[test]
    fn a_package_is_unpacked_with_its_folders() {
        let code = Code::new(zip(&[("a.py", "1"), ("b/c/d.py", "2")])).unwrap();
        let folder = tempfile::tempdir().unwrap();
        code.unpack(folder.path()).unwrap();
        assert_eq!(std::fs::read_to_string(folder.path().join("b/c/d.py")).unwrap(), "2");
        assert_eq!(code.file_name().len(), 64 + 4);
    }

    #[test]
    fn an_unsafe_or_unreadable_package_is_refused() {
        for name in ["../a.py", "/etc/a.py", "b/../../a.py"] {
            let message = Code::new(zip(&[(name, "1")])).unwrap_err();
            assert!(message.contains("leads out of"), "{name}: {message}");
        }
        assert!(Code::new(Bytes::from_static(b"print()")).unwrap_err().contains("Could not unzip"));
        assert!(Code::new(zip(&[])).unwrap_err().contains("non-empty"));
    }
}
