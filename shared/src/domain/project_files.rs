//! The files of a function besides its source.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{self, Cursor, Read};
use std::sync::Arc;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;
use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

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

/// Padding and white space are optional on input.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// How hard to compress, of 9. More costs several times as long, for some percent.
const LEVEL: i64 = 3;

/// The mode of each file: its owner can write it, and all can read it.
const MODE: u32 = 0o644;

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
            let content = decoded(value).ok_or_else(|| {
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

/// Writes the archive of files that are added in order.
pub(super) struct Packer {
    writer: ZipWriter<Cursor<Vec<u8>>>,
    names: Vec<FilePath>,
    unzipped_bytes: u64,
}

impl Packer {
    /// A writer of an archive of about `capacity` bytes.
    pub(super) fn new(capacity: usize) -> Self {
        let writer = ZipWriter::new(Cursor::new(Vec::with_capacity(capacity)));
        Self { writer, names: Vec::new(), unzipped_bytes: 0 }
    }

    /// Adds a file, whose content is copied in small parts.
    ///
    /// # Errors
    /// [`ValidationError`] where the content can't be read, or all files are too large with it.
    pub(super) fn add(
        &mut self,
        path: FilePath,
        content: impl Read,
    ) -> Result<(), ValidationError> {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(LEVEL))
            .last_modified_time(DateTime::default())
            .unix_permissions(MODE);
        self.writer.start_file(path.as_str(), options).map_err(|_| damaged(&path))?;
        // One byte more shows what is too large.
        let left = ProjectFiles::MAX_UNZIPPED_BYTES - self.unzipped_bytes + 1;
        let copied = io::copy(&mut content.take(left), &mut self.writer);
        self.unzipped_bytes += copied.map_err(|_| damaged(&path))?;
        refuse_bytes(self.unzipped_bytes)?;
        self.names.push(path);
        Ok(())
    }

    /// The files that were added.
    pub(super) fn finish(self) -> Result<ProjectFiles, ValidationError> {
        let zip = self.writer.finish().map_err(|_| ValidationError::because("can't be packed"))?;
        let mut zip = zip.into_inner();
        zip.shrink_to_fit();
        let (names, unzipped_bytes) = (self.names.into(), self.unzipped_bytes);
        Ok(ProjectFiles { zip: Arc::new(zip), names, unzipped_bytes })
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

fn decoded(value: Value) -> Option<Vec<u8>> {
    let Value::String(mut text) = value else { return None };
    text.retain(|c| !c.is_ascii_whitespace());
    BASE64.decode(&text).ok()
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

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn files(value: Value) -> ProjectFiles {
        ProjectFiles::try_from(value).unwrap()
    }

    fn refusal(value: Value) -> String {
        ProjectFiles::try_from(value).unwrap_err().0
    }

    fn path(text: &str) -> FilePath {
        FilePath::read(text).unwrap()
    }

    #[test]
    fn files_are_read_from_paths_and_base64() {
        let read = files(json!({
            "lib\\b.py": "cHJpbnQoMSk",
            "./a.txt": " YQ = =\n",
            "empty": "",
            "__pycache__/b.pyc": "YQ==",
            "spin.toml": "YQ==",
        }));
        let names: Vec<_> = read.names().iter().map(FilePath::as_str).collect();
        assert_eq!(names, ["a.txt", "empty", "lib/b.py"]);
        assert_eq!((read.count(), read.unzipped_bytes()), (3, 9));
        assert_eq!(read.get(&path("lib/b.py")).unwrap().unwrap(), b"print(1)");
        assert_eq!(read.get(&path("empty")).unwrap().unwrap(), b"");
        assert_eq!(read.get(&path("none")), Ok(None));
        assert_eq!(format!("{read:?}"), "ProjectFiles(3 files, 9 bytes)");
    }

    #[test]
    fn no_files_are_an_archive_too() {
        assert_eq!(files(json!({})), ProjectFiles::default());
        assert_eq!(
            ProjectFiles::read(ProjectFiles::default().as_zip().to_vec()),
            Ok(files(json!({})))
        );
        assert!(files(json!({ ".git/a": "YQ==" })).is_empty());
    }

    #[test]
    fn what_breaks_a_rule_is_refused_by_name() {
        for (value, told) in [
            (json!([]), "must be an object of paths and base64"),
            (
                json!({"../a": ""}),
                "must have relative paths such as lib/db.py, and \"../a\" has ..",
            ),
            (
                json!({"/a": ""}),
                "must have relative paths such as lib/db.py, and \"/a\" is absolute",
            ),
            (
                json!({"a": "_"}),
                "must hold strings of standard base64 (A-Z a-z 0-9 + / and =), and \"a\"",
            ),
            (json!({"a": null}), "must hold strings of standard base64"),
            (json!({"a/b": "", "a\\b": ""}), "must not hold \"a\\\\b\" twice"),
            (
                json!({"a": "", "a/b/c": ""}),
                "must not hold \"a\" as a file and as a folder, which it is in \"a/b/c\"",
            ),
        ] {
            let refused = refusal(value);
            assert!(refused.starts_with(told), "{refused}");
        }
        // These differ where functions run.
        assert_eq!(files(json!({"a": "", "A": "", "a.b": "", "ab/c": ""})).count(), 4);
    }

    #[test]
    fn limits_of_a_request_hold() {
        let many =
            |count: usize| Value::Object((0..count).map(|n| (format!("{n}"), json!(""))).collect());
        assert_eq!(files(many(200)).count(), 200);
        assert_eq!(
            refusal(many(201)),
            "must be at most 200 files, and has 201; upload a zip archive for more"
        );
        let large = |bytes: usize| json!({"a": BASE64.encode(vec![b'a'; bytes]), "b": "YQ=="});
        assert_eq!(files(large(2_999_999)).unzipped_bytes(), 3_000_000);
        assert!(refusal(large(3_000_000)).starts_with("must be at most 3000000 bytes in all"));
    }

    #[test]
    fn a_requirements_file_is_read() {
        let read =
            |text: &str| files(json!({"requirements.txt": BASE64.encode(text)})).requirements();
        assert_eq!(read("a # b").unwrap().unwrap().text(), "a # b");
        assert!(
            read("-e .").unwrap_err().0.starts_with("holds a requirements.txt, which must name")
        );
        let told = read(&"#".repeat(16_385)).unwrap_err().0;
        assert_eq!(told, "holds a requirements.txt, which must be at most 16384 bytes");
        assert_eq!(files(json!({"a/requirements.txt": ""})).requirements(), Ok(None));
    }

    #[test]
    fn the_archive_is_the_same_with_each_build() {
        // A change of this hash makes each function with files one whose files have changed.
        let read = files(json!({"b/a.txt": "YWFhYWFhYWFhYWFhYWFhYWFh", "a.txt": "YQ=="}));
        let expected = "8248afe8fc0f6853fbb048b8d0546c107b2b0d3d4cc0a2345278d874ca056551";
        assert_eq!(read.sha256(), expected);
    }

    #[test]
    fn only_an_archive_that_was_written_here_is_read() {
        let zipped = |names: &[&str]| {
            let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
            for name in names {
                writer.start_file(*name, SimpleFileOptions::default()).unwrap();
                writer.write_all(b"a").unwrap();
            }
            writer.finish().unwrap().into_inner()
        };
        assert!(ProjectFiles::read(zipped(&["a", "b"])).is_ok());
        for names in [&["b", "a"][..], &["./a"], &["a\\b"], &["a", "a/b"], &[".git/a"], &["../a"]] {
            assert!(ProjectFiles::read(zipped(names)).is_err(), "{names:?}");
        }
        assert!(ProjectFiles::read(Vec::new()).is_err());
    }

    #[test]
    fn damage_of_a_stored_archive_is_an_error() {
        let mut zip =
            files(json!({"a": BASE64.encode("some text, long enough")})).as_zip().to_vec();
        zip[40] ^= 0xff;
        let told = ProjectFiles::read(zip).unwrap().get(&path("a")).unwrap_err().0;
        assert_eq!(told, "is a zip archive that is damaged: \"a\" can't be unpacked");
    }

    proptest! {
        #[test]
        fn files_read_back_as_they_were(given in prop::collection::btree_map("[a-c/]{1,4}", prop::collection::vec(any::<u8>(), 0..50), 0..5)) {
            let value: serde_json::Map<_, _> =
                given.iter().map(|(path, content)| (path.clone(), json!(BASE64.encode(content)))).collect();
            if let Ok(read) = ProjectFiles::try_from(Value::Object(value)) {
                prop_assert_eq!(read.count(), given.len());
                let again = ProjectFiles::read(read.as_zip().to_vec()).unwrap();
                for (name, content) in &given {
                    let found = again.get(&path(name)).unwrap();
                    prop_assert_eq!(found.as_ref(), Some(content));
                }
                prop_assert_eq!(again, read);
            }
        }
    }
}
