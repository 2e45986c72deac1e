//! A build that looks for secrets, and tries to outlive its answer.
//!
//! A program of its own: it runs itself again, and a builder kills what its process has started.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use builder::{Limits, UvSource};
use package_index::{PackageIndex, Sdist, Wheel};
use rustix::process::{geteuid, getpid};
use serde_json::Value;

use support::{Setup, uv_folder};

/// The variable that the second process has, and its value.
const VARIABLE: &str = "AWS_SECRET_ACCESS_KEY";
const SECRET: &str = "the-secret-of-the-builder";

/// What is in the arguments of the process that the build leaves behind.
const MARK: &[u8] = b"hostile-to-the-builder";

/// A user without privileges.
const NOBODY: u32 = 65534;

#[tokio::test]
async fn a_hostile_build_finds_nothing_and_leaves_nothing() {
    if std::env::var_os(VARIABLE).is_some_and(|value| value == SECRET) {
        return attack().await;
    }
    // With `uv` in place, which the other user can't write.
    let setup = Setup::new();
    setup.index.add(Wheel::new("a", "1"));
    setup.lock("a").await;

    let again = || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([
            "a_hostile_build_finds_nothing_and_leaves_nothing",
            "--exact",
            "--nocapture",
        ]);
        command.env(VARIABLE, SECRET).current_dir("/");
        command
    };
    let output = if geteuid().is_root() {
        // Nothing is closed to root, whose builds could read our memory and our environment.
        match again().uid(NOBODY).gid(NOBODY).output() {
            Err(e) if e.kind() == ErrorKind::PermissionDenied => {
                let note = "skipped: another user can't run this program, so the builder's own \
                            environment isn't tested";
                writeln!(std::io::stderr(), "{note}").unwrap();
                again().output()
            }
            output => output,
        }
    } else {
        again().output()
    };
    let output = output.unwrap();
    let told =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(output.status.success() && told[0].contains("1 passed"), "{}\n{}", told[0], told[1]);
}

async fn attack() {
    let uv = UvSource::Program(uv_folder().join("uv-0.13.9"));
    let setup = Setup::with(PackageIndex::start(), uv, Limits::default());
    for name in ["hostile", "next"] {
        let attack = include_str!("attack.py").replace("hostile/found", &format!("{name}/found"));
        setup.index.add(Sdist::new(name, "1").at_build(&attack));
    }
    for name in ["hostile", "next"] {
        let lock = setup.lock(name).await;
        let files = setup.layer(&lock).await;
        let found: Value =
            serde_json::from_slice(&files[&format!("python/{name}/found.json")]).unwrap();

        let environ: BTreeMap<String, String> =
            serde_json::from_value(found["environ"].clone()).unwrap();
        assert!(!environ.keys().any(|variable| variable.starts_with("AWS_")), "{environ:?}");
        let own = getpid().as_raw_nonzero().to_string();
        let of_processes = found["processes"].as_object().unwrap();
        assert!(of_processes.contains_key(&own), "it looked at this process");
        if !geteuid().is_root() {
            assert_eq!(of_processes[&own], "PermissionError");
            assert!(!found.to_string().contains(SECRET));
        }
        assert_eq!(found["markers"], Value::Array(Vec::new()));

        assert_eq!(left_running(), Vec::<String>::new());
        std::thread::sleep(Duration::from_millis(100));
        assert!(setup.work.path().read_dir().unwrap().next().is_none(), "nothing writes on");
    }
}

/// The processes of builds that run.
fn left_running() -> Vec<String> {
    let processes = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
    let is_of_build = |path: &std::path::PathBuf| {
        let arguments = fs::read(path.join("cmdline")).unwrap_or_default();
        arguments.windows(MARK.len()).any(|part| part == MARK)
    };
    processes.filter(is_of_build).map(|path| path.display().to_string()).collect()
}
