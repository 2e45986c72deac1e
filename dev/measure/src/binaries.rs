//! Release builds of the Lambdas.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use emulator::project;

/// The Lambdas, in the order of the tables.
pub const LAMBDAS: [&str; 8] =
    ["workspaces", "functions", "logs", "builds", "invocations", "docs", "reconciler", "counter"];

/// The smallest possible Lambda, for comparison.
pub const HELLO: &str = "hello";

/// The binary that replays recorded requests.
pub const REPLAY: &str = "replay";

/// Builds the binaries `names` for this machine, which takes some minutes the first time. The
/// result is their paths.
///
/// # Panics
/// If cargo fails, which prints why.
pub fn build(names: &[&str]) -> BTreeMap<String, PathBuf> {
    let root = project::source_root();
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(&root).args(["build", "--release", "--bins"]);
    for name in names {
        cargo.args(["--package", name]);
    }
    let status = cargo.status().expect("cargo runs");
    assert!(status.success(), "cargo build --release: {status}");
    let folder = std::env::var_os("CARGO_TARGET_DIR").map_or(root.join("target"), PathBuf::from);
    let path = |name: &str| (name.to_owned(), folder.join("release").join(name));
    names.iter().map(|name| path(name)).collect()
}
