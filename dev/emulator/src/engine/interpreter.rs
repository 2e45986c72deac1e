//! The machine's Python.

use std::path::PathBuf;

use crate::process::{self, Launcher};

/// The error of an invocation where there is no Python.
const NO_PYTHON: &str =
    "no python3 was found on this machine; install Python 3.11 or later and start again";

const PROBE: &str = "import sys, sysconfig\n\
    print(sys.executable)\n\
    print('%d.%d.%d' % sys.version_info[:3])\n\
    print(sys.implementation.cache_tag + '-' + sysconfig.get_platform())";

/// A Python that runs.
#[derive(Clone, Debug)]
pub(super) struct Interpreter {
    /// The program itself, not a wrapper that would look for it each time.
    pub(super) program: PathBuf,
    /// Such as 3.11.7.
    pub(super) version: String,
    /// Version and platform, as compiled modules are marked.
    pub(super) tag: String,
}

impl Interpreter {
    /// Runs `program` to learn about it.
    ///
    /// # Errors
    /// A sentence that names what the machine lacks.
    pub(super) async fn find(program: &str) -> Result<Self, String> {
        // Without a launcher, which would hide that the program is missing.
        let mut command = Launcher::Direct.command(program);
        command.args(["-c", PROBE]);
        let output = process::output(command).await.map_err(|_| NO_PYTHON.to_owned())?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut lines = text.lines().map(str::to_owned);
        match (lines.next(), lines.next(), lines.next()) {
            (Some(program), Some(version), Some(tag)) if output.status.success() => {
                Ok(Self { program: program.into(), version, tag })
            }
            _ => {
                let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
                Err(format!("{NO_PYTHON} (the one that is there does not run: {stderr})"))
            }
        }
    }
}
