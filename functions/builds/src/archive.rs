//! Zip archives with one Python file.

use std::io::{Cursor, Read};

use shared::domain::{Code, ValidationError};
use zip::ZipArchive;

/// What the first bytes of an archive are: of one with files, and of an empty one.
const SIGNATURES: [&[u8]; 2] = [b"PK\x03\x04", b"PK\x05\x06"];

/// The most files and folders of an archive.
const MAX_ENTRIES: usize = 200;

/// The most names in an error.
const MAX_NAMES: usize = 3;

/// Whether a file is an archive, by its name or by its content.
pub(crate) fn is_one(name: &str, content: &[u8]) -> bool {
    let is_named_so = name.to_ascii_lowercase().ends_with(".zip");
    is_named_so || SIGNATURES.iter().any(|signature| content.starts_with(signature))
}

/// The only Python file of an archive.
///
/// Empty ones, such as `__init__.py`, don't count, nor do those that an operating system or an editor
/// has put there.
///
/// # Errors
/// [`ValidationError`] where there is none, or more than one, or it is too large.
pub(crate) fn python_file(content: &[u8]) -> Result<Vec<u8>, ValidationError> {
    let broken = |_| ValidationError::because("is not a zip archive that can be read");
    let mut archive = ZipArchive::new(Cursor::new(content)).map_err(broken)?;
    if archive.len() > MAX_ENTRIES {
        return Err(ValidationError(format!(
            "must be a zip archive of at most {MAX_ENTRIES} files, and has {}",
            archive.len()
        )));
    }
    let mut found = Vec::new();
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(broken)?;
        let name = entry.name().map_err(broken)?;
        if entry.is_file() && entry.size() > 0 && is_python(&name) {
            found.push((index, name.into_owned()));
        }
    }
    match found.as_slice() {
        [] => Err(ValidationError::because("must be a zip archive that holds a Python file")),
        [(index, _)] => {
            let entry = archive.by_index(*index).map_err(broken)?;
            let mut source = Vec::new();
            // What the archive says of the size isn't believed. One byte more shows what is too large.
            let read = entry.take(Code::MAX_BYTES as u64 + 1).read_to_end(&mut source);
            read.map_err(|_| ValidationError::because("is a zip archive that is damaged"))?;
            Ok(source)
        }
        several => Err(ValidationError(format!(
            "holds several Python files ({}), and functions of several files are not taken yet",
            names(several)
        ))),
    }
}

fn is_python(path: &str) -> bool {
    let mut parts = path.split(['/', '\\']);
    path.to_ascii_lowercase().ends_with(".py")
        && !parts.any(|part| part.starts_with('.') || part == "__MACOSX")
}

/// Some names, for a sentence.
fn names(files: &[(usize, String)]) -> String {
    let plain = |(_, name): &(usize, String)| -> String {
        let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
        last.chars().filter(|c| !c.is_control()).take(50).collect()
    };
    let mut names: Vec<_> = files.iter().take(MAX_NAMES).map(plain).collect();
    if files.len() > MAX_NAMES {
        names.push("…".to_owned());
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in files {
            writer.start_file(*name, SimpleFileOptions::default()).unwrap();
            writer.write_all(content).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn refusal(content: &[u8]) -> String {
        python_file(content).unwrap_err().0
    }

    #[test]
    fn an_archive_is_known_by_its_name_or_its_content() {
        assert!(is_one("a.ZIP", b"anything") && is_one("a.py", &zipped(&[("a.py", b"1")])));
        assert!(is_one("", &zipped(&[])) && !is_one("a.py", b"PK = 1"));
    }

    #[test]
    fn the_only_python_file_is_found_wherever_it_is() {
        for path in ["app.py", "src/main.py", "a/b/c/Handler.PY"] {
            let others: [(&str, &[u8]); 5] = [
                ("spin.toml", b"x"),
                ("src/__init__.py", b""),
                ("__MACOSX/._app.py", b"x"),
                (".venv/lib/x.py", b"x"),
                (path, b"print(1)"),
            ];
            assert_eq!(python_file(&zipped(&others)).unwrap(), b"print(1)", "{path}");
        }
    }

    #[test]
    fn several_python_files_are_refused_by_name() {
        let told = refusal(&zipped(&[("app.py", b"1"), ("lib/db.py", b"2")]));
        assert_eq!(
            told,
            "holds several Python files (app.py, db.py), and functions of several files are not \
             taken yet"
        );
    }

    #[test]
    fn what_holds_no_python_or_is_no_archive_is_refused() {
        assert!(refusal(&zipped(&[])).ends_with("holds a Python file"));
        assert!(refusal(&zipped(&[("a.txt", b"1")])).ends_with("holds a Python file"));
        assert_eq!(refusal(b"PK\x03\x04"), "is not a zip archive that can be read");
        let mut damaged = zipped(&[("a.py", b"print('a long enough text to damage')")]);
        damaged[40] ^= 0xff;
        assert_eq!(refusal(&damaged), "is a zip archive that is damaged");
    }

    #[test]
    fn a_bomb_is_read_no_further_than_the_limit() {
        let bomb = zipped(&[("a.py", &vec![b' '; 50 * 1024 * 1024])]);
        assert!(bomb.len() < 100_000);
        assert_eq!(python_file(&bomb).unwrap().len(), Code::MAX_BYTES + 1);
        let names: Vec<_> = (0..201).map(|number| format!("{number}.txt")).collect();
        let many: Vec<(&str, &[u8])> = names.iter().map(|name| (&**name, &b""[..])).collect();
        assert!(refusal(&zipped(&many)).contains("at most 200 files, and has 201"));
    }
}
