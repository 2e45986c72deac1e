//! What all functions of an engine share.

use std::path::PathBuf;
use std::time::Duration;

use super::hosted::HostedLambdas;
use super::layers::Layers;
use super::python::Python;

/// What all functions of an engine share.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) region: String,
    pub(super) python: Python,
    pub(super) layers: Layers,
    pub(super) hosted: HostedLambdas,
    /// The folder below which code is unpacked.
    pub(super) scratch: PathBuf,
    /// How long a change takes.
    pub(super) update_delay: Duration,
}
