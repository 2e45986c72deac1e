//! What packages are installed for.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A version of Python.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PythonVersion {
    /// Runs on Amazon Linux 2, which has glibc 2.26.
    #[serde(rename = "3.11")]
    V3_11,
    /// Runs on Amazon Linux 2023, which has glibc 2.34.
    #[serde(rename = "3.12")]
    V3_12,
    /// Runs on Amazon Linux 2023, which has glibc 2.34.
    #[serde(rename = "3.13")]
    V3_13,
}

/// A processor architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Architecture {
    /// 64-bit ARM.
    Aarch64,
    /// 64-bit x86.
    X86_64,
}

/// Both of them. It is shown as in "no wheel for Python 3.13 on aarch64".
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) python: PythonVersion,
    pub(crate) architecture: Architecture,
}

impl Target {
    /// The platform, as `uv` names it.
    ///
    /// Of the platforms that `uv` knows, `manylinux_2_17` is the newest that Amazon Linux 2 can load, and
    /// most wheels are for `manylinux_2_28` or older ones.
    pub(crate) fn platform(self) -> String {
        let glibc = match self.python {
            PythonVersion::V3_11 => "2_17",
            PythonVersion::V3_12 | PythonVersion::V3_13 => "2_28",
        };
        format!("{}-manylinux_{glibc}", self.architecture)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Python {} on {}", self.python, self.architecture)
    }
}

impl fmt::Display for PythonVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V3_11 => "3.11",
            Self::V3_12 => "3.12",
            Self::V3_13 => "3.13",
        })
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Aarch64 => "aarch64",
            Self::X86_64 => "x86_64",
        })
    }
}
