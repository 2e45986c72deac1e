//! Zip archives of others: what is checked before one is believed.

use std::io::{Cursor, Read};
use std::ops::Range;

use zip::{CompressionMethod, ZipArchive};

use super::error::ValidationError;
use super::file_path::{FilePath, shown};

/// An archive whose directory is sound.
pub(super) struct Archive<'a>(ZipArchive<Cursor<&'a [u8]>>);

/// An entry of an archive, by what the directory says of it.
pub(super) struct Entry {
    /// Where it is in the directory.
    pub(super) index: usize,
    /// Its path.
    pub(super) path: FilePath,
    /// The bytes that it is said to have, unpacked.
    pub(super) size: u64,
}

/// The record at the end of an archive.
const END: &[u8] = b"PK\x05\x06";
const END_BYTES: usize = 22;

/// Where the second such record is, in an archive of the form zip64.
const ZIP64_LOCATOR: &[u8] = b"PK\x06\x07";
const ZIP64_LOCATOR_BYTES: usize = 20;

/// A record of the directory, without its name, extra fields and comment.
const HEADER: &[u8] = b"PK\x01\x02";
const HEADER_BYTES: usize = 46;

/// The kind of a file, in its mode.
const KIND_MASK: u32 = 0o170_000;
const REGULAR_FILE: u32 = 0o100_000;

impl<'a> Archive<'a> {
    /// The most entries, with folders and what is passed over.
    pub(super) const MAX_ENTRIES: usize = 20_000;

    /// Opens an archive.
    ///
    /// # Errors
    /// [`ValidationError`] where it is none, is cut off, has too many entries, or is of the form zip64,
    /// which nothing within the limits needs.
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, ValidationError> {
        let count = refuse_directory(bytes)?;
        let archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| unreadable())?;
        if archive.has_duplicate_names() {
            return Err(ValidationError::because("is a zip archive with a name in it twice"));
        }
        // That the crate reads another directory than the one that was checked.
        if archive.len() == count { Ok(Self(archive)) } else { Err(unreadable()) }
    }

    /// The files, without folders and what is ignored; and of the latter those whose name is `kept`.
    ///
    /// # Errors
    /// [`ValidationError`] for paths that leave the folder or aren't UTF-8, and for files that are
    /// links, encrypted or compressed in an unusual way.
    pub(super) fn files(&self, kept: &str) -> Result<Vec<Entry>, ValidationError> {
        let mut files = Vec::new();
        for index in 0..self.0.len() {
            let entry = self.0.by_index_data(index).map_err(|_| unreadable())?;
            let Ok(name) = str::from_utf8(entry.name_raw()) else {
                let name = shown(&String::from_utf8_lossy(entry.name_raw()));
                return Err(ValidationError(format!(
                    "must be a zip archive with names in UTF-8, and {name} is not; rename that file, \
                     or make the archive with another program"
                )));
            };
            // Windows may write a folder with its own separator.
            let without_end = name.strip_suffix(['/', '\\']);
            if without_end == Some(".") {
                continue;
            }
            let path = FilePath::read(without_end.unwrap_or(name)).map_err(|problem| {
                ValidationError(format!(
                    "must be a zip archive with relative paths such as lib/db.py, and {problem}"
                ))
            })?;
            let is_kept = !path.is_ignored() || path.file_name() == kept;
            if without_end.is_some() || !is_kept {
                continue;
            }
            let kind = entry.unix_mode().unwrap_or_default() & KIND_MASK;
            let problem = if ![0, REGULAR_FILE].contains(&kind) {
                "is a link or another special file, and only files and folders can be taken"
            } else if entry.encrypted() {
                "is encrypted; make the archive without a password"
            } else if ![CompressionMethod::Stored, CompressionMethod::Deflated]
                .contains(&entry.compression())
            {
                "is compressed in an unusual way; make the archive with the usual one, deflate"
            } else {
                files.push(Entry { index, path, size: entry.size() });
                continue;
            };
            let path = shown(path.as_str());
            return Err(ValidationError(format!("is a zip archive in which {path} {problem}")));
        }
        Ok(files)
    }

    /// What an entry holds, as it is unpacked. An error in reading is one of the archive.
    pub(super) fn content(&mut self, entry: &Entry) -> Result<impl Read, ValidationError> {
        self.0.by_index(entry.index).map_err(|_| damaged(&entry.path))
    }

    /// What an entry holds, where it is at most `max` bytes.
    pub(super) fn read(&mut self, entry: &Entry, max: usize) -> Result<Vec<u8>, ValidationError> {
        let mut content = Vec::new();
        // What the archive says of the size isn't believed. One byte more shows what is too large.
        let mut limited = self.content(entry)?.take(max as u64 + 1);
        limited.read_to_end(&mut content).map_err(|_| damaged(&entry.path))?;
        if content.len() > max {
            let path = shown(entry.path.as_str());
            return Err(ValidationError(format!("holds {path} of more than {max} bytes")));
        }
        Ok(content)
    }
}

/// The refusal of an archive with an entry that can't be unpacked.
pub(super) fn damaged(path: &FilePath) -> ValidationError {
    let path = shown(path.as_str());
    ValidationError(format!("is a zip archive that is damaged: {path} can't be unpacked"))
}

fn unreadable() -> ValidationError {
    ValidationError::because("is not a zip archive that can be read, or is not all of one")
}

/// Checks the records of the directory, each in its place, before memory is spent on them. Returns
/// their number.
fn refuse_directory(bytes: &[u8]) -> Result<usize, ValidationError> {
    // A comment of 65,535 bytes at most follows the record at the end.
    let from = bytes.len().saturating_sub(END_BYTES + usize::from(u16::MAX));
    let tail = bytes.get(from..).unwrap_or_default();
    let end = tail.windows(END.len()).rposition(|window| window == END).ok_or_else(unreadable)?;
    let end = from + end;
    let short = |at: usize| number(bytes, at..at + 2);
    let long = |at: usize| number(bytes, at..at + 4);
    let comment = short(end + 20).ok_or_else(unreadable)?;
    if end + END_BYTES + comment != bytes.len() {
        return Err(unreadable());
    }
    let locator = end.checked_sub(ZIP64_LOCATOR_BYTES).and_then(|at| bytes.get(at..));
    if locator.is_some_and(|locator| locator.starts_with(ZIP64_LOCATOR)) {
        return Err(ValidationError::because(
            "is a zip archive of the form zip64, which is for larger ones and for streams; make it \
             from files on a disk",
        ));
    }
    let (disks, count) = (long(end + 4), short(end + 10));
    let (size, offset) = (long(end + 12), long(end + 16));
    let (Some(disks), Some(count), Some(size), Some(offset)) = (disks, count, size, offset) else {
        return Err(unreadable());
    };
    if disks != 0 {
        return Err(ValidationError::because("is one part of a zip archive in several"));
    }
    if count > Archive::MAX_ENTRIES {
        return Err(ValidationError(format!(
            "must be a zip archive of at most {} files and folders, and has {count}",
            Archive::MAX_ENTRIES
        )));
    }
    // What precedes an archive, such as a program that unpacks it, moves the directory.
    let mut at = end.checked_sub(size).filter(|&at| at >= offset).ok_or_else(unreadable)?;
    for _ in 0..count {
        let is_header = bytes.get(at..end).is_some_and(|rest| rest.starts_with(HEADER));
        let lengths = [short(at + 28), short(at + 30), short(at + 32)];
        let length: Option<usize> = lengths.into_iter().sum();
        at += HEADER_BYTES + length.filter(|_| is_header).ok_or_else(unreadable)?;
    }
    if at == end { Ok(count) } else { Err(unreadable()) }
}

/// A number of up to four bytes, of which the first is the lowest.
fn number(bytes: &[u8], at: Range<usize>) -> Option<usize> {
    let digits = bytes.get(at)?.iter().rev();
    Some(digits.fold(0, |number, &digit| number << 8 | usize::from(digit)))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn zipped(names: &[&str]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for name in names {
            writer.start_file(*name, SimpleFileOptions::default()).unwrap();
            writer.write_all(b"print(1)").unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn refusal(zip: &[u8]) -> String {
        let files = Archive::open(zip).and_then(|archive| archive.files("").map(drop));
        files.unwrap_err().0
    }

    /// An archive with one file, of which a number in the directory is another.
    fn changed(name: &str, at: usize, bytes: &[u8]) -> Vec<u8> {
        let mut zip = zipped(&[name]);
        let header = zip.windows(4).rposition(|window| window == HEADER).unwrap();
        zip[header + at..header + at + bytes.len()].copy_from_slice(bytes);
        zip
    }

    #[test]
    fn paths_that_leave_the_folder_are_refused() {
        for name in ["../a", "/a", "C:\\a", "a/../../b", "..\\a", "a\0b", "a//b", "../", "a/../"] {
            let told = refusal(&zipped(&[name]));
            let expected = "must be a zip archive with relative paths such as lib/db.py, and ";
            assert!(told.starts_with(expected), "{name}: {told}");
        }
        assert!(refusal(&zipped(&[&"a".repeat(256)])).ends_with("a part of more than 255 bytes"));
        assert!(refusal(&zipped(&[&"a/".repeat(501)])).ends_with("more than 1000 bytes"));
    }

    #[test]
    fn folders_and_names_of_windows_are_understood() {
        let zip = zipped(&["a\\b.py", "a\\", "c/", "./", "./d.py", "\u{ac12}.py"]);
        let files = Archive::open(&zip).unwrap().files("").unwrap();
        let paths: Vec<_> = files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["a/b.py", "d.py", "\u{ac12}.py"]);
    }

    #[test]
    fn names_that_are_not_utf8_are_refused() {
        let mut zip = zipped(&["ab.py"]);
        while let Some(at) = zip.windows(5).position(|window| window == b"ab.py") {
            zip[at] = 0x81;
        }
        let told = refusal(&zip);
        assert!(
            told.starts_with("must be a zip archive with names in UTF-8, and \"�b.py\""),
            "{told}"
        );
    }

    #[test]
    fn a_name_that_is_there_twice_is_refused() {
        let mut zip = zipped(&["ab.py", "cb.py"]);
        while let Some(at) = zip.windows(5).position(|window| window == b"cb.py") {
            zip[at] = b'a';
        }
        assert_eq!(refusal(&zip), "is a zip archive with a name in it twice");
    }

    #[test]
    fn links_and_other_special_files_are_refused_unless_they_are_passed_over() {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        writer
            .add_symlink(".venv/bin/python", "/usr/bin/python", SimpleFileOptions::default())
            .unwrap();
        writer.add_symlink("a.py", "/etc/passwd", SimpleFileOptions::default()).unwrap();
        let told = refusal(&writer.finish().unwrap().into_inner());
        assert!(told.starts_with("is a zip archive in which \"a.py\" is a link"), "{told}");
        // The mode of a pipe.
        let told = refusal(&changed("a.py", 38, &(0o010_644_u32 << 16).to_le_bytes()));
        assert!(told.contains("is a link or another special file"), "{told}");
    }

    #[test]
    fn encrypted_files_and_unusual_compressions_are_refused() {
        assert!(refusal(&changed("a.py", 8, &[1, 0])).contains("\"a.py\" is encrypted"));
        for method in [1, 6, 9, 12, 14, 93, 95, 98, 99] {
            let told = refusal(&changed("a.py", 10, &[method, 0]));
            assert!(told.contains("\"a.py\" is compressed in an unusual way"), "{method}: {told}");
        }
        assert!(
            Archive::open(&changed(".git/a", 10, &[12, 0])).unwrap().files("").unwrap().is_empty()
        );
    }

    #[test]
    fn what_is_no_whole_archive_is_refused() {
        let zip = zipped(&["a.py"]);
        let unreadable = unreadable().0;
        for bytes in [
            &b""[..],
            b"PK",
            b"print(1)",
            &zip[..zip.len() - 1],
            &zip[30..],
            &[&zip[..], b"x"].concat(),
        ] {
            assert_eq!(refusal(bytes), unreadable);
        }
        for cut in 0..zip.len() {
            assert!(Archive::open(&zip[..cut]).is_err(), "{cut}");
        }
        // A program that unpacks itself.
        assert!(Archive::open(&[&b"#!/bin/sh"[..], &zip].concat()).is_ok());
        let end = zip.len() - END_BYTES;
        let with = |at: usize, bytes: &[u8]| {
            let mut zip = zip.clone();
            zip[end + at..end + at + bytes.len()].copy_from_slice(bytes);
            zip
        };
        assert!(refusal(&with(4, &[1])).contains("one part of a zip archive in several"));
        assert_eq!(refusal(&with(8, &[2, 0, 2, 0])), unreadable);
        assert_eq!(refusal(&with(8, &[0, 0, 0, 0])), unreadable);
        assert!(
            refusal(&with(8, &[255, 255, 255, 255])).contains("at most 20000 files and folders")
        );
    }

    #[test]
    fn the_form_for_large_archives_is_refused() {
        let mut zip = zipped(&["a.py"]);
        let end = zip.split_off(zip.len() - END_BYTES);
        zip.extend_from_slice(ZIP64_LOCATOR);
        zip.extend_from_slice(&[0; 16]);
        zip.extend_from_slice(&end);
        assert!(refusal(&zip).contains("of the form zip64"));
    }
}
