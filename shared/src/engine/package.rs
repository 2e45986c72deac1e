//! The deployment package: a zip of a function's source and our adapter.

use std::io::{Cursor, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::domain::Code;
use crate::error::Error;

/// The adapter, which calls the user's handler.
pub(super) const ADAPTER: &str = include_str!("adapter.py");

/// The handler that Lambda calls: `handle` of `faas_adapter.py`.
pub(super) const HANDLER: &str = "faas_adapter.handle";

/// The zip of `code` and the adapter. The same source always makes the same bytes.
pub(super) fn package(code: &Code) -> Result<Vec<u8>, Error> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::DEFAULT)
        .unix_permissions(0o644);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in
        [("faas_adapter.py", ADAPTER.as_bytes()), ("function.py", code.as_bytes())]
    {
        zip.start_file(name, options).map_err(Error::internal)?;
        zip.write_all(content).map_err(Error::internal)?;
    }
    Ok(zip.finish().map_err(Error::internal)?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    fn code() -> Code {
        Code::try_from("def handler(e, c): pass\n".to_owned()).unwrap()
    }

    #[test]
    fn the_same_source_makes_the_same_zip() {
        let zip = package(&code()).unwrap();
        let again = package(&code()).unwrap();
        assert_eq!(Sha256::digest(&zip), Sha256::digest(again));
        // The time of every entry is the first that a zip can name.
        assert_eq!(&zip[10..14], [0, 0, 0x21, 0], "1980-01-01 00:00:00");
    }
}
