//! Finding the files of a layer.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::failure::{Failure, Stop};

/// The most files of a layer.
const MAX_FILES: usize = 200_000;

/// The most folders in one another.
const MAX_DEPTH: usize = 50;

/// A regular file.
pub(super) struct LayerFile {
    /// Its path below the root, with `/`.
    pub(super) path: String,
    pub(super) bytes: u64,
    pub(super) is_executable: bool,
}

/// The regular files below `root`, in the order of their paths.
///
/// # Errors
/// [`Stop::Refused`] where there is anything else: no wheel has it, but the build of a source distribution
/// can make it, and a link could name a file of the builder.
pub(super) fn files(root: &Path) -> Result<Vec<LayerFile>, Stop> {
    let disk = || Failure::disk("reading the installed packages");
    let mut files = Vec::new();
    let mut folders = vec![(String::new(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder)).map_err(disk())? {
            let entry = entry.map_err(disk())?;
            let metadata = entry.metadata().map_err(disk())?;
            let Ok(name) = entry.file_name().into_string() else {
                return Err(refused("have a file whose name isn't UTF-8", &folder));
            };
            let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            if metadata.is_dir() && depth < MAX_DEPTH {
                folders.push((path, depth + 1));
            } else if metadata.is_file() && files.len() < MAX_FILES {
                let is_executable = metadata.permissions().mode() & 0o100 != 0;
                files.push(LayerFile { path, bytes: metadata.len(), is_executable });
            } else if metadata.is_dir() {
                return Err(refused("have too many folders in one another", &path));
            } else if metadata.is_file() {
                return Err(refused("have more than 200,000 files", &path));
            } else {
                return Err(refused("have a link, or another file that isn't regular", &path));
            }
        }
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(files)
}

fn refused(problem: &str, path: &str) -> Stop {
    let shown: String = path.chars().filter(|c| !c.is_control()).take(100).collect();
    Stop::Refused(format!("The packages {problem}, which a layer can't have: {shown}."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn files_are_in_the_order_of_their_paths_with_their_sizes() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("b/c")).unwrap();
        for (path, content) in [("b/c/d.py", "1"), ("b/a.py", "12"), ("a", ""), ("c.py", "123")] {
            fs::write(root.path().join(path), content).unwrap();
        }
        let found = files(root.path()).ok().unwrap();
        let found: Vec<_> = found.iter().map(|file| (&*file.path, file.bytes)).collect();
        assert_eq!(found, [("a", 0), ("b/a.py", 2), ("b/c/d.py", 1), ("c.py", 3)]);
    }

    #[test]
    fn a_link_is_refused_by_its_path() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("a")).unwrap();
        symlink("/etc/passwd", root.path().join("a/link")).unwrap();
        let Err(Stop::Refused(message)) = files(root.path()) else { panic!("it was taken") };
        assert!(message.ends_with("a/link."), "{message}");
    }
}
