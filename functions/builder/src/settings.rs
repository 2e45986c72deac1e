//! What a builder is made with.

use std::path::PathBuf;
use std::time::Duration;

/// The settings of a builder. All paths are absolute.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The interpreter that builds source distributions, for whichever version of Python.
    pub python: PathBuf,
    /// The folder of the interpreter's shared library, where the system's linker doesn't find it.
    pub libraries: Option<PathBuf>,
    /// The folder that is wiped before and after each build. Nothing else may use it.
    pub work: PathBuf,
    /// Where `uv` is.
    pub uv: UvSource,
    /// A file of root certificates, for `uv`. Without one it uses those that it brings.
    pub certificates: Option<PathBuf>,
    /// What packages are for.
    pub targets: Targets,
    /// The time limits.
    pub limits: Limits,
}

/// What packages are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Targets {
    /// What each request says.
    AsRequested,
    /// The builder's own interpreter and machine, which run the functions of a local stack.
    OwnMachine,
}

/// Where the managed runtime of AWS Lambda has its interpreter and the library of that.
const LAMBDA_PYTHON: &str = "/var/lang/bin/python3.13";
const LAMBDA_LIBRARIES: &str = "/var/lang/lib";

impl Settings {
    /// The settings on AWS Lambda. A local stack has its own interpreter (`BUILDER_PYTHON`), work folder
    /// (`BUILDER_WORK`) and folder of `uv` (`BUILDER_UV`), and packages for its own machine.
    #[must_use]
    pub fn from_env() -> Self {
        let path = |name| std::env::var_os(name).map(PathBuf::from);
        let python = path("BUILDER_PYTHON");
        let is_local = python.is_some();
        Self {
            python: python.unwrap_or_else(|| LAMBDA_PYTHON.into()),
            libraries: (!is_local).then(|| LAMBDA_LIBRARIES.into()),
            work: path("BUILDER_WORK").unwrap_or_else(|| "/tmp".into()),
            uv: UvSource::Download(path("BUILDER_UV").unwrap_or_else(|| "/tmp/uv".into())),
            certificates: path("SSL_CERT_FILE"),
            targets: if is_local { Targets::OwnMachine } else { Targets::AsRequested },
            limits: Limits::default(),
        }
    }
}

/// Where `uv` is.
#[derive(Clone, Debug)]
pub enum UvSource {
    /// A program that builds can't replace.
    Program(PathBuf),
    /// A folder into which it is downloaded at its first use. It may be in the work folder, directly.
    Download(PathBuf),
}

/// How long `uv` may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// To resolve requirements.
    pub resolve: Duration,
    /// To install packages.
    pub install: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { resolve: Duration::from_secs(120), install: Duration::from_secs(300) }
    }
}
