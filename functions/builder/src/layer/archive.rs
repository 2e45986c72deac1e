//! The zip of a layer.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::walk::LayerFile;

/// Writes the zip of `files`, which are below `root`, each under `python/`. The same files always make the
/// same bytes.
pub(super) fn write(root: &Path, files: &[LayerFile], path: &Path) -> io::Result<()> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::DEFAULT);
    let mut zip = ZipWriter::new(BufWriter::new(File::create(path)?));
    for file in files {
        let mode = if file.is_executable { 0o755 } else { 0o644 };
        zip.start_file(format!("python/{}", file.path), options.unix_permissions(mode))?;
        io::copy(&mut File::open(root.join(&file.path))?, &mut zip)?;
    }
    zip.finish()?.into_inner()?.sync_data()
}
