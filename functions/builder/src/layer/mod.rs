//! The files of a layer.

mod archive;
mod prune;
mod record;
mod walk;

use std::io;
use std::path::{Path, PathBuf};

use crate::answer::{InstalledPackage, ResolvedPackage};
use crate::failure::{Failure, Stop};
use crate::lock::normal_name;
use crate::target::Target;
use crate::uv::not_pure;

use record::Record;
use walk::LayerFile;

/// What has been installed, without what a function doesn't need.
pub(crate) struct Layer {
    root: PathBuf,
    files: Vec<LayerFile>,
    records: Vec<Record>,
    locked: Vec<ResolvedPackage>,
}

impl Layer {
    /// The layer of the packages `locked` that are installed in `root`.
    ///
    /// # Errors
    /// [`Stop::Refused`] where a package has what no wheel has, and [`Failure::Disk`].
    pub(crate) fn read(root: &Path, locked: Vec<ResolvedPackage>) -> Result<Self, Stop> {
        let mut files = walk::files(root)?;
        let disk = || Failure::disk("reading the installed packages");
        prune::prune(root, &mut files).map_err(disk())?;
        let records = record::read_and_tidy(root, &mut files).map_err(disk())?;
        Ok(Self { root: root.to_owned(), files, records, locked })
    }

    /// The bytes of all files.
    pub(crate) fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// The packages with the bytes of their files.
    pub(crate) fn packages(&self) -> Vec<InstalledPackage> {
        let sized = |package: &ResolvedPackage| {
            let paths = self.record(&package.name).map(|record| &record.paths);
            let is_of_package =
                |file: &&LayerFile| paths.is_some_and(|paths| paths.contains(&file.path));
            let bytes = self.files.iter().filter(is_of_package).map(|file| file.bytes).sum();
            let ResolvedPackage { name, version } = package.clone();
            InstalledPackage { name, version, bytes }
        };
        self.locked.iter().map(sized).collect()
    }

    /// Checks that a package (`name==version`) whose source distribution was built is pure Python. It was
    /// built for the builder's platform.
    ///
    /// This finds mistakes. A build that wants to put a library into the layer can: it is its owner's.
    pub(crate) fn check_pure(&self, package: &str, target: Target) -> Result<(), Stop> {
        let name = package.split("==").next().unwrap_or_default();
        if self.record(&normal_name(name)).is_some_and(|record| record.is_pure(&self.root)) {
            return Ok(());
        }
        Err(Stop::Refused(not_pure(package, target)))
    }

    /// Writes the zip.
    pub(crate) fn zip(&self, path: &Path) -> io::Result<()> {
        archive::write(&self.root, &self.files, path)
    }

    fn record(&self, name: &str) -> Option<&Record> {
        self.records.iter().find(|record| record.name == name)
    }
}
