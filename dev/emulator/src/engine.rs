//! An emulator of AWS Lambda's API, as far as our engine client uses it, over processes of this
//! machine's `python3`.
//!
//! Nothing isolates the functions from the machine: for development only.

mod api;
mod code;
mod concurrency;
mod context;
mod error;
mod function;
mod function_store;
mod hosted;
mod interpreter;
mod layers;
mod memory;
mod options;
mod output;
mod python;
mod registry;
mod runtime_client;
mod sandbox;
mod sandbox_pool;
mod settings;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use crate::background::Background;
use crate::process::Launcher;
use crate::terminal;
use bytes::Bytes;
use context::Context;
use hosted::HostedLambdas;
use layers::Layers;
use python::Python;
use registry::Registry;
use tokio::sync::mpsc::UnboundedReceiver;

pub use hosted::Answering;
pub use options::{EngineOptions, RuntimeClient};

/// How often idle processes are looked for.
const IDLE_CHECK_INTERVAL: Duration = Duration::from_secs(30);

/// A running engine. Dropping it kills all functions' processes; what was stored stays.
///
/// All of its tasks run on threads of its own, so a caller may pause its runtime's clock.
#[derive(Debug)]
pub struct Engine {
    url: String,
    context: Arc<Context>,
    registry: Arc<Registry>,
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
        let layers = Layers::open(folder.join("layers"), scratch.path(), region)?;
        let context = Arc::new(Context {
            region: region.to_owned(),
            python,
            layers,
            hosted: HostedLambdas::default(),
            scratch: scratch.path().to_owned(),
            update_delay: options.update_delay,
        });
        let registry = Arc::new(Registry::open(folder.join("functions"), context.clone())?);
        let router = api::router(registry.clone());
        background.spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                terminal::say(format_args!("the engine ended: {error}"));
            }
        });
        let prepared = context.clone();
        background.spawn(async move { prepared.python.prepare().await });
        let watched = registry.clone();
        background.spawn(async move {
            loop {
                tokio::time::sleep(IDLE_CHECK_INTERVAL).await;
                watched.end_idle();
            }
        });
        Ok(Self { url, context, registry, background, _scratch: scratch })
    }

    /// `http://127.0.0.1:PORT`, for `AWS_ENDPOINT_URL_LAMBDA`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Takes the content of layers from the embedded S3, whose buckets are in `folder`.
    pub fn serve_objects(&self, folder: &Path) {
        self.context.layers.serve_objects(folder);
    }

    /// Lets clients invoke one of the product's Lambdas by its `name`. `handle` answers
    /// synchronous invocations; the receiver gets the events of asynchronous ones.
    pub fn host(
        &self,
        name: &str,
        handle: impl Fn(Bytes) -> Answering + Send + Sync + 'static,
    ) -> UnboundedReceiver<Bytes> {
        self.context.hosted.add(name, Arc::new(handle))
    }

    /// Waits until it is known whether functions can be run. The caller's runtime may be any.
    ///
    /// # Errors
    /// A sentence that names what the machine lacks.
    pub async fn check(&self) -> Result<(), String> {
        let context = self.context.clone();
        let stopped = || "the local engine has stopped".to_owned();
        let check = self.background.spawn(async move { context.python.check().await });
        check.ok_or_else(stopped)?.await.map_err(|_| stopped())?
    }

    /// Completes all changes at once, for tests with a long [`EngineOptions::update_delay`].
    pub fn complete_updates(&self) {
        self.registry.activate_all();
    }

    /// The Python that runs the functions.
    ///
    /// # Errors
    /// A sentence that names what the machine lacks.
    pub async fn python(&self) -> Result<PathBuf, String> {
        let context = self.context.clone();
        let stopped = || "the local engine has stopped".to_owned();
        let find = self.background.spawn(async move { context.python.program().await });
        find.ok_or_else(stopped)?.await.map_err(|_| stopped())?
    }

    /// Which Python runs the functions, for people: a few words.
    pub fn summary(&self) -> String {
        self.context.python.summary()
    }
}
