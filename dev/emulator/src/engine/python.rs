//! Commands that run a function: the machine's Python with a runtime client.

use std::path::{Path, PathBuf};

use tokio::process::Command;
use tokio::sync::OnceCell;

use super::interpreter::Interpreter;
use super::options::{EngineOptions, RuntimeClient};
use super::runtime_client;
use crate::process::Launcher;
use crate::terminal::say;

/// Finds the interpreter and the client once, in the background or at the first use.
#[derive(Debug)]
pub(super) struct Python {
    launcher: Launcher,
    root: PathBuf,
    scripts: PathBuf,
    options: EngineOptions,
    interpreter: OnceCell<Result<Interpreter, String>>,
    /// The folder of AWS's client; `None` where the built-in one is used.
    client: OnceCell<Option<PathBuf>>,
}

impl Python {
    /// Writes the scripts that start a client into the folder `scripts`.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn new(
        launcher: Launcher,
        root: &Path,
        scripts: PathBuf,
        options: EngineOptions,
    ) -> std::io::Result<Self> {
        std::fs::create_dir_all(&scripts)?;
        std::fs::write(scripts.join("launch.py"), include_str!("launch.py"))?;
        std::fs::write(scripts.join("runtime_client.py"), include_str!("runtime_client.py"))?;
        Ok(Self {
            launcher,
            root: root.to_owned(),
            scripts,
            options,
            interpreter: OnceCell::new(),
            client: OnceCell::new(),
        })
    }

    /// Finds everything that an invocation needs.
    pub(super) async fn prepare(&self) {
        if let Ok(interpreter) = self.interpreter().await {
            self.client(interpreter).await;
        }
    }

    /// Whether there is a Python that runs.
    ///
    /// # Errors
    /// A sentence that names what the machine lacks.
    pub(super) async fn check(&self) -> Result<(), String> {
        self.interpreter().await.map(drop)
    }

    /// The interpreter.
    ///
    /// # Errors
    /// A sentence that names what the machine lacks.
    pub(super) async fn program(&self) -> Result<PathBuf, String> {
        self.interpreter().await.map(|interpreter| interpreter.program.clone())
    }

    /// What is known of the interpreter by now, for people.
    pub(super) fn summary(&self) -> String {
        match self.interpreter.get() {
            Some(Ok(python)) => {
                format!("Python {}, not isolated: for development", python.version)
            }
            Some(Err(_)) => "no python3 was found: functions can't be run".to_owned(),
            None => "the host's Python, not isolated: for development".to_owned(),
        }
    }

    /// A command that runs `handler` in its current folder. Its environment isn't set yet.
    ///
    /// # Errors
    /// A sentence that names what the machine lacks.
    pub(super) async fn command(&self, handler: &str) -> Result<Command, String> {
        let python = self.interpreter().await?;
        let mut command = self.launcher.command(&python.program);
        command.args(["-S", "-s", "-X", "utf8"]);
        match self.client(python).await {
            Some(folder) => command.arg(self.scripts.join("launch.py")).arg(folder),
            None => command.arg(self.scripts.join("runtime_client.py")),
        };
        command.arg(handler);
        Ok(command)
    }

    async fn interpreter(&self) -> Result<&Interpreter, String> {
        let found = self.interpreter.get_or_init(|| Interpreter::find(self.options.python)).await;
        found.as_ref().map_err(Clone::clone)
    }

    async fn client(&self, interpreter: &Interpreter) -> Option<&PathBuf> {
        let client = self.client.get_or_init(async || {
            if self.options.client == RuntimeClient::BuiltIn {
                return None;
            }
            match runtime_client::folder(&self.root, interpreter, self.launcher).await {
                Ok(folder) => Some(folder),
                Err(problem) => {
                    say(format_args!(
                        "functions run with the engine's own runtime client, because AWS's can't \
                         be had: {problem}"
                    ));
                    None
                }
            }
        });
        client.await.as_ref()
    }
}
