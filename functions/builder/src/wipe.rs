//! Removing what a build has left.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Makes `folder` an empty folder, but for the entry with the name `spared`.
///
/// Links are removed, never followed. A build may have taken permissions from its folders, or have nested
/// them deeper than a path can name. So each folder's subfolders are moved up before it is removed: no path
/// gets longer than two names, and nothing is called recursively.
///
/// Nothing else may change the folder meanwhile.
///
/// # Errors
/// The system's. The folder may then hold a part of what it held.
pub(crate) fn wipe(folder: &Path, spared: Option<&OsStr>) -> io::Result<()> {
    match fs::symlink_metadata(folder) {
        Ok(metadata) if metadata.is_dir() => {
            if metadata.permissions().mode() & 0o700 != 0o700 {
                allow_changes(folder)?;
            }
        }
        Ok(_) => {
            fs::remove_file(folder)?;
            fs::create_dir(folder)?;
        }
        Err(_) => fs::create_dir_all(folder)?,
    }
    let mut moved = 0_u64;
    loop {
        let entries = entries(folder)?;
        let mut left = entries.iter().filter(|path| path.file_name() != spared).peekable();
        if left.peek().is_none() {
            return Ok(());
        }
        for entry in left {
            if !fs::symlink_metadata(entry)?.is_dir() {
                fs::remove_file(entry)?;
                continue;
            }
            allow_changes(entry)?;
            for inner in self::entries(entry)? {
                if !fs::symlink_metadata(&inner)?.is_dir() {
                    fs::remove_file(inner)?;
                    continue;
                }
                // A folder that is moved gets another parent, which is a change of itself.
                allow_changes(&inner)?;
                let place = loop {
                    moved += 1;
                    let place = folder.join(format!("moved-{moved}"));
                    if fs::symlink_metadata(&place).is_err() {
                        break place;
                    }
                };
                fs::rename(inner, place)?;
            }
            fs::remove_dir(entry)?;
        }
    }
}

fn allow_changes(folder: &Path) -> io::Result<()> {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
}

fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_link_is_removed_and_what_it_names_stays() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("kept"), "").unwrap();
        let work = tempfile::tempdir().unwrap();
        fs::create_dir(work.path().join("inner")).unwrap();
        symlink(outside.path(), work.path().join("link")).unwrap();
        symlink(outside.path(), work.path().join("inner/link")).unwrap();
        symlink("/nowhere", work.path().join("broken")).unwrap();
        wipe(work.path(), None).unwrap();
        assert!(entries(work.path()).unwrap().is_empty());
        assert!(outside.path().join("kept").exists());
    }

    #[test]
    fn a_folder_without_permissions_is_removed() {
        let work = tempfile::tempdir().unwrap();
        let inner = work.path().join("a/b");
        fs::create_dir_all(&inner).unwrap();
        fs::write(inner.join("file"), "").unwrap();
        for folder in [&inner, inner.parent().unwrap(), work.path()] {
            fs::set_permissions(folder, fs::Permissions::from_mode(0o0)).unwrap();
        }
        wipe(work.path(), None).unwrap();
        assert!(entries(work.path()).unwrap().is_empty());
    }

    #[test]
    fn folders_that_are_nested_deeper_than_a_path_are_removed() {
        let work = tempfile::tempdir().unwrap();
        let name = "n".repeat(200);
        // Each round puts all that is there into one folder more.
        for round in 0..100 {
            let outer = work.path().join(format!("outer-{round}"));
            fs::create_dir(&outer).unwrap();
            for entry in entries(work.path()).unwrap() {
                if entry != outer {
                    fs::rename(entry, outer.join(&name)).unwrap();
                }
            }
        }
        wipe(work.path(), None).unwrap();
        assert!(entries(work.path()).unwrap().is_empty());
    }

    #[test]
    fn what_is_spared_stays_as_it_is() {
        let work = tempfile::tempdir().unwrap();
        fs::create_dir(work.path().join("uv")).unwrap();
        fs::write(work.path().join("uv/program"), "").unwrap();
        fs::write(work.path().join("other"), "").unwrap();
        wipe(work.path(), Some(OsStr::new("uv"))).unwrap();
        assert_eq!(entries(work.path()).unwrap(), [work.path().join("uv")]);
        assert!(work.path().join("uv/program").exists());
    }

    #[test]
    fn a_link_in_the_place_of_the_folder_is_replaced() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("kept"), "").unwrap();
        let parent = tempfile::tempdir().unwrap();
        let work = parent.path().join("work");
        symlink(outside.path(), &work).unwrap();
        wipe(&work, None).unwrap();
        assert!(fs::symlink_metadata(&work).unwrap().is_dir());
        assert!(outside.path().join("kept").exists());
    }
}
