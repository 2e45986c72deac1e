//! What the builder answers.

use serde::{Deserialize, Serialize};

/// The answer to a request.
///
/// The messages are sentences for the function's owner. They hold no path of the builder, no credentials,
/// and no value of its environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Answer {
    /// The versions are chosen.
    Resolved {
        /// A requirements file with the version and the hashes of each package, for an installation.
        lock: String,
        /// The packages in the order of their names.
        packages: Vec<ResolvedPackage>,
    },
    /// The layer is stored. The same lock makes the same bytes each time, unless a source distribution
    /// builds something else each time.
    Installed {
        /// The bytes of the layer's files.
        unzipped_bytes: u64,
        /// The bytes of the zip.
        zipped_bytes: u64,
        /// The SHA-256 of the zip, in hexadecimal.
        zip_sha256: String,
        /// The packages in the order of their names.
        packages: Vec<InstalledPackage>,
    },
    /// The request can't be met, and repeating it doesn't help.
    Refused {
        /// Why.
        message: String,
    },
    /// The package index, or the host that has its files, couldn't be reached.
    Unreachable {
        /// Which host, and why.
        message: String,
    },
}

/// A package of a lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolvedPackage {
    /// The name in its normal form: small letters, with `-` between words.
    pub name: String,
    /// The version.
    pub version: String,
}

/// A package of a layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstalledPackage {
    /// The name in its normal form: small letters, with `-` between words.
    pub name: String,
    /// The version.
    pub version: String,
    /// The bytes of its files in the layer, unzipped.
    pub bytes: u64,
}
