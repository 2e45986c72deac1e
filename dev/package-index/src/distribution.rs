//! Wheels and source distributions, made by a test.

use std::io::{Cursor, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::tar;

/// A file that the index serves.
#[derive(Clone, Debug)]
pub struct Distribution {
    pub(crate) package: String,
    pub(crate) file_name: String,
    pub(crate) content: Vec<u8>,
    pub(crate) uploaded: String,
    pub(crate) yanked: bool,
}

impl Distribution {
    /// The time of the upload, in RFC 3339. It is 2024-01-01 unless this says another.
    #[must_use]
    pub fn uploaded(mut self, time: &str) -> Self {
        time.clone_into(&mut self.uploaded);
        self
    }

    /// Marks it as withdrawn.
    #[must_use]
    pub fn yanked(mut self) -> Self {
        self.yanked = true;
        self
    }

    fn new(package: &str, file_name: String, content: Vec<u8>) -> Self {
        let uploaded = "2024-01-01T00:00:00Z".to_owned();
        Self { package: package.to_owned(), file_name, content, uploaded, yanked: false }
    }
}

/// A wheel, with the metadata of its name and version. The name is to be a module's, in small letters.
#[derive(Clone, Debug)]
pub struct Wheel {
    name: String,
    version: String,
    tag: String,
    build: Option<u32>,
    requirements: Vec<String>,
    files: Vec<(String, Vec<u8>)>,
}

impl Wheel {
    /// A pure one, whose module holds `VERSION`.
    #[must_use]
    pub fn new(name: &str, version: &str) -> Self {
        let module = format!("VERSION = {version:?}\n").into_bytes();
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            tag: "py3-none-any".to_owned(),
            build: None,
            requirements: Vec::new(),
            files: vec![(format!("{name}/__init__.py"), module)],
        }
    }

    /// The platforms that it is for, such as `cp313-cp313-manylinux_2_17_aarch64`.
    #[must_use]
    pub fn tag(mut self, tag: &str) -> Self {
        tag.clone_into(&mut self.tag);
        self
    }

    /// A build number. Of two wheels that differ in it alone, installers prefer the higher.
    #[must_use]
    pub fn build(mut self, number: u32) -> Self {
        self.build = Some(number);
        self
    }

    /// A requirement, such as `other>=1`.
    #[must_use]
    pub fn requires(mut self, requirement: &str) -> Self {
        self.requirements.push(requirement.to_owned());
        self
    }

    /// A file more. One of the same path is replaced.
    #[must_use]
    pub fn file(mut self, path: &str, content: impl Into<Vec<u8>>) -> Self {
        self.files.retain(|(other, _)| other != path);
        self.files.push((path.to_owned(), content.into()));
        self
    }
}

impl From<Wheel> for Distribution {
    fn from(wheel: Wheel) -> Self {
        let Wheel { name, version, tag, build, requirements, mut files } = wheel;
        let folder = format!("{name}-{version}.dist-info");
        let pure = tag.ends_with("-any");
        files.push((
            format!("{folder}/METADATA"),
            metadata(&name, &version, &requirements).into_bytes(),
        ));
        files.push((
            format!("{folder}/WHEEL"),
            format!("Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: {pure}\nTag: {tag}\n")
                .into_bytes(),
        ));
        let record = format!("{folder}/RECORD");
        let lines: String = files
            .iter()
            .map(|(path, _)| path)
            .chain([&record])
            .map(|path| format!("{path},,\n"))
            .collect();
        files.push((record, lines.into_bytes()));
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (path, content) in files {
            zip.start_file(path, SimpleFileOptions::default()).expect("a new entry");
            zip.write_all(&content).expect("memory");
        }
        let content = zip.finish().expect("memory").into_inner();
        let build = build.map(|number| format!("-{number}")).unwrap_or_default();
        Self::new(&name, format!("{name}-{version}{build}-{tag}.whl"), content)
    }
}

/// A source distribution, whose build is a Python module of the test: the backend of PEP 517, which needs
/// no other package.
#[derive(Clone, Debug)]
pub struct Sdist {
    name: String,
    version: String,
    tag: String,
    build: String,
    files: Vec<(String, Vec<u8>)>,
}

impl Sdist {
    /// One that builds a pure wheel with one module, which holds `VERSION`.
    #[must_use]
    pub fn new(name: &str, version: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            tag: "py3-none-any".to_owned(),
            build: String::new(),
            files: Vec::new(),
        }
    }

    /// The tag of the wheel that it builds.
    #[must_use]
    pub fn tag(mut self, tag: &str) -> Self {
        tag.clone_into(&mut self.tag);
        self
    }

    /// Python statements that run at the build of the wheel. What they put into the dictionary `files`,
    /// text by path, is in the wheel.
    #[must_use]
    pub fn at_build(mut self, statements: &str) -> Self {
        statements.clone_into(&mut self.build);
        self
    }

    /// A file more of the archive.
    #[must_use]
    pub fn file(mut self, path: &str, content: impl Into<Vec<u8>>) -> Self {
        self.files.push((path.to_owned(), content.into()));
        self
    }
}

impl From<Sdist> for Distribution {
    fn from(sdist: Sdist) -> Self {
        let Sdist { name, version, tag, build, mut files } = sdist;
        let project = "[build-system]\nrequires = []\nbuild-backend = \"backend\"\n\
                       backend-path = [\".\"]\n";
        files.push(("pyproject.toml".to_owned(), project.into()));
        files.push(("PKG-INFO".to_owned(), metadata(&name, &version, &[]).into_bytes()));
        files.push(("statements.py".to_owned(), build.into_bytes()));
        files.push((
            "settings.py".to_owned(),
            format!("NAME = {name:?}\nVERSION = {version:?}\nTAG = {tag:?}\n").into_bytes(),
        ));
        files.push(("backend.py".to_owned(), include_bytes!("backend.py").to_vec()));
        let root = format!("{name}-{version}");
        let entries = files.iter().map(|(path, content)| (format!("{root}/{path}"), &content[..]));
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(&tar::archive(entries)).expect("memory");
        Self::new(&name, format!("{root}.tar.gz"), gzip.finish().expect("memory"))
    }
}

fn metadata(name: &str, version: &str, requirements: &[String]) -> String {
    let requirements: String =
        requirements.iter().map(|requirement| format!("Requires-Dist: {requirement}\n")).collect();
    format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requirements}")
}
