//! The machine's Python, and the runtime client that it runs a function with.

use std::path::{Path, PathBuf};

use tokio::process::Command;
use tokio::sync::OnceCell;

use super::client;
use super::{EngineOptions, RuntimeClient};
use crate::process::{self, Launcher};
use crate::terminal::say;

/// What an invocation is answered where there is no Python.
const NO_PYTHON: &str =
    "no python3 was found on this machine; install Python 3.11 or later and start again";

const PROBE: &str = "import sys, sysconfig\n\
    print(sys.executable)\n\
    print('%d.%d.%d' % sys.version_info[:3])\n\
    print(sys.implementation.cache_tag + '-' + sysconfig.get_platform())";

/// A Python that runs.
#[derive(Clone, Debug)]
pub(super) struct Interpreter {
    /// The program itself, not one that would look for it each time.
    pub(super) program: PathBuf,
    /// Such as 3.11.7.
    pub(super) version: String,
    /// Version and platform, as what is compiled for it is marked with.
    pub(super) tag: String,
}

/// How functions are run. Found out in the background; whoever needs it waits.
#[derive(Debug)]
pub(super) struct Python {
    launcher: Launcher,
    root: PathBuf,
    scripts: PathBuf,
    options: EngineOptions,
    interpreter: OnceCell<Result<Interpreter, String>>,
    /// The folder of AWS's client; `None` where our own is used.
    client: OnceCell<Option<PathBuf>>,
}

impl Python {
    /// Puts what is needed to start a client into the folder `scripts`.
    ///
    /// # Errors
    /// What the system says.
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

    /// Finds out everything that an invocation needs.
    pub(super) async fn prepare(&self) {
        if self.interpreter().await.is_ok() {
            self.client().await;
        }
    }

    /// Whether there is a Python that runs.
    ///
    /// # Errors
    /// A sentence that says what the machine lacks.
    pub(super) async fn check(&self) -> Result<(), String> {
        self.interpreter().await.map(drop)
    }

    /// What is known of the Python by now, for people.
    pub(super) fn summary(&self) -> String {
        match self.interpreter.get() {
            Some(Ok(python)) => {
                format!("Python {}, not isolated: for development", python.version)
            }
            Some(Err(_)) => "no python3 was found: functions can't be run".to_owned(),
            None => "the host's Python, not isolated: for development".to_owned(),
        }
    }

    /// A command that runs `handler` in the folder it is given, with no environment yet.
    ///
    /// # Errors
    /// A sentence that says what the machine lacks.
    pub(super) async fn command(&self, handler: &str) -> Result<Command, String> {
        let python = self.interpreter().await?;
        let mut command = self.launcher.command(&python.program);
        command.args(["-S", "-s", "-X", "utf8"]);
        match self.client().await {
            Some(folder) => command.arg(self.scripts.join("launch.py")).arg(folder),
            None => command.arg(self.scripts.join("runtime_client.py")),
        };
        command.arg(handler);
        Ok(command)
    }

    async fn interpreter(&self) -> Result<&Interpreter, String> {
        let found = self.interpreter.get_or_init(|| find(self.options.python)).await;
        found.as_ref().map_err(Clone::clone)
    }

    async fn client(&self) -> Option<&PathBuf> {
        let client = self.client.get_or_init(async || {
            let Some(Ok(python)) = self.interpreter.get() else { return None };
            if self.options.client == RuntimeClient::OurOwn {
                return None;
            }
            match client::folder(&self.root, python, self.launcher).await {
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

async fn find(program: &str) -> Result<Interpreter, String> {
    // Directly, so that a missing program is told from one that fails.
    let mut command = Launcher::Direct.command(program);
    command.args(["-c", PROBE]);
    let output = process::output(command).await.map_err(|_| NO_PYTHON.to_owned())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut lines = text.lines().map(str::to_owned);
    match (lines.next(), lines.next(), lines.next()) {
        (Some(program), Some(version), Some(tag)) if output.status.success() => {
            Ok(Interpreter { program: program.into(), version, tag })
        }
        _ => {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            Err(format!("{NO_PYTHON} (the one that is there does not run: {said})"))
        }
    }
}
