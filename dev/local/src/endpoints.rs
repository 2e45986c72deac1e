//! The environment that other programs need to use a running stack.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};

use emulator::data_folder::{DataFolder, DataFolderError};
use emulator::engine::Engine;
use emulator::stores::{ACCESS_KEY_ID, SECRET_ACCESS_KEY, Stores};
use emulator::template::Template;

/// Why the endpoints can't be written or read.
#[derive(Debug, thiserror::Error)]
pub enum EndpointsError {
    /// No stack runs with the folder.
    #[error(
        "no `cargo local` is running with {0}; start it first, with the same --data and without --ephemeral"
    )]
    NotRunning(String),
    /// It is not ready yet.
    #[error("`cargo local` is still starting with {0}; try again once it says Ready")]
    Starting(String),
    /// The file can't be read or written.
    #[error("{path} can't be used: {source}")]
    Io {
        /// The file.
        path: String,
        /// The system's error.
        source: io::Error,
    },
}

/// The variables that lead AWS clients to `stores` and `engine`, with credentials that only these
/// take.
pub fn variables(stores: &Stores, engine: &Engine, region: &str) -> BTreeMap<String, String> {
    [
        ("AWS_ENDPOINT_URL_DYNAMODB", stores.dynamodb_url()),
        ("AWS_ENDPOINT_URL_S3", stores.s3_url()),
        ("AWS_ENDPOINT_URL_LAMBDA", engine.url()),
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID),
        ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY),
        ("AWS_REGION", region),
        ("AWS_DEFAULT_REGION", region),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// The file with a running stack's endpoints. Dropping it deletes the file.
#[derive(Debug)]
pub struct EndpointsFile(PathBuf);

impl EndpointsFile {
    /// Writes the variables of every Lambda of `template`, of the stores and of the engine.
    ///
    /// # Errors
    /// Where the file can't be written.
    pub fn write(
        folder: &DataFolder,
        template: &Template,
        stores: &Stores,
        engine: &Engine,
    ) -> Result<Self, EndpointsError> {
        let mut variables = variables(stores, engine, &template.region);
        for function in &template.functions {
            variables.extend(function.environment.clone());
        }
        let path = file(folder.path());
        let new = path.with_extension("json.new");
        // Renamed, so that a reader never sees half of it.
        serde_json::to_vec_pretty(&variables)
            .map_err(io::Error::from)
            .and_then(|text| std::fs::write(&new, text))
            .and_then(|()| std::fs::rename(&new, &path))
            .map_err(|source| EndpointsError::Io { path: path.display().to_string(), source })?;
        Ok(Self(path))
    }
}

impl Drop for EndpointsFile {
    fn drop(&mut self) {
        // A file that stays does no harm: readers check whether the stack runs.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// `export NAME='value'` lines for the stack that runs with the folder `data`.
///
/// # Errors
/// Where no stack runs.
pub fn export_lines(data: &Path) -> Result<String, EndpointsError> {
    let name = data.display().to_string();
    let path = file(data);
    let io_error =
        |source: io::Error| EndpointsError::Io { path: path.display().to_string(), source };
    if !DataFolder::is_in_use(data).map_err(io_error)? {
        return Err(EndpointsError::NotRunning(name));
    }
    let text = match std::fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(EndpointsError::Starting(name));
        }
        text => text.map_err(io_error)?,
    };
    let variables: BTreeMap<String, String> =
        serde_json::from_slice(&text).map_err(|e| io_error(e.into()))?;
    // With these an AWS client would not send the key below.
    let mut lines = "unset AWS_PROFILE AWS_SESSION_TOKEN\n".to_owned();
    for (name, value) in variables {
        let quoted = value.replace('\'', r"'\''");
        // Writing to a String can't fail.
        let _ = writeln!(lines, "export {name}='{quoted}'");
    }
    Ok(lines)
}

/// Removes the file of a stack that was killed.
///
/// # Errors
/// Where the file exists and can't be deleted.
pub fn remove_stale(folder: &DataFolder) -> Result<(), DataFolderError> {
    match std::fs::remove_file(file(folder.path())) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(DataFolderError::Io { folder: folder.path().display().to_string(), source })
        }
        _ => Ok(()),
    }
}

fn file(data: &Path) -> PathBuf {
    data.join("endpoints.json")
}
