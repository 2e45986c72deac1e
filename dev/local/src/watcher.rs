//! Watches the source for changes.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::event::{EventKind, ModifyKind};
use notify::{Event, RecommendedWatcher, RecursiveMode};
use tokio::sync::mpsc;

/// How long no change may come before a burst is over: editors and `git checkout` write many files
/// in a row.
const BURST_END: Duration = Duration::from_millis(300);

/// The source of the Lambdas.
const FOLDERS: [&str; 2] = ["functions", "shared"];
const FILES: [&str; 4] = ["Cargo.toml", "Cargo.lock", "template.yaml", "openapi.json"];
const EXTENSIONS: [&str; 8] = ["rs", "toml", "py", "html", "js", "css", "json", "yaml"];

/// Watches the source of a workspace until it is dropped.
#[derive(Debug)]
pub struct Watcher {
    changes: mpsc::UnboundedReceiver<PathBuf>,
    _watcher: RecommendedWatcher,
}

impl Watcher {
    /// Watches the workspace at `root`.
    ///
    /// # Errors
    /// The system's, such as that too many files are watched already.
    pub fn new(root: &Path) -> notify::Result<Self> {
        let (sender, changes) = mpsc::unbounded_channel();
        let top = root.to_owned();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            // An error is a lost event; the next one replaces it.
            let Ok(event) = event else { return };
            let is_write = match event.kind {
                EventKind::Create(_) | EventKind::Remove(_) | EventKind::Any => true,
                EventKind::Modify(kind) => !matches!(kind, ModifyKind::Metadata(_)),
                EventKind::Access(_) | EventKind::Other => false,
            };
            if is_write {
                for path in event.paths.into_iter().filter(|path| is_source(&top, path)) {
                    // It fails while the stack is stopping.
                    let _ = sender.send(path);
                }
            }
        })?;
        // Without recursion: not target/ and the other folders.
        notify::Watcher::watch(&mut watcher, root, RecursiveMode::NonRecursive)?;
        for folder in FOLDERS.map(|folder| root.join(folder)).iter().filter(|f| f.is_dir()) {
            notify::Watcher::watch(&mut watcher, folder, RecursiveMode::Recursive)?;
        }
        Ok(Self { changes, _watcher: watcher })
    }

    /// Waits for a burst of changes, and returns the changed paths.
    pub async fn changed(&mut self) -> Vec<PathBuf> {
        next_burst(&mut self.changes).await
    }
}

async fn next_burst(changes: &mut mpsc::UnboundedReceiver<PathBuf>) -> Vec<PathBuf> {
    let mut paths = BTreeSet::new();
    match changes.recv().await {
        Some(path) => paths.insert(path),
        // The watcher holds the sender as long as this receiver, so this can't happen.
        None => std::future::pending().await,
    };
    while let Ok(Some(path)) = tokio::time::timeout(BURST_END, changes.recv()).await {
        paths.insert(path);
    }
    paths.into_iter().collect()
}

/// Whether a change of `path` can change a Lambda.
fn is_source(root: &Path, path: &Path) -> bool {
    let Ok(path) = path.strip_prefix(root) else { return false };
    let in_root = path.parent() == Some(Path::new(""));
    if in_root {
        return FILES.iter().any(|file| path == Path::new(file));
    }
    let hidden = |part: &OsStr| part.to_string_lossy().starts_with('.');
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or("");
    FOLDERS.iter().any(|folder| path.starts_with(folder))
        && EXTENSIONS.contains(&extension)
        && !path.iter().any(|part| hidden(part) || part == "target")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_that_a_lambda_is_built_from_are_source() {
        let root = Path::new("/w");
        for path in ["Cargo.toml", "template.yaml", "shared/src/lib.rs", "functions/docs/a.html"] {
            assert!(is_source(root, &root.join(path)), "{path}");
        }
        for path in [
            "README.md",
            "other.toml",
            "target/debug/a.rs",
            ".local/a.json",
            "dev/local/src/lib.rs",
            "shared/src/.lib.rs",
            "shared/src/lib.rs~",
            "functions/docs/target/a.json",
        ] {
            assert!(!is_source(root, &root.join(path)), "{path}");
        }
    }

    #[tokio::test]
    async fn a_burst_of_changes_is_reported_once() {
        let (sender, mut changes) = mpsc::unbounded_channel();
        for path in ["b", "a", "b"] {
            sender.send(PathBuf::from(path)).unwrap();
        }
        let expected = [Path::new("a"), Path::new("b")];
        assert_eq!(next_burst(&mut changes).await, expected);
        assert!(changes.is_empty());
    }

    #[tokio::test]
    async fn changes_of_source_files_are_reported() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("shared/src")).unwrap();
        let mut watcher = Watcher::new(&root).unwrap();
        std::fs::write(root.join("README.md"), "no source").unwrap();
        let expected = BTreeSet::from([root.join("Cargo.toml"), root.join("shared/src/a.rs")]);
        for path in &expected {
            std::fs::write(path, "").unwrap();
        }
        // On a busy machine they may come as two bursts.
        let mut changed = BTreeSet::new();
        while changed.len() < expected.len() {
            changed.extend(watcher.changed().await);
        }
        assert_eq!(changed, expected);
    }
}
