//! The lists of the files of each package, `RECORD`.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use super::walk::LayerFile;
use crate::lock::normal_name;

/// Extensions of native code.
const NATIVE: [&str; 5] = [".so", ".a", ".dylib", ".pyd", ".dll"];

/// The list of one package.
pub(super) struct Record {
    /// The name of the package in its normal form.
    pub(super) name: String,
    /// The folder of its metadata, below the root.
    folder: String,
    /// The paths of its files that are in the layer.
    pub(super) paths: BTreeSet<String>,
    /// Whether it had native code, also such as is not in the layer.
    has_native: bool,
}

impl Record {
    /// Whether it says that it is for each platform, and has no native code.
    pub(super) fn is_pure(&self, root: &Path) -> bool {
        let wheel = fs::read(root.join(&self.folder).join("WHEEL")).unwrap_or_default();
        let wheel = String::from_utf8_lossy(&wheel);
        let mut fields = wheel.lines().filter_map(|line| line.split_once(':'));
        let is_pure = fields.clone().any(|(name, value)| {
            name == "Root-Is-Purelib" && value.trim().eq_ignore_ascii_case("true")
        });
        let is_for_any =
            fields.all(|(name, value)| name != "Tag" || value.trim().ends_with("-none-any"));
        is_pure && is_for_any && !self.has_native
    }
}

/// The lists of all packages. Each is written anew: only with the files that are in the layer, and in the
/// order of their paths, so that it is the same after each installation.
pub(super) fn read_and_tidy(root: &Path, files: &mut [LayerFile]) -> io::Result<Vec<Record>> {
    let present: BTreeSet<_> = files.iter().map(|file| file.path.clone()).collect();
    let mut records = Vec::new();
    for file in files {
        let Some((folder, "RECORD")) = file.path.split_once('/') else { continue };
        let Some((name, _)) = folder.strip_suffix(".dist-info").and_then(|f| f.split_once('-'))
        else {
            continue;
        };
        let text = fs::read(root.join(&file.path))?;
        let text = String::from_utf8_lossy(&text);
        let lines: BTreeSet<_> = text.lines().filter(|line| !line.is_empty()).collect();
        let has_native = lines.iter().map(|line| path(line)).any(|path| is_native(&path));
        let kept: Vec<_> = lines.into_iter().filter(|line| present.contains(&path(line))).collect();
        let paths = kept.iter().map(|line| path(line)).collect();
        let mut text = kept.join("\n");
        text.push('\n');
        // It may be the same file as one in the cache of `uv`, which is wiped with the layer.
        fs::write(root.join(&file.path), &text)?;
        file.bytes = text.len() as u64;
        records.push(Record {
            name: normal_name(name),
            folder: folder.to_owned(),
            paths,
            has_native,
        });
    }
    Ok(records)
}

/// The first field of a line of CSV.
fn path(line: &str) -> String {
    match line.strip_prefix('"') {
        // In quotes, a quote is written twice.
        Some(quoted) => {
            let end = quoted.rfind("\",").unwrap_or(quoted.len());
            quoted[..end].replace("\"\"", "\"")
        }
        None => line.split(',').next().unwrap_or_default().to_owned(),
    }
}

/// Whether a file is native code. Libraries may have versions behind their extension.
fn is_native(path: &str) -> bool {
    NATIVE.iter().any(|extension| path.ends_with(extension)) || path.contains(".so.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_may_hold_commas_and_quotes() {
        assert_eq!(path("a/b.py,sha256=x,12"), "a/b.py");
        assert_eq!(path("\"a/b,c.py\",sha256=x,12"), "a/b,c.py");
        assert_eq!(path("\"a/\"\"b\"\".py\",,"), "a/\"b\".py");
    }

    #[test]
    fn a_list_has_the_files_of_the_layer_in_order() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("a_b-1.dist-info")).unwrap();
        let record = "b.py,,3\r\na.py,,1\nbin/tool,,9\na_b-1.dist-info/RECORD,,\n";
        fs::write(root.path().join("a_b-1.dist-info/RECORD"), record).unwrap();
        for name in ["a.py", "b.py"] {
            fs::write(root.path().join(name), "").unwrap();
        }
        let mut files = super::super::walk::files(root.path()).ok().unwrap();
        let records = read_and_tidy(root.path(), &mut files).unwrap();
        assert_eq!(records[0].name, "a-b");
        let written = fs::read_to_string(root.path().join("a_b-1.dist-info/RECORD")).unwrap();
        assert_eq!(written, "a.py,,1\na_b-1.dist-info/RECORD,,\nb.py,,3\n");
        assert_eq!(files[1].bytes, written.len() as u64);
    }

    #[test]
    fn native_code_is_known_by_its_extension() {
        assert!(is_native("a/_x.cpython-313-x86_64-linux-gnu.so") && is_native("a.libs/libz.so.1"));
        assert!(!is_native("a/so.py") && !is_native("a/also"));
    }
}
