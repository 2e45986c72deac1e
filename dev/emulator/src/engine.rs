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
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::process::Launcher;
use crate::terminal;
use crew::Ground;
use python::Python;
use registry::Registry;

/// How long a change takes. On AWS it is a second or more; here it is only long
/// enough that whoever doesn't wait for it fails.
const AT_WORK: Duration = Duration::from_millis(50);

/// How often idle processes are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Which client of the Runtime API runs a function's code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RuntimeClient {
    /// AWS's own, from PyPI; where that can't be had, the engine's.
    #[default]
    OfAws,
    /// The engine's, which needs no network.
    OurOwn,
}

/// How an engine behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behaviour {
    /// The program that runs functions, as the search path finds it.
    pub python: &'static str,
    /// What it runs them with.
    pub client: RuntimeClient,
    /// How long a new function is pending, and a changed one in progress.
    pub at_work: Duration,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self { python: "python3", client: RuntimeClient::default(), at_work: AT_WORK }
    }
}

/// What a caller asked for: a function, and the version if one was named.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Named {
    name: String,
    version: Option<String>,
}

/// A running engine. Dropping it ends all functions; what was kept stays.
#[derive(Debug)]
pub struct Engine {
    url: String,
    ground: Arc<Ground>,
    closing: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    _scratch: TempDir,
}

impl Engine {
    /// Starts an engine with the functions that stand in the folder `place`, which
    /// is made if it is not there. `root` is the project, whose folder `.engine`
    /// takes AWS's runtime client. Python is looked for in the background.
    ///
    /// # Errors
    /// Where a port can't be had, or `place` can't be used.
    pub async fn start(
        place: &Path,
        launcher: Launcher,
        region: &str,
        root: &Path,
    ) -> io::Result<Self> {
        Self::behaving(place, launcher, region, root, Behaviour::default()).await
    }

    /// As [`Engine::start`], for tests that want something else of it.
    ///
    /// # Errors
    /// As [`Engine::start`].
    pub async fn behaving(
        place: &Path,
        launcher: Launcher,
        region: &str,
        root: &Path,
        behaviour: Behaviour,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let scratch = tempfile::Builder::new().prefix("faas-engine-").tempdir()?;
        let python = Python::new(launcher, root, scratch.path().join("bin"), behaviour)?;
        let (closing, closed) = watch::channel(false);
        let ground = Arc::new(Ground {
            region: region.to_owned(),
            python,
            scratch: scratch.path().to_owned(),
            at_work: behaviour.at_work,
            closing: closed,
        });
        let registry = Arc::new(Registry::open(place.join("functions"), ground.clone())?);
        let router = api::router(registry.clone());
        let tasks = vec![
            tokio::spawn(async move {
                // It never ends by itself: the task is aborted when the engine is dropped.
                if let Err(error) = axum::serve(listener, router).await {
                    terminal::say(format_args!("the engine ended: {error}"));
                }
            }),
            tokio::spawn({
                let ground = ground.clone();
                async move { ground.python.prepare().await }
            }),
            tokio::spawn(async move {
                loop {
                    tokio::time::sleep(LOOK_EVERY).await;
                    registry.end_idle();
                }
            }),
        ];
        Ok(Self { url, ground, closing, tasks, _scratch: scratch })
    }

    /// `http://127.0.0.1:PORT`, for `AWS_ENDPOINT_URL_LAMBDA`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Waits until it is known whether functions can be run.
    ///
    /// # Errors
    /// A sentence that says what the machine lacks.
    pub async fn check(&self) -> Result<(), String> {
        self.ground.python.check().await
    }

    /// Which Python functions run with, for people: a few words.
    pub fn summary(&self) -> String {
        self.ground.python.summary()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // Invocations are tasks of their own, and end their processes when they see it.
        self.closing.send_replace(true);
        for task in &self.tasks {
            task.abort();
        }
    }
}
