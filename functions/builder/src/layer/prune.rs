//! What a function doesn't need of its packages.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use super::walk::LayerFile;

/// Extensions of what only compilers read. Type stubs (`pyi`) are not among them: some packages read theirs
/// to find what they import on demand.
const FOR_COMPILERS: [&str; 4] = [".a", ".h", ".hpp", ".pxd"];

/// Leaves files out that a function doesn't need:
///
/// - `bin`: its scripts name the builder's interpreter.
/// - `__pycache__`, though not modules that exist only compiled.
/// - What only compilers read.
/// - The folders `tests` in packages, where nothing else of the package imports one of them. The folders
///   `test` and `testing` stay: they are for those who use the package.
/// - The lock of `uv`, and notes of `uv` and `pip` that differ from one installation to the next.
///
/// Licenses and all that `importlib.metadata` reads stay.
pub(super) fn prune(root: &Path, files: &mut Vec<LayerFile>) -> io::Result<()> {
    let bin_is_package = files.iter().any(|file| file.path == "bin/__init__.py");
    files.retain(|file| {
        let is_script = file.path.starts_with("bin/") && !bin_is_package;
        let is_for_compilers = FOR_COMPILERS.iter().any(|extension| file.path.ends_with(extension));
        let is_cache = file.path.split('/').any(|part| part == "__pycache__");
        let is_note =
            [".dist-info/direct_url.json", ".dist-info/uv_cache.json", ".dist-info/uv_build.json"]
                .iter()
                .any(|name| file.path.ends_with(name));
        file.path != ".lock" && !is_script && !is_for_compilers && !is_cache && !is_note
    });
    let mut with_tests: BTreeSet<_> = files
        .iter()
        .filter(|file| is_test(&file.path))
        .map(|file| package(&file.path).to_owned())
        .collect();
    for file in files.iter() {
        let needs_look = file.path.ends_with(".py") && !is_test(&file.path);
        if needs_look && with_tests.contains(package(&file.path)) {
            let source = fs::read(root.join(&file.path))?;
            if imports_tests(&String::from_utf8_lossy(&source)) {
                with_tests.remove(package(&file.path));
            }
        }
    }
    files.retain(|file| !is_test(&file.path) || !with_tests.contains(package(&file.path)));
    Ok(())
}

/// The first folder of a path.
fn package(path: &str) -> &str {
    path.split('/').next().unwrap_or_default()
}

/// Whether a file is in a folder `tests` of a package. One that isn't in a package is a package itself.
fn is_test(path: &str) -> bool {
    let mut folders = path.split('/').rev().skip(1);
    let first = package(path);
    !first.ends_with(".dist-info") && folders.any(|part| part == "tests") && first != "tests"
}

/// Whether a module imports one that is called `tests`, or seems to.
fn imports_tests(source: &str) -> bool {
    source.lines().any(|line| {
        let line = line.trim();
        let is_import = line.starts_with("from ")
            || line.starts_with("import ")
            || line.contains("import_module(")
            || line.contains("__import__(")
            // In the parentheses of an import of several lines.
            || line.trim_end_matches(',') == "tests";
        let is_of_name = |c: char| c.is_alphanumeric() || c == '_';
        is_import && line.split(|c| !is_of_name(c)).any(|word| word == "tests")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(files: &[(&str, &str)]) -> Vec<String> {
        let root = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let mut found = super::super::walk::files(root.path()).ok().unwrap();
        prune(root.path(), &mut found).unwrap();
        found.into_iter().map(|file| file.path).collect()
    }

    #[test]
    fn what_only_installers_and_compilers_use_is_left_out() {
        let files = [
            (".lock", ""),
            ("bin/tool", ""),
            ("a/__pycache__/b.cpython-313.pyc", ""),
            ("a/include/a.h", ""),
            ("a/lib.a", ""),
            ("a/__init__.pxd", ""),
            ("a-1.dist-info/direct_url.json", ""),
            ("a-1.dist-info/uv_cache.json", ""),
        ];
        assert!(left(&files).is_empty());
    }

    #[test]
    fn what_a_package_may_read_stays() {
        let files = [
            "a-1.dist-info/METADATA",
            "a-1.dist-info/entry_points.txt",
            "a-1.dist-info/licenses/LICENSE",
            "a.libs/b.so.1",
            "a/LICENSE",
            "a/__init__.pyi",
            "a/compiled.pyc",
            "a/test/b.py",
            "a/testing/b.py",
            "tests/b.py",
        ];
        assert_eq!(left(&files.map(|path| (path, ""))), files);
    }

    #[test]
    fn tests_are_left_out_where_nothing_else_imports_them() {
        let files = [
            ("a/__init__.py", "from a.testing import x\n# to import the tests, see a/tests\n"),
            ("a/inner/tests/data.txt", ""),
            ("a/tests/__init__.py", ""),
            ("a/tests/test_x.py", "from a.tests import y\n"),
            ("b/__init__.py", "def f():\n    from .tests.runner import TestRunner\n"),
            ("b/tests/runner.py", ""),
            ("c/__init__.py", "from . import (\n    tests,\n)\n"),
            ("c/tests/__init__.py", ""),
        ];
        assert_eq!(
            left(&files),
            [
                "a/__init__.py",
                "b/__init__.py",
                "b/tests/runner.py",
                "c/__init__.py",
                "c/tests/__init__.py"
            ]
        );
    }

    #[test]
    fn a_package_called_bin_stays() {
        let files = [("bin/__init__.py", ""), ("bin/tool.py", "")];
        assert_eq!(left(&files), ["bin/__init__.py", "bin/tool.py"]);
    }
}
