//! A stand-in for the builder: it answers at once, and needs no network and no process.
//!
//! Version 1.0 of every package is there, but for these: `missing` isn't in the index, and the index of
//! `offline` can't be reached. A package is a module with a `name`.

use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use emulator::engine::Answering;
use serde_json::{Value, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// Packages that it leaves out.
const REAL: [&str; 2] = ["cloudevents", "flask"];

/// What was asked for so far.
#[derive(Clone, Debug, Default)]
pub struct BuildRequests(Arc<Mutex<Vec<String>>>);

impl BuildRequests {
    /// The requests since the last call: `resolve` or `install`.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Answers requests to the builder, and writes layers into the buckets in `s3_folder`.
pub(crate) fn handle(
    s3_folder: PathBuf,
    requests: BuildRequests,
) -> impl Fn(bytes::Bytes) -> Answering + Send + Sync + 'static {
    move |event| {
        let request: Value = serde_json::from_slice(&event).unwrap();
        let what = request.as_object().unwrap().keys().next().unwrap().clone();
        requests.0.lock().unwrap().push(what);
        let answer = match &request["resolve"] {
            Value::Null => install(&request["install"], &s3_folder),
            resolve => self::resolve(resolve),
        };
        Box::pin(std::future::ready(Ok(answer.to_string().into())))
    }
}

fn resolve(request: &Value) -> Value {
    let lines = request["requirements"].as_str().unwrap().lines();
    let is_end = |c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_');
    let names: Vec<&str> = lines.map(|line| line.split(is_end).next().unwrap()).collect();
    if names.contains(&"missing") {
        return json!({"refused": {"message": "missing is not in the package index"}});
    }
    if names.contains(&"offline") {
        let message = "the package index packages.example can't be reached";
        return json!({"unreachable": {"message": message}});
    }
    let lock: String = names.iter().map(|name| format!("{name}==1.0\n")).collect();
    json!({"resolved": {"lock": lock, "packages": packages(&lock)}})
}

fn install(request: &Value, s3_folder: &Path) -> Value {
    let lock = request["lock"].as_str().unwrap();
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for package in packages(lock) {
        let name = package["name"].as_str().unwrap();
        // The tests of forms have the real one.
        if REAL.contains(&name) {
            continue;
        }
        zip.start_file(format!("python/{name}.py"), SimpleFileOptions::default()).unwrap();
        writeln!(zip, "name = {name:?}").unwrap();
    }
    let zip = zip.finish().unwrap().into_inner();
    let url: http::Uri = request["put"]["url"].as_str().unwrap().parse().unwrap();
    let object = s3_folder.join(url.path().trim_start_matches('/'));
    std::fs::create_dir_all(object.parent().unwrap()).unwrap();
    std::fs::write(object, zip).unwrap();
    json!({"installed": {"unzippedBytes": lock.len(), "packages": packages(lock)}})
}

fn packages(lock: &str) -> Vec<Value> {
    let package = |line: &str| {
        let (name, version) = line.split_once("==").unwrap();
        json!({"name": name, "version": version})
    };
    lock.lines().map(package).collect()
}
