//! Telling zip archives from Python.

/// What the first bytes of an archive are: of one with files, and of an empty one.
const SIGNATURES: [&[u8]; 2] = [b"PK\x03\x04", b"PK\x05\x06"];

/// Whether a file is an archive, by its name or by its content.
pub(crate) fn is_one(name: &str, content: &[u8]) -> bool {
    let is_named_so = name.to_ascii_lowercase().ends_with(".zip");
    is_named_so || SIGNATURES.iter().any(|signature| content.starts_with(signature))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_is_known_by_its_name_or_its_content() {
        assert!(is_one("a.ZIP", b"anything") && is_one("a.py", b"PK\x03\x04..."));
        assert!(is_one("", b"PK\x05\x06") && !is_one("a.py", b"PK = 1"));
    }
}
