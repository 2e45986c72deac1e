//! Noticing that the source changed.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::event::{EventKind, ModifyKind};
use notify::{Event, RecommendedWatcher, RecursiveMode};
use tokio::sync::mpsc;

/// How long it must be quiet before a burst of changes counts as over: editors
/// and `git checkout` write many files in a row.
const QUIET: Duration = Duration::from_millis(300);

/// What of the workspace the Lambdas are made of.
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
    /// What the system says, such as that too many files are watched already.
    pub fn new(root: &Path) -> notify::Result<Self> {
        let (sender, changes) = mpsc::unbounded_channel();
        let top = root.to_owned();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            // An error tells of an event that was lost; the next one makes up for it.
            let Ok(event) = event else { return };
            let is_write = match event.kind {
                EventKind::Create(_) | EventKind::Remove(_) | EventKind::Any => true,
                EventKind::Modify(kind) => !matches!(kind, ModifyKind::Metadata(_)),
                EventKind::Access(_) | EventKind::Other => false,
            };
            if is_write {
                for path in event.paths.into_iter().filter(|path| matters(&top, path)) {
                    // Nobody listens once the stack is stopping.
                    let _ = sender.send(path);
                }
            }
        })?;
        // Without recursion: only the files directly in it, not target/ and the rest.
        notify::Watcher::watch(&mut watcher, root, RecursiveMode::NonRecursive)?;
        for folder in FOLDERS.map(|folder| root.join(folder)).iter().filter(|f| f.is_dir()) {
            notify::Watcher::watch(&mut watcher, folder, RecursiveMode::Recursive)?;
        }
        Ok(Self { changes, _watcher: watcher })
    }

    /// Waits for changes and for the quiet after them; gives the changed paths.
    pub async fn changed(&mut self) -> Vec<PathBuf> {
        let mut paths = Vec::new();
        match self.changes.recv().await {
            Some(path) => paths.push(path),
            // The watcher lives as long as this value, so this does not come.
            None => std::future::pending().await,
        }
        while let Ok(Some(path)) = tokio::time::timeout(QUIET, self.changes.recv()).await {
            paths.push(path);
        }
        paths.sort();
        paths.dedup();
        paths
    }
}

/// Whether a change of `path` can change a Lambda.
fn matters(root: &Path, path: &Path) -> bool {
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
    fn only_what_a_lambda_is_made_of_matters() {
        let root = Path::new("/w");
        for path in ["Cargo.toml", "template.yaml", "shared/src/lib.rs", "functions/docs/a.html"] {
            assert!(matters(root, &root.join(path)), "{path}");
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
            assert!(!matters(root, &root.join(path)), "{path}");
        }
    }

    #[tokio::test]
    async fn a_burst_of_changes_is_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("shared/src")).unwrap();
        let mut watcher = Watcher::new(&root).unwrap();
        std::fs::write(root.join("README.md"), "no").unwrap();
        std::fs::write(root.join("shared/src/a.rs"), "1").unwrap();
        std::fs::write(root.join("shared/src/a.rs"), "2").unwrap();
        std::fs::write(root.join("Cargo.toml"), "3").unwrap();
        let changed = watcher.changed().await;
        assert_eq!(changed, [root.join("Cargo.toml"), root.join("shared/src/a.rs")]);
    }
}
