//! A builder with an index of its own.

#![allow(dead_code, reason = "each test program uses a part of it")]

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use builder::{
    Answer, Architecture, Builder, Failure, Install, Limits, Put, PythonVersion, Request, Resolve,
    Settings, UvSource,
};
use package_index::PackageIndex;
use tempfile::TempDir;
use zip::ZipArchive;

/// The most bytes of a layer, as AWS has it.
pub(crate) const LIMIT: u64 = 262_144_000;

/// The key under which the zip is stored.
pub(crate) const KEY: &str = "layer";

/// A builder, an index and a work folder.
pub(crate) struct Setup {
    pub(crate) index: PackageIndex,
    pub(crate) builder: Builder,
    pub(crate) work: TempDir,
}

impl Setup {
    pub(crate) fn new() -> Self {
        Self::with(PackageIndex::start(), UvSource::Download(uv_folder()), Limits::default())
    }

    pub(crate) fn with(index: PackageIndex, uv: UvSource, limits: Limits) -> Self {
        let work = tempfile::tempdir().unwrap();
        let settings = Settings {
            python: python(),
            libraries: None,
            work: work.path().to_owned(),
            uv,
            certificates: std::env::var_os("SSL_CERT_FILE").map(PathBuf::from),
            targets: builder::Targets::AsRequested,
            limits,
        };
        Self { index, builder: Builder::new(settings), work }
    }

    /// A request to resolve for Python 3.13 on x86_64.
    pub(crate) fn resolve_request(&self, requirements: &str) -> Resolve {
        Resolve {
            requirements: requirements.to_owned(),
            python: PythonVersion::V3_13,
            architecture: Architecture::X86_64,
            as_of: None,
            index: Some(self.index.url()),
        }
    }

    /// A request to install for Python 3.13 on x86_64.
    pub(crate) fn install_request(&self, lock: &str) -> Install {
        Install {
            lock: lock.to_owned(),
            python: PythonVersion::V3_13,
            architecture: Architecture::X86_64,
            index: Some(self.index.url()),
            limit_bytes: LIMIT,
            put: Put {
                url: self.index.object_url(KEY),
                headers: BTreeMap::from([("x-test".to_owned(), "signed".to_owned())]),
            },
        }
    }

    pub(crate) async fn handle(&self, request: Request) -> Result<Answer, Failure> {
        let answer = self.builder.handle(request).await;
        assert!(self.work.path().read_dir().unwrap().next().is_none(), "the work folder is wiped");
        answer
    }

    pub(crate) async fn answer(&self, request: Request) -> Answer {
        self.handle(request).await.unwrap()
    }

    /// The lock of some requirements.
    pub(crate) async fn lock(&self, requirements: &str) -> String {
        match self.answer(Request::Resolve(self.resolve_request(requirements))).await {
            Answer::Resolved { lock, .. } => lock,
            other => panic!("{other:?}"),
        }
    }

    /// The files of the layer that a lock makes.
    pub(crate) async fn layer(&self, lock: &str) -> BTreeMap<String, Vec<u8>> {
        let answer = self.answer(Request::Install(self.install_request(lock))).await;
        assert!(matches!(answer, Answer::Installed { .. }), "{answer:?}");
        unzipped(&self.zip())
    }

    /// The zip that was stored last.
    pub(crate) fn zip(&self) -> Vec<u8> {
        self.index.object(KEY).unwrap().body
    }

    /// Why resolving some requirements is refused.
    pub(crate) async fn refusal(&self, requirements: &str) -> String {
        refusal(self.answer(Request::Resolve(self.resolve_request(requirements))).await)
    }

    /// Why installing a lock is refused.
    pub(crate) async fn install_refusal(&self, lock: &str) -> String {
        refusal(self.answer(Request::Install(self.install_request(lock))).await)
    }
}

pub(crate) fn refusal(answer: Answer) -> String {
    match answer {
        Answer::Refused { message } => message,
        other => panic!("{other:?}"),
    }
}

fn unzipped(zip: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut archive = ZipArchive::new(Cursor::new(zip)).unwrap();
    let mut files = BTreeMap::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        files.insert(entry.name().unwrap().into_owned(), content);
    }
    files
}

/// The folder into which `uv` is downloaded once.
pub(crate) fn uv_folder() -> PathBuf {
    std::env::var_os("BUILDER_UV_FOLDER").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.engine/uv"),
        PathBuf::from,
    )
}

/// An interpreter. The system's is preferred: it needs no variables, and other users can run it.
pub(crate) fn python() -> PathBuf {
    let of_system = Path::new("/usr/bin/python3");
    if of_system.exists() {
        return of_system.to_owned();
    }
    let mut command = std::process::Command::new("python3");
    let output = command.args(["-c", "import sys; print(sys.executable)"]).output().unwrap();
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
}
