//! The deployment package of a function: its source, and the adapter that calls its handler.

mod files;

use std::io::{Cursor, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use serde_json::json;

use crate::domain::{Code, Form, Handler};
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

/// The zip of a function's source and the adapter. The same function always makes the same bytes.
pub(super) fn package(code: &Code, handler: &Handler) -> Result<Vec<u8>, Error> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::DEFAULT)
        .unix_permissions(0o644);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let mut add = |name: String, content: &[u8]| {
        zip.start_file(name, options).map_err(Error::internal)?;
        zip.write_all(content).map_err(Error::internal)
    };
    for (path, content) in adapter(handler.form) {
        add(format!("_faas_adapter/{path}"), content.as_bytes())?;
    }
    let settings = json!({"form": handler.form.name(), "entryPoint": handler.entry_point});
    add("_faas_adapter/function.json".to_owned(), settings.to_string().as_bytes())?;
    add("code/function.py".to_owned(), code.as_bytes())?;
    Ok(zip.finish().map_err(Error::internal)?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    use sha2::{Digest, Sha256};

    fn code() -> Code {
        Code::try_from("def handler(e, c): pass\n".to_owned()).unwrap()
    }

    #[test]
    fn the_same_source_makes_the_same_zip() {
        let zip = package(&code(), &Handler::default()).unwrap();
        let again = package(&code(), &Handler::default()).unwrap();
        assert_eq!(Sha256::digest(&zip), Sha256::digest(again));
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
