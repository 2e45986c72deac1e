//! What a test may change of an engine.

use std::time::Duration;

/// How long a change takes. On AWS it is a second or more; here it is only long enough that a
/// caller who doesn't wait fails.
const UPDATE_DELAY: Duration = Duration::from_millis(50);

/// The client of the Runtime API that runs a function's code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RuntimeClient {
    /// AWS's, from PyPI; the built-in one where AWS's can't be installed.
    #[default]
    Aws,
    /// The engine's, which needs no network.
    BuiltIn,
}

/// What a test may change of an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineOptions {
    /// The program that runs functions, on the search path.
    pub python: &'static str,
    /// Which runtime client it runs.
    pub client: RuntimeClient,
    /// How long a new function is pending, and a changed one in progress.
    pub update_delay: Duration,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self { python: "python3", client: RuntimeClient::default(), update_delay: UPDATE_DELAY }
    }
}
