//! Builds the Lambdas with cargo, and keeps each build's binaries as long as they are used.

use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::SystemTime;

use rustix::process::Signal;
use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::process::Child;

use emulator::process::{self, Launcher};
use emulator::terminal;
use emulator::worker_pool::Binary;

/// Why a build has no result.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Cargo could not be run.
    #[error("cargo can't be run ({0}); is Rust installed, and is cargo on the PATH?")]
    NoCargo(io::Error),
    /// Cargo failed; its message went to stderr.
    #[error("the Lambdas could not be built; cargo says why above")]
    Failed,
    /// Cargo succeeded without this binary.
    #[error(
        "cargo made no binary {0:?}, which template.yaml names under Metadata.BuildProperties.Binary; correct the name there"
    )]
    NoBinary(String),
    /// The binaries could not be copied.
    #[error("the built binaries could not be copied to {folder}: {source}")]
    Copy {
        /// The target.
        folder: String,
        /// The system's error.
        source: io::Error,
    },
}

/// Builds the binaries of one workspace.
#[derive(Debug)]
pub struct Builder {
    root: PathBuf,
    binaries: Vec<String>,
    folder: PathBuf,
    launcher: Launcher,
    generation: u32,
    /// The time and size of each binary at its last build.
    built: HashMap<String, (SystemTime, u64)>,
}

/// A folder of binaries, deleted when the last of them is out of use.
#[derive(Debug)]
struct Generation(PathBuf);

impl Builder {
    /// A builder of `binaries` of the workspace at `root`. Results are kept below `folder`, which is
    /// emptied first.
    ///
    /// # Errors
    /// Where `folder` can't be emptied.
    pub fn new(
        root: &Path,
        binaries: Vec<String>,
        folder: PathBuf,
        launcher: Launcher,
    ) -> Result<Self, BuildError> {
        match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(copy_error(&folder, error))
            }
            _ => Ok(Self {
                root: root.to_owned(),
                binaries,
                folder,
                launcher,
                generation: 0,
                built: HashMap::new(),
            }),
        }
    }

    /// Runs cargo, whose progress goes to the terminal, and returns the binaries that changed since
    /// the last build. Dropping the future ends cargo.
    ///
    /// # Errors
    /// One sentence; the compiler's messages have gone to the terminal.
    pub async fn build(&mut self) -> Result<BTreeMap<String, Binary>, BuildError> {
        let executables = self.run_cargo().await?;
        let mut changed = Vec::new();
        for name in &self.binaries {
            let path = executables.get(name).ok_or_else(|| BuildError::NoBinary(name.clone()))?;
            let metadata = path.metadata().map_err(|e| copy_error(path, e))?;
            let modified = metadata.modified().map_err(|e| copy_error(path, e))?;
            let version = (modified, metadata.len());
            if self.built.get(name) != Some(&version) {
                changed.push((name.clone(), path.clone(), version));
            }
        }
        if changed.is_empty() {
            return Ok(BTreeMap::new());
        }
        // Copies: the next build overwrites cargo's files, even if it fails, and workers of this
        // build may still be started.
        self.generation += 1;
        let folder = self.folder.join(self.generation.to_string());
        std::fs::create_dir_all(&folder).map_err(|e| copy_error(&folder, e))?;
        let generation = Arc::new(Generation(folder.clone()));
        let mut binaries = BTreeMap::new();
        for (name, built, version) in changed {
            let path = folder.join(&name);
            std::fs::copy(&built, &path).map_err(|e| copy_error(&folder, e))?;
            self.built.insert(name.clone(), version);
            binaries.insert(name, Binary { path, guard: Some(generation.clone()) });
        }
        Ok(binaries)
    }

    async fn run_cargo(&self) -> Result<HashMap<String, PathBuf>, BuildError> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = self.launcher.command(cargo);
        command.current_dir(&self.root);
        // With binaries and no package cargo unifies features over the whole workspace, as
        // `cargo local` and `cargo test` do, so no dependency is compiled twice.
        command.args(["build", "--message-format=json-render-diagnostics"]);
        for name in &self.binaries {
            command.args(["--bin", name]);
        }
        if !cfg!(debug_assertions) {
            command.arg("--release");
        }
        for (name, _) in std::env::vars_os() {
            if is_set_by_cargo(&name) {
                command.env_remove(name);
            }
        }
        for name in ["LD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH"] {
            match std::env::var_os(name).map(|paths| without_cargos_paths(&paths)) {
                Some(paths) if paths.is_empty() => command.env_remove(name),
                Some(paths) => command.env(name, paths),
                None => &mut command,
            };
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut cargo = Cargo(process::spawn(command).await.map_err(BuildError::NoCargo)?);
        let mut messages = Vec::new();
        if let Some(stdout) = &mut cargo.0.stdout {
            stdout.read_to_end(&mut messages).await.map_err(BuildError::NoCargo)?;
        }
        if !cargo.0.wait().await.map_err(BuildError::NoCargo)?.success() {
            return Err(BuildError::Failed);
        }
        Ok(executables(&messages))
    }
}

impl Drop for Generation {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            terminal::say(format_args!("{} could not be deleted: {error}", self.0.display()));
        }
    }
}

/// A running cargo. Dropping it ends it with its compilers.
struct Cargo(Child);

impl Drop for Cargo {
    fn drop(&mut self) {
        process::signal_group(&self.0, Signal::TERM);
    }
}

/// The binaries in cargo's messages, one JSON object a line.
fn executables(messages: &[u8]) -> HashMap<String, PathBuf> {
    let mut found = HashMap::new();
    for line in messages.split(|byte| *byte == b'\n') {
        let Ok(message) = serde_json::from_slice::<Value>(line) else { continue };
        let is_binary = message["target"]["kind"][0] == "bin";
        if let (true, Some(name), Some(path)) =
            (is_binary, message["target"]["name"].as_str(), message["executable"].as_str())
        {
            found.insert(name.to_owned(), PathBuf::from(path));
        }
    }
    found
}

/// Whether an outer `cargo run` or `cargo test` set the variable for its child. Otherwise build
/// scripts that read it would run again whenever the builder and the developer alternate.
fn is_set_by_cargo(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    let prefixes = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_EXE_", "CARGO_TARGET_TMPDIR"];
    let names = ["CARGO_BIN_NAME", "CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE", "OUT_DIR"];
    prefixes.iter().any(|prefix| name.starts_with(prefix)) || names.contains(&name.as_ref())
}

/// Library search paths without those that cargo added: the folders of built crates, beside this
/// program, and the toolchain's.
fn without_cargos_paths(paths: &OsStr) -> OsString {
    let program = std::env::current_exe().unwrap_or_default();
    let built: Vec<&Path> = program.ancestors().skip(1).take(2).collect();
    let kept = std::env::split_paths(paths).filter(|path| {
        let is_built = built.iter().any(|folder| {
            folder.file_name().is_some_and(|name| name == "debug" || name == "release")
                && path.starts_with(folder)
        });
        let is_toolchain = path.components().any(|part| part.as_os_str() == "rustlib")
            || path.parent().is_some_and(|p| p.parent().is_some_and(|p| p.ends_with("toolchains")));
        !is_built && !is_toolchain
    });
    // Paths that were split at the separator can be joined again.
    std::env::join_paths(kept).unwrap_or_default()
}

fn copy_error(folder: &Path, source: io::Error) -> BuildError {
    BuildError::Copy { folder: folder.display().to_string(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executables_are_read_from_cargos_messages() {
        let messages = br#"{"reason":"compiler-artifact","target":{"kind":["lib"],"name":"docs"},"executable":null}
not JSON
{"reason":"compiler-artifact","target":{"kind":["bin"],"name":"docs"},"executable":"/t/debug/docs"}
{"reason":"build-finished","success":true}"#;
        let expected = HashMap::from([("docs".to_owned(), PathBuf::from("/t/debug/docs"))]);
        assert_eq!(executables(messages), expected);
    }

    #[test]
    fn only_variables_and_paths_that_cargo_added_are_removed() {
        for name in ["CARGO_PKG_NAME", "CARGO_MANIFEST_DIR", "OUT_DIR", "CARGO_BIN_EXE_local"] {
            assert!(is_set_by_cargo(OsStr::new(name)), "{name}");
        }
        for name in ["CARGO", "CARGO_HOME", "CARGO_TARGET_DIR", "PATH", "RUSTUP_TOOLCHAIN"] {
            assert!(!is_set_by_cargo(OsStr::new(name)), "{name}");
        }
        let paths = OsStr::new("/usr/lib:/root/.rustup/toolchains/stable/lib");
        assert_eq!(without_cargos_paths(paths), OsString::from("/usr/lib"));
    }

    #[test]
    fn a_generation_is_deleted_when_nothing_uses_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("1");
        std::fs::create_dir(&path).unwrap();
        let first = Arc::new(Generation(path.clone()));
        let second = first.clone();
        drop(first);
        assert!(path.exists());
        drop(second);
        assert!(!path.exists());
    }
}
