//! Downloading `uv` at its first use.

use std::fs::{self, File, Permissions};
use std::io::{self, Cursor, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use zip::ZipArchive;

use super::release::{FILE_NAME, PROGRAM, WHEEL, Wheel};
use crate::failure::{Failure, Stop};
use crate::http_client;

/// The program in `folder`, where it is downloaded if it isn't there.
///
/// Its hash is checked each time: a build runs as the same user, and could have changed it.
///
/// # Errors
/// [`Stop::Unreachable`] where it can't be downloaded; [`Failure::Uv`] and [`Failure::Disk`]
pub(super) async fn program(folder: &Path) -> Result<PathBuf, Stop> {
    let wheel = WHEEL.ok_or_else(|| {
        Failure::Uv("there is no release for this system and processor".to_owned())
    })?;
    let program = folder.join(FILE_NAME);
    if is_complete(&program, &wheel) {
        return Ok(program);
    }
    fs::create_dir_all(folder).map_err(Failure::disk("making the folder of uv"))?;
    // Several processes may come here at once: one downloads, the others wait.
    let path = folder.join("lock");
    let lock = tokio::task::spawn_blocking(move || -> io::Result<File> {
        let file = File::create(path)?;
        file.lock()?;
        Ok(file)
    });
    let lock = lock.await.unwrap_or_else(|stopped| Err(io::Error::other(stopped)));
    let _lock = lock.map_err(Failure::disk("locking the folder of uv"))?;
    if is_complete(&program, &wheel) {
        return Ok(program);
    }
    let unreachable = |problem| {
        Stop::Unreachable(format!("uv, which resolves packages, can't be downloaded: {problem}"))
    };
    let content = http_client::get(wheel.url).await.map_err(unreachable)?;
    if hex::encode(Sha256::digest(&content)) != wheel.wheel_sha256 {
        return Err(Failure::Uv(format!("{} has another hash than it should", wheel.url)).into());
    }
    // Under another name first, so that no half of it is ever run.
    let new = folder.join("new");
    fs::write(&new, unpacked(&content)?)
        .and_then(|()| fs::set_permissions(&new, Permissions::from_mode(0o755)))
        .and_then(|()| fs::rename(&new, &program))
        .map_err(Failure::disk("writing uv"))?;
    Ok(program)
}

fn unpacked(wheel: &[u8]) -> Result<Vec<u8>, Failure> {
    let damaged = |e| Failure::Uv(format!("its wheel can't be read: {e}"));
    let mut archive = ZipArchive::new(Cursor::new(wheel)).map_err(|e| damaged(e.to_string()))?;
    let mut entry = archive.by_name(PROGRAM).map_err(|e| damaged(e.to_string()))?;
    let mut program = Vec::new();
    entry.read_to_end(&mut program).map_err(|e| damaged(e.to_string()))?;
    Ok(program)
}

fn is_complete(program: &Path, wheel: &Wheel) -> bool {
    // A link could name another file later.
    let is_file = fs::symlink_metadata(program).is_ok_and(|metadata| metadata.is_file());
    let content = if is_file { fs::read(program).unwrap_or_default() } else { Vec::new() };
    hex::encode(Sha256::digest(content)) == wheel.program_sha256
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_was_changed_or_linked_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let (program, other) = (folder.path().join("uv"), folder.path().join("other"));
        // The SHA-256 of "uv".
        let program_sha256 = "e6184ce10e266134fdcfa401e8f1a95005bcd4f18d16b62b757323e2833fe9a9";
        let wheel = Wheel { url: "", wheel_sha256: "", program_sha256 };
        assert!(!is_complete(&program, &wheel), "missing");
        fs::write(&program, "uv").unwrap();
        assert!(is_complete(&program, &wheel));
        fs::rename(&program, &other).unwrap();
        std::os::unix::fs::symlink(&other, &program).unwrap();
        assert!(!is_complete(&program, &wheel), "linked");
        fs::remove_file(&program).unwrap();
        fs::write(&program, "uv, and more").unwrap();
        assert!(!is_complete(&program, &wheel), "changed");
    }
}
