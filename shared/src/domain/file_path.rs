//! Paths of a project's files.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::ValidationError;

/// A path within a project: parts with `/` between them, such as `lib/db.py`.
///
/// At most 1,000 bytes of UTF-8, and 255 a part. No part is empty, `.` or `..`, and none has control
/// characters. Upper and lower case differ, as they do where functions run.
///
/// On input `\` is taken for `/`, and `./` in front is dropped.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(try_from = "String")]
pub struct FilePath(String);

/// Files and folders that tools make, and that no program needs.
const IGNORED: [&str; 27] = [
    "__MACOSX",
    "__pycache__",
    ".aws-sam",
    ".DS_Store",
    ".eggs",
    ".git",
    ".hg",
    ".idea",
    ".ipynb_checkpoints",
    ".mypy_cache",
    ".nox",
    ".pytest_cache",
    ".ruff_cache",
    ".serverless",
    ".spin",
    ".svn",
    ".terraform",
    ".tox",
    ".venv",
    ".vercel",
    ".vscode",
    "app.wasm",
    "desktop.ini",
    "node_modules",
    "spin.toml",
    "Thumbs.db",
    "venv",
];

impl FilePath {
    /// The most bytes of a path.
    pub const MAX_BYTES: usize = 1000;

    /// The most bytes of one part, which is what file systems allow.
    pub const MAX_PART_BYTES: usize = 255;

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its last part.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The folders that it is in, from the innermost: of `a/b/c` they are `a/b` and `a`.
    pub fn folders(&self) -> impl Iterator<Item = &str> {
        self.0.rmatch_indices('/').map(|(at, _)| &self.0[..at])
    }

    /// Whether it is Python source, by its name.
    pub fn is_python(&self) -> bool {
        self.0.as_bytes().last_chunk().is_some_and(|end: &[u8; 3]| end.eq_ignore_ascii_case(b".py"))
    }

    /// Whether it is left out of a project: caches, environments, version control, what editors and
    /// operating systems put there, compiled Python, and the manifest and the component of Spin.
    pub fn is_ignored(&self) -> bool {
        let name = self.file_name();
        // macOS keeps what it knows of a file `a` in `._a`.
        let is_left_over =
            name.ends_with(".pyc") || name.ends_with(".pyo") || name.starts_with("._");
        is_left_over || self.0.split('/').any(|part| IGNORED.contains(&part))
    }

    /// The path within `folder`, for one that is in there.
    pub(super) fn within(&self, folder: &str) -> Option<Self> {
        let rest = self.0.strip_prefix(folder)?.strip_prefix('/')?;
        Some(Self(rest.to_owned()))
    }

    /// Reads a path.
    ///
    /// # Errors
    /// What is wrong with it, worded to follow "must be a relative path such as lib/db.py, and ".
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let problem = |what: &str| Err(format!("{} {what}", shown(text)));
        let slashed = text.replace('\\', "/");
        let mut path = slashed.as_str();
        while let Some(rest) = path.strip_prefix("./") {
            path = rest;
        }
        if path.is_empty() {
            return problem("names no file");
        }
        if path.len() > Self::MAX_BYTES {
            return problem(&format!("has more than {} bytes", Self::MAX_BYTES));
        }
        if path.chars().any(char::is_control) {
            return problem("has a control character");
        }
        let has_drive =
            matches!(path.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic());
        if path.starts_with('/') || has_drive {
            return problem("is absolute");
        }
        for part in path.split('/') {
            match part {
                "" => return problem("has an empty part"),
                "." | ".." => return problem(&format!("has {part} for a part")),
                _ if part.len() > Self::MAX_PART_BYTES => {
                    let max = Self::MAX_PART_BYTES;
                    return problem(&format!("has a part of more than {max} bytes"));
                }
                _ => {}
            }
        }
        Ok(Self(path.to_owned()))
    }
}

impl TryFrom<String> for FilePath {
    type Error = ValidationError;

    fn try_from(text: String) -> Result<Self, ValidationError> {
        Self::read(&text).map_err(|problem| {
            ValidationError(format!("must be a relative path such as lib/db.py, and {problem}"))
        })
    }
}

impl TryFrom<Value> for FilePath {
    type Error = ValidationError;

    fn try_from(value: Value) -> Result<Self, ValidationError> {
        match value {
            Value::String(text) => text.try_into(),
            _ => Err(ValidationError::because("must be a string")),
        }
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The beginning of a client's text, quoted, and short enough for a sentence.
pub(super) fn shown(text: &str) -> String {
    let beginning = &text[..text.floor_char_boundary(100)];
    let rest = if beginning.len() < text.len() { "…" } else { "" };
    format!("{beginning:?}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn path(text: &str) -> FilePath {
        FilePath::read(text).unwrap()
    }

    #[test]
    fn separators_of_windows_and_a_leading_dot_are_understood() {
        for text in ["lib/db.py", "lib\\db.py", "./lib/db.py", ".\\lib\\db.py", "././lib/db.py"] {
            assert_eq!(path(text).as_str(), "lib/db.py", "{text}");
        }
        assert_eq!(path("값/🔑 a.txt").as_str(), "값/🔑 a.txt");
    }

    #[test]
    fn no_path_leaves_the_folder() {
        for (text, problem) in [
            ("", "names no file"),
            ("./", "names no file"),
            ("/etc/passwd", "is absolute"),
            ("\\\\server\\a", "is absolute"),
            (".//etc/passwd", "is absolute"),
            ("C:\\a.py", "is absolute"),
            ("c:a.py", "is absolute"),
            ("../a.py", "has .. for a part"),
            ("a/../../b", "has .. for a part"),
            ("a\\..\\b", "has .. for a part"),
            ("a/..", "has .. for a part"),
            ("a/./b", "has . for a part"),
            (".", "has . for a part"),
            ("a//b", "has an empty part"),
            ("a/", "has an empty part"),
            ("a\0b", "has a control character"),
            ("a\nb", "has a control character"),
            ("a\u{85}b", "has a control character"),
        ] {
            let told = FilePath::try_from(text.to_owned()).unwrap_err().0;
            assert!(told.ends_with(problem), "{text:?}: {told}");
        }
        let told = FilePath::try_from(json!("../a.py")).unwrap_err().0;
        let expected =
            "must be a relative path such as lib/db.py, and \"../a.py\" has .. for a part";
        assert_eq!(told, expected);
        assert!(FilePath::try_from(json!(null)).is_err());
    }

    #[test]
    fn lengths_are_limited_in_bytes() {
        assert!(FilePath::read(&"a".repeat(255)).is_ok());
        assert!(FilePath::read(&"a".repeat(256)).unwrap_err().ends_with("more than 255 bytes"));
        assert!(FilePath::read(&"é".repeat(128)).is_err());
        assert!(FilePath::read(&"ab/".repeat(333)[..998]).is_ok());
        let told = FilePath::read(&"ab/".repeat(1_000_000)).unwrap_err();
        assert!(told.contains("more than 1000 bytes") && told.len() < 200, "{told}");
    }

    #[test]
    fn what_tools_leave_behind_is_ignored_in_any_folder() {
        for text in [
            "spin.toml",
            "a/spin.toml",
            "app.wasm",
            "a/__pycache__/b.cpython-312.pyc",
            "b.pyc",
            ".git/config",
            ".venv/lib/x.py",
            "venv/bin/python",
            "web/node_modules/a/index.js",
            ".DS_Store",
            "a/.DS_Store",
            "__MACOSX/a.py",
            "a/._b.py",
            ".idea/a",
            ".vscode/settings.json",
            ".pytest_cache/a",
            ".mypy_cache/a",
            "Thumbs.db",
        ] {
            assert!(path(text).is_ignored(), "{text}");
        }
        for text in ["requirements.txt", "venv.py", "git/a.py", ".env", "my__pycache__/a", "a.wasm"]
        {
            assert!(!path(text).is_ignored(), "{text}");
        }
    }

    #[test]
    fn python_is_known_by_its_name() {
        assert!(path("a.py").is_python() && path("a/B.PY").is_python() && path(".py").is_python());
        assert!(!path("a.pyi").is_python() && !path("py").is_python() && !path("é").is_python());
    }

    #[test]
    fn a_path_tells_its_folders_and_its_name() {
        let deep = path("a/b/c");
        assert_eq!(deep.folders().collect::<Vec<_>>(), ["a/b", "a"]);
        assert_eq!(deep.file_name(), "c");
        assert_eq!(deep.within("a"), Some(path("b/c")));
        assert_eq!(deep.within("b"), None);
        assert_eq!(path("ab/c").within("a"), None);
    }

    proptest! {
        #[test]
        fn whatever_is_read_stays_within_and_reads_back(text in "[a-c./\\\\:\u{e9}\n]{0,20}") {
            if let Ok(path) = FilePath::read(&text) {
                prop_assert!(path.as_str().split('/').all(|part| !["", ".", ".."].contains(&part)));
                prop_assert_eq!(FilePath::read(path.as_str()), Ok(path.clone()));
                let json = serde_json::to_value(&path).unwrap();
                prop_assert_eq!(serde_json::from_value::<FilePath>(json).unwrap(), path);
            }
        }
    }
}
