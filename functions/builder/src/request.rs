//! What the builder is asked.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::target::{Architecture, PythonVersion};

/// An event of the builder.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Request {
    /// Choose versions.
    Resolve(Resolve),
    /// Install chosen versions, and store them as a zip.
    Install(Install),
}

/// Chooses a version for each package that some requirements need.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resolve {
    /// The text of a requirements file. Options, URLs and paths are not allowed in it.
    pub requirements: String,
    /// The version of Python that the packages are for.
    pub python: PythonVersion,
    /// The architecture that the packages are for.
    pub architecture: Architecture,
    /// Only files uploaded before this are considered. The index must tell upload times then.
    #[serde(default)]
    pub as_of: Option<Timestamp>,
    /// The index, `http` or `https`, maybe with a user and a password. PyPI where there is none.
    #[serde(default)]
    pub index: Option<String>,
}

/// Installs the packages of a lock, and stores the zip of a layer.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Install {
    /// What resolving has answered.
    pub lock: String,
    /// The version of Python that the packages are for.
    pub python: PythonVersion,
    /// The architecture that the packages are for.
    pub architecture: Architecture,
    /// The index, as for resolving.
    #[serde(default)]
    pub index: Option<String>,
    /// The most bytes of the layer's files, unzipped.
    pub limit_bytes: u64,
    /// Where the zip goes.
    pub put: Put,
}

/// An HTTP PUT, such as one that S3 has signed.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Put {
    /// The URL.
    pub url: String,
    /// The headers that the signature covers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

// Without the index and the URL of the PUT, which hold credentials.
impl fmt::Debug for Resolve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolve")
            .field("python", &self.python)
            .field("architecture", &self.architecture)
            .field("as_of", &self.as_of)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Install {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Install")
            .field("python", &self.python)
            .field("architecture", &self.architecture)
            .field("limit_bytes", &self.limit_bytes)
            .finish_non_exhaustive()
    }
}
