//! Layers: zips that extend the folder of a function, in numbered versions.
//!
//! A deleted version stays on disk while functions may use it, as on AWS. It is removed when an
//! engine starts and no function has it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use serde_json::{Value, json};
use tokio::sync::OnceCell;
use zip::ZipArchive;

use super::code::{LARGEST_CONTENTS, LARGEST_ZIP};
use super::error::ApiError;
use crate::ids;

/// The most layers of a function, as on AWS.
const MOST_LAYERS: usize = 5;

/// The end of the name of a deleted version's file.
const DELETED: &str = "deleted";

/// The content of a new version.
pub(super) enum Content {
    Zip(Vec<u8>),
    Object { bucket: String, key: String },
}

/// All layers.
#[derive(Debug)]
pub(super) struct Layers {
    region: String,
    folder: PathBuf,
    scratch: PathBuf,
    /// The folder of the embedded S3: a folder for each bucket.
    objects: OnceLock<PathBuf>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    unpacked: BTreeMap<String, Arc<OnceCell<PathBuf>>>,
}

struct LayerVersion<'a> {
    name: &'a str,
    number: u64,
}

impl Layers {
    /// The layers stored in `folder`, which is created if it is missing. They are unpacked below
    /// `scratch`.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn open(folder: PathBuf, scratch: &Path, region: &str) -> io::Result<Self> {
        std::fs::create_dir_all(&folder)?;
        let (scratch, region) = (scratch.to_owned(), region.to_owned());
        Ok(Self { region, folder, scratch, objects: OnceLock::new(), state: Mutex::default() })
    }

    /// Takes content from the embedded S3, which is in `folder`.
    pub(super) fn serve_objects(&self, folder: &Path) {
        // A second folder would be a mistake of the caller's, and the first one stays.
        let _ = self.objects.set(folder.to_owned());
    }

    /// Publishes a version of the layer `name`.
    pub(super) fn publish(&self, name: &str, content: Content) -> Result<Value, ApiError> {
        let _one_at_a_time = self.state();
        let folder = self.folder.join(name);
        std::fs::create_dir_all(&folder).map_err(|e| failed(&e))?;
        let new = folder.join("new");
        match content {
            Content::Zip(zip) if zip.len() > LARGEST_ZIP => {
                return Err(ApiError::body_too_large(LARGEST_ZIP));
            }
            Content::Zip(zip) => std::fs::write(&new, zip).map_err(|e| failed(&e))?,
            Content::Object { bucket, key } => {
                let objects = self.objects.get();
                let object = objects.map(|folder| folder.join(bucket).join(key));
                let copied = object.map(|object| std::fs::copy(object, &new));
                copied.and_then(Result::ok).ok_or_else(|| {
                    ApiError::invalid(
                        "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error \
                         Message: The specified key does not exist.",
                    )
                })?;
            }
        }
        let size = unpacked_size(&new)?;
        if size > LARGEST_CONTENTS {
            return Err(ApiError::invalid(format!(
                "Unzipped size must be smaller than {LARGEST_CONTENTS} bytes"
            )));
        }
        let number = self.numbers(name).map_err(|e| failed(&e))?.last().map_or(1, |last| last + 1);
        let version = LayerVersion { name, number };
        std::fs::rename(&new, self.file(&version)).map_err(|e| failed(&e))?;
        self.description(&version)
    }

    /// All layers that have a version.
    pub(super) fn list(&self) -> Result<Vec<Value>, ApiError> {
        let mut layers = Vec::new();
        for entry in std::fs::read_dir(&self.folder).map_err(|e| failed(&e))? {
            let name = entry.map_err(|e| failed(&e))?.file_name().to_string_lossy().into_owned();
            if let Some(newest) = self.versions(&name)?.into_iter().next() {
                layers.push(json!({"LayerName": name, "LatestMatchingVersion": newest}));
            }
        }
        Ok(layers)
    }

    /// The versions of a layer, the newest first.
    pub(super) fn versions(&self, name: &str) -> Result<Vec<Value>, ApiError> {
        let numbers = self.numbers(name).map_err(|e| failed(&e))?;
        let versions = numbers.into_iter().rev().map(|number| LayerVersion { name, number });
        versions.filter(|v| self.file(v).is_file()).map(|v| self.description(&v)).collect()
    }

    /// Deletes a version, if there is one.
    pub(super) fn delete(&self, name: &str, number: u64) -> Result<(), ApiError> {
        let version = LayerVersion { name, number };
        let file = self.file(&version);
        match std::fs::rename(&file, file.with_extension(DELETED)) {
            Err(problem) if problem.kind() != io::ErrorKind::NotFound => Err(failed(&problem)),
            _ => Ok(()),
        }
    }

    /// Checks that a function whose code has `code_size` bytes can have the layers `arns`.
    pub(super) fn check(&self, arns: &[String], code_size: u64) -> Result<(), ApiError> {
        if arns.len() > MOST_LAYERS {
            return Err(ApiError::invalid(format!(
                "Cannot reference more than {MOST_LAYERS} layers."
            )));
        }
        let mut size = code_size;
        for arn in arns {
            let version = self.version(arn).ok_or_else(|| unknown(arn))?;
            let file = self.file(&version);
            if !file.is_file() {
                return Err(unknown(arn));
            }
            size += unpacked_size(&file)?;
        }
        if !arns.is_empty() && size > LARGEST_CONTENTS {
            return Err(ApiError::invalid(format!(
                "Function code combined with layers exceeds the maximum allowed size of \
                 {LARGEST_CONTENTS} bytes. The actual size is {size} bytes."
            )));
        }
        Ok(())
    }

    /// The folder in which a version is unpacked.
    ///
    /// # Errors
    /// A sentence with the reason.
    pub(super) async fn unpacked(&self, arn: &str) -> Result<PathBuf, String> {
        let cell = self.state().unpacked.entry(arn.to_owned()).or_default().clone();
        let unpack = || async {
            let version = self.version(arn).ok_or_else(|| format!("{arn} is no layer version"))?;
            let file = self.file(&version);
            let deleted = file.with_extension(DELETED);
            let file = if file.is_file() { file } else { deleted };
            let folder = self.scratch.join(format!("layer-{}-{}", version.name, version.number));
            let unpacking = tokio::task::spawn_blocking(move || {
                let mut archive = archive(&file)?;
                archive.extract(&folder).map_err(|e| e.to_string()).map(|()| folder)
            });
            let unpacked = unpacking.await.map_err(|e| e.to_string())?;
            unpacked.map_err(|e| format!("the layer {arn} can't be unpacked: {e}"))
        };
        cell.get_or_try_init(unpack).await.cloned()
    }

    /// Removes deleted versions that are not in `used`.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn remove_unused(&self, used: &BTreeSet<String>) -> io::Result<()> {
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            for number in self.numbers(&name)? {
                let version = LayerVersion { name: &name, number };
                let deleted = self.file(&version).with_extension(DELETED);
                if deleted.is_file() && !used.contains(&self.arn(&version)) {
                    // An empty file keeps the number from being used again.
                    File::create(deleted)?;
                }
            }
        }
        Ok(())
    }

    /// The numbers of all versions, deleted ones too.
    fn numbers(&self, name: &str) -> io::Result<Vec<u64>> {
        let entries = match std::fs::read_dir(self.folder.join(name)) {
            Err(problem) if problem.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut numbers = Vec::new();
        for entry in entries {
            let name = entry?.file_name();
            let number: Option<u64> =
                name.to_str().and_then(|name| name.split('.').next()?.parse().ok());
            numbers.extend(number);
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn description(&self, version: &LayerVersion<'_>) -> Result<Value, ApiError> {
        let size = std::fs::metadata(self.file(version)).map_err(|e| failed(&e))?.len();
        Ok(json!({
            "LayerArn": format!("{}{}", self.prefix(), version.name),
            "LayerVersionArn": self.arn(version),
            "Version": version.number,
            "Content": {"CodeSize": size},
        }))
    }

    fn file(&self, version: &LayerVersion<'_>) -> PathBuf {
        self.folder.join(version.name).join(format!("{}.zip", version.number))
    }

    fn arn(&self, version: &LayerVersion<'_>) -> String {
        format!("{}{}:{}", self.prefix(), version.name, version.number)
    }

    fn prefix(&self) -> String {
        format!("arn:aws:lambda:{}:{}:layer:", self.region, ids::ACCOUNT)
    }

    fn version<'a>(&self, arn: &'a str) -> Option<LayerVersion<'a>> {
        let (name, number) = arn.strip_prefix(&self.prefix())?.rsplit_once(':')?;
        Some(LayerVersion { name, number: number.parse().ok()? })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn archive(file: &Path) -> Result<ZipArchive<BufReader<File>>, String> {
    let file = File::open(file).map_err(|e| e.to_string())?;
    ZipArchive::new(BufReader::new(file)).map_err(|e| e.to_string())
}

fn unpacked_size(file: &Path) -> Result<u64, ApiError> {
    let unreadable = || ApiError::invalid("Could not unzip uploaded file");
    let mut archive = archive(file).map_err(|_| unreadable())?;
    let mut size = 0;
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(|_| unreadable())?;
        if entry.enclosed_name().is_none() {
            return Err(unreadable());
        }
        size += entry.size();
    }
    Ok(size)
}

fn unknown(arn: &str) -> ApiError {
    ApiError::invalid(format!("Layer version {arn} does not exist."))
}

fn failed(problem: &io::Error) -> ApiError {
    ApiError::service(format!("The layer can't be stored: {problem}"))
}
