//! The deployment package of a function: its source, and the adapter that calls its handler.

mod files;

use std::io::{Cursor, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use serde_json::json;

use crate::domain::{Form, Function, ProjectFiles};
use crate::error::Error;

use files::File;

/// The form of the events that the adapter takes: counted up with each change that an adapter of an
/// earlier release would not understand.
pub const PROTOCOL: u32 = 1;

/// The handler that Lambda calls.
pub(super) const HANDLER: &str = "_faas_adapter.handle";

/// The files that run around a handler of this form.
pub(super) fn adapter(form: Form) -> impl Iterator<Item = &'static File> {
    files::CORE.iter().chain(files::of_form(form))
}

/// A deployment package.
pub(super) struct Package {
    pub(super) zip: Vec<u8>,
    /// The bytes of its files.
    pub(super) unzipped_bytes: u64,
}

/// The zip of a function's source, its other files and the adapter. The same function always makes the
/// same bytes.
pub(super) fn package(function: &Function) -> Result<Package, Error> {
    let handler = function.handler();
    let main_file = function.settings.main_file.path();
    let mut packer = Packer { zip: ZipWriter::new(Cursor::new(Vec::new())), bytes: 0 };
    for (path, content) in adapter(handler.form) {
        packer.add(format!("_faas_adapter/{path}"), content.as_bytes())?;
    }
    let settings = json!({
        "form": handler.form.name(),
        "entryPoint": handler.entry_point,
        "main": main_file,
    });
    packer.add("_faas_adapter/function.json".to_owned(), settings.to_string().as_bytes())?;
    packer.add(format!("{CODE}/{main_file}"), function.code.as_bytes())?;
    if let Some(files) = function.files.content() {
        packer.copy(files)?;
    }
    let zip = packer.zip.finish().map_err(Error::internal)?.into_inner();
    Ok(Package { zip, unzipped_bytes: packer.bytes })
}

/// The folder of the source and the other files.
const CODE: &str = "code";

struct Packer {
    zip: ZipWriter<Cursor<Vec<u8>>>,
    bytes: u64,
}

impl Packer {
    fn add(&mut self, name: String, content: &[u8]) -> Result<(), Error> {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(DateTime::DEFAULT)
            .unix_permissions(0o644);
        self.zip.start_file(name, options).map_err(Error::internal)?;
        self.zip.write_all(content).map_err(Error::internal)?;
        self.bytes += content.len() as u64;
        Ok(())
    }

    /// Adds files as they are packed.
    fn copy(&mut self, files: &ProjectFiles) -> Result<(), Error> {
        let archive = ZipArchive::new(Cursor::new(files.as_zip()));
        let mut archive = archive.map_err(Error::internal)?;
        for index in 0..archive.len() {
            let file = archive.by_index_raw(index).map_err(Error::internal)?;
            let name = format!("{CODE}/{}", file.name().map_err(Error::internal)?);
            self.zip.raw_copy_file_rename(file, name).map_err(Error::internal)?;
        }
        self.bytes += files.unzipped_bytes();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{CreateFunction, CreationSeed, Fields, Timestamp, WorkspaceId};
    use std::collections::BTreeSet;
    use std::path::Path;

    use sha2::{Digest, Sha256};

    fn function() -> Function {
        let fields = serde_json::json!({
            "name": "f",
            "code": "ZGVmIGhhbmRsZXIoZSwgYyk6IHBhc3M=",
            "files": {"lib/a.py": "eCA9IDE=", "b.txt": ""},
        });
        let fields = Fields::parse(fields.to_string().as_bytes()).unwrap();
        let create = CreateFunction::try_from(fields).unwrap();
        create.create(WorkspaceId::generate(), &CreationSeed::new(Timestamp::now()))
    }

    #[test]
    fn the_same_source_makes_the_same_zip() {
        let Package { zip, unzipped_bytes } = package(&function()).unwrap();
        let again = package(&function()).unwrap().zip;
        assert_eq!(Sha256::digest(&zip), Sha256::digest(again));
        let mut archive = ZipArchive::new(Cursor::new(&zip)).unwrap();
        let mut sizes = 0;
        for index in 0..archive.len() {
            sizes += archive.by_index(index).unwrap().size();
        }
        assert_eq!(sizes, unzipped_bytes);
        for name in ["code/function.py", "code/lib/a.py", "code/b.txt"] {
            assert!(archive.by_name(name).is_ok(), "{name}");
        }
        // The time of every entry is the first that a zip can name.
        assert_eq!(&zip[10..14], [0, 0, 0x21, 0], "1980-01-01 00:00:00");
    }

    #[test]
    fn every_file_of_the_adapter_is_in_a_package() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/engine/adapter");
        let mut folders = vec![root.clone()];
        let mut found = BTreeSet::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "py") {
                    found.insert(path.strip_prefix(&root).unwrap().display().to_string());
                }
            }
        }
        let packed = Form::ALL.into_iter().flat_map(adapter).map(|(path, _)| path.to_string());
        assert_eq!(packed.collect::<BTreeSet<_>>(), found);
    }
}
