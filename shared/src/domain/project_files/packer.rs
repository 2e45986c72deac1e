//! Writes the archive of a project's files.

use std::io::{self, Cursor, Read};
use std::sync::Arc;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::{ProjectFiles, refuse_bytes};
use crate::domain::error::ValidationError;
use crate::domain::file_path::FilePath;
use crate::domain::zip_archive::damaged;

/// How hard to compress, of 9. More costs several times as long, for some percent.
const LEVEL: i64 = 3;

/// The mode of each file: its owner can write it, and all can read it.
const MODE: u32 = 0o644;

/// Writes the archive of files that are added in order.
pub(in crate::domain) struct Packer {
    writer: ZipWriter<Cursor<Vec<u8>>>,
    names: Vec<FilePath>,
    unzipped_bytes: u64,
}

impl Packer {
    /// A writer of an archive of about `capacity` bytes.
    pub(in crate::domain) fn new(capacity: usize) -> Self {
        let writer = ZipWriter::new(Cursor::new(Vec::with_capacity(capacity)));
        Self { writer, names: Vec::new(), unzipped_bytes: 0 }
    }

    /// Adds a file, whose content is copied in small parts.
    ///
    /// # Errors
    /// [`ValidationError`] where the content can't be read, or all files are too large with it.
    pub(in crate::domain) fn add(
        &mut self,
        path: FilePath,
        content: impl Read,
    ) -> Result<(), ValidationError> {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(LEVEL))
            .last_modified_time(DateTime::default())
            .unix_permissions(MODE);
        self.writer.start_file(path.as_str(), options).map_err(|_| damaged(&path))?;
        // One byte more shows what is too large.
        let left = ProjectFiles::MAX_UNZIPPED_BYTES - self.unzipped_bytes + 1;
        let copied = io::copy(&mut content.take(left), &mut self.writer);
        self.unzipped_bytes += copied.map_err(|_| damaged(&path))?;
        refuse_bytes(self.unzipped_bytes)?;
        self.names.push(path);
        Ok(())
    }

    /// The files that were added.
    pub(in crate::domain) fn finish(self) -> Result<ProjectFiles, ValidationError> {
        let zip = self.writer.finish().map_err(|_| ValidationError::because("can't be packed"))?;
        let mut zip = zip.into_inner();
        zip.shrink_to_fit();
        let (names, unzipped_bytes) = (self.names.into(), self.unzipped_bytes);
        Ok(ProjectFiles { zip: Arc::new(zip), names, unzipped_bytes })
    }
}
