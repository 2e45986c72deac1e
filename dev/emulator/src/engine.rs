//! A local stand-in for AWS Lambda: the part of its API that our engine client
//! uses, over processes of this machine's `python3`.
//!
//! Nothing isolates the functions from the machine: for development only.

mod api;
mod client;
mod code;
mod crew;
mod excerpt;
mod function;
mod memory;
mod output;
mod python;
mod refusal;
mod registry;
mod sandbox;
mod settings;
mod shelf;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use crate::background::Background;
use crate::process::Launcher;
use crate::terminal;
use crew::Ground;
use python::Python;
use registry::Registry;

/// How long a change takes. On AWS it is a second or more; here it is only long
/// enough that whoever doesn't wait for it fails.
const UPDATE_DELAY: Duration = Duration::from_millis(50);

/// How often idle processes are looked for.
const IDLE_CHECK_INTERVAL: Duration = Duration::from_secs(30);

/// Which client of the Runtime API runs a function's code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RuntimeClient {
    /// AWS's own, from PyPI; where that can't be had, the engine's.
    #[default]
    OfAws,
    /// The engine's, which needs no network.
    OurOwn,
}

/// What a test may want different of an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineOptions {
    /// The program that runs functions, as the search path finds it.
    pub python: &'static str,
    /// What it runs them with.
    pub client: RuntimeClient,
    /// How long a new function is pending, and a changed one in progress.
    pub update_delay: Duration,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self { python: "python3", client: RuntimeClient::default(), update_delay: UPDATE_DELAY }
    }
}

/// What a caller asked for: a function, and the version if one was named.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Named {
    name: String,
    version: Option<String>,
}

/// A running engine. Dropping it kills all functions' processes; what was stored stays.
///
/// All of its tasks run on threads of its own, so a caller may pause its runtime's clock.
#[derive(Debug)]
pub struct Engine {
    url: String,
    ground: Arc<Ground>,
    // Dropped before the folder in which functions run.
    background: Background,
    _scratch: TempDir,
}

impl Engine {
    /// Starts an engine with the functions stored in `folder`, which is created if it is
    /// missing. AWS's runtime client is kept in `.engine` below the project at `root`.
    /// Python is looked for in the background.
    ///
    /// # Errors
    /// Where no port is free, or `folder` can't be used.
    pub fn start(folder: &Path, launcher: Launcher, region: &str, root: &Path) -> io::Result<Self> {
        Self::start_with(folder, launcher, region, root, EngineOptions::default())
    }

    /// As [`Engine::start`], with options for tests.
    ///
    /// # Errors
    /// As [`Engine::start`].
    pub fn start_with(
        folder: &Path,
        launcher: Launcher,
        region: &str,
        root: &Path,
        options: EngineOptions,
    ) -> io::Result<Self> {
        let background = Background::new("engine", 2)?;
        let (listener, url) = background.listen()?;
        let scratch = tempfile::Builder::new().prefix("faas-engine-").tempdir()?;
        let python = Python::new(launcher, root, scratch.path().join("bin"), options)?;
        let ground = Arc::new(Ground {
            region: region.to_owned(),
            python,
            scratch: scratch.path().to_owned(),
            update_delay: options.update_delay,
        });
        let registry = Arc::new(Registry::open(folder.join("functions"), ground.clone())?);
        let router = api::router(registry.clone());
        background.spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                terminal::say(format_args!("the engine ended: {error}"));
            }
        });
        let prepared = ground.clone();
        background.spawn(async move { prepared.python.prepare().await });
        background.spawn(async move {
            loop {
                tokio::time::sleep(IDLE_CHECK_INTERVAL).await;
                registry.end_idle();
            }
        });
        Ok(Self { url, ground, background, _scratch: scratch })
    }

    /// `http://127.0.0.1:PORT`, for `AWS_ENDPOINT_URL_LAMBDA`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Waits until it is known whether functions can be run. The caller's runtime may be any.
    ///
    /// # Errors
    /// A sentence that says what the machine lacks.
    pub async fn check(&self) -> Result<(), String> {
        let ground = self.ground.clone();
        let stopped = || "the local engine has stopped".to_owned();
        let check = self.background.spawn(async move { ground.python.check().await });
        check.ok_or_else(stopped)?.await.map_err(|_| stopped())?
    }

    /// Which Python runs the functions, for people: a few words.
    pub fn summary(&self) -> String {
        self.ground.python.summary()
    }
}
