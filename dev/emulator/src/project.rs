//! The project's folder.

use std::path::{Path, PathBuf};

/// The nearest folder at or above `start` with `template.yaml` and `Cargo.toml`; without one, the
/// project that this program was compiled in.
pub fn find_root(start: &Path) -> PathBuf {
    let is_root = |folder: &&Path| {
        folder.join("template.yaml").is_file() && folder.join("Cargo.toml").is_file()
    };
    start.ancestors().find(is_root).map_or_else(source_root, Path::to_owned)
}

/// The folder of the project that this program was compiled in.
pub fn source_root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().nth(2).unwrap_or(package).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_found_from_below_it() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("template.yaml"), "").unwrap();
        std::fs::write(folder.path().join("Cargo.toml"), "").unwrap();
        let below = folder.path().join("a/b");
        std::fs::create_dir_all(&below).unwrap();
        assert_eq!(find_root(&below), folder.path());
        assert_eq!(find_root(Path::new("/")), source_root());
    }
}
