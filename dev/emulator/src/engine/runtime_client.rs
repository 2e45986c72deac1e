//! AWS's runtime client for Python, and boto3 as in AWS's runtime, installed into the project's folder
//! at their first use.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::interpreter::Interpreter;
use crate::process::{self, Launcher};
use crate::terminal::say;

/// The client, boto3, and what they need, with hashes.
const PACKAGES: &str = include_str!("runtime_client.txt");

/// The name of the folder. Each version has its own, so none is ever changed.
const FOLDER: &str = "awslambdaric-4.2.2-boto3-1.44.8";

/// How long a failed installation is not repeated: without a network each try takes seconds.
const RETRY_AFTER: Duration = Duration::from_secs(600);

/// The folder of the client for `python`, below the project at `root`.
///
/// # Errors
/// A sentence with the reason.
pub(super) async fn folder(
    root: &Path,
    python: &Interpreter,
    launcher: Launcher,
) -> Result<PathBuf, String> {
    let parent = root.join(".engine");
    let folder = parent.join(format!("{FOLDER}-{}", python.tag));
    if folder.is_dir() {
        return Ok(folder);
    }
    std::fs::create_dir_all(&parent)
        .map_err(|e| format!("{} can't be created: {e}", parent.display()))?;
    // Several stacks and tests may come here at once: one downloads, the others wait.
    let path = parent.join("lock");
    let lock = tokio::task::spawn_blocking(move || -> io::Result<File> {
        let file = File::create(path)?;
        file.lock()?;
        Ok(file)
    });
    let _lock = match lock.await {
        Ok(lock) => lock.map_err(|e| format!("{} can't be locked: {e}", parent.display()))?,
        Err(stopped) => return Err(stopped.to_string()),
    };
    if folder.is_dir() {
        return Ok(folder);
    }
    let failure = folder.with_extension("failed");
    if let Some(problem) = recent_failure(&failure) {
        return Err(problem);
    }
    say(format_args!("downloading AWS's runtime client for Python and boto3 ({FOLDER}), once"));
    let result = install(&parent, &folder, python, launcher).await;
    match &result {
        Ok(()) => say("the runtime client is installed"),
        // If this can't be written, the next start tries again.
        Err(problem) => drop(std::fs::write(&failure, problem)),
    }
    result.map(|()| folder)
}

fn recent_failure(failure: &Path) -> Option<String> {
    let age = std::fs::metadata(failure).ok()?.modified().ok()?.elapsed().ok()?;
    let problem = std::fs::read_to_string(failure).ok()?;
    (age < RETRY_AFTER).then_some(problem)
}

async fn install(
    parent: &Path,
    folder: &Path,
    python: &Interpreter,
    launcher: Launcher,
) -> Result<(), String> {
    // In a folder beside it, which is renamed once it is complete.
    let new = tempfile::Builder::new()
        .prefix("new-")
        .tempdir_in(parent)
        .map_err(|e| format!("no folder could be created: {e}"))?;
    let requirements = new.path().join("requirements.txt");
    std::fs::write(&requirements, PACKAGES)
        .map_err(|e| format!("{} can't be written: {e}", requirements.display()))?;
    let mut pip = launcher.command(&python.program);
    pip.args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"])
        .args(["--no-deps", "--only-binary", ":all:", "--require-hashes"])
        .args(["--retries", "1", "--timeout", "10"])
        .arg("--target")
        .arg(new.path())
        .arg("--requirement")
        .arg(&requirements);
    run(pip, "pip").await?;
    let mut check = launcher.command(&python.program);
    let import = "import sys; sys.path[0] = sys.argv[1]\n\
                  import awslambdaric.bootstrap, awslambdaric.lambda_runtime_client, runtime_client";
    check.args(["-S", "-s", "-c", import]).arg(new.path());
    run(check, "a first use").await?;
    std::fs::rename(new.path(), folder)
        .map_err(|e| format!("{} can't be put in place: {e}", folder.display()))?;
    // It is no longer where it would be deleted.
    drop(new.keep());
    Ok(())
}

async fn run(command: tokio::process::Command, what: &str) -> Result<(), String> {
    let output = process::output(command).await.map_err(|e| format!("{what} can't be run: {e}"))?;
    if output.status.success() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let last = stderr.lines().rev().find(|line| !line.trim().is_empty());
    Err(format!("{what} failed: {}", last.unwrap_or("it wrote nothing")))
}
