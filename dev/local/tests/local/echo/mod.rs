//! A stack with the echo Lambda in place of each real one.

use std::collections::BTreeMap;

use emulator::process::Launcher;
use emulator::project;
use emulator::template::{DEFAULT_REGION, Template};
use local::stack::Options;

/// The options of such a stack, with any free port, without sign-in and data folder.
pub(crate) fn options() -> Options {
    let root = project::source_root();
    let test = std::env::current_exe().unwrap();
    let echo = test.ancestors().nth(2).unwrap().join("examples/echo_lambda");
    let template = Template::read(&root.join("template.yaml"), DEFAULT_REGION).unwrap();
    let binaries: BTreeMap<_, _> =
        template.functions.into_iter().map(|f| (f.binary, echo.clone())).collect();
    Options {
        root,
        port: 0,
        data: None,
        sign_in: None,
        watch: false,
        launcher: Launcher::Direct,
        binaries: Some(binaries),
    }
}

/// The same with `from` replaced by `to` in the template, which is in the returned folder.
///
/// # Panics
/// Where the template doesn't contain `from`.
pub(crate) fn options_with(from: &str, to: &str) -> (Options, tempfile::TempDir) {
    let mut options = options();
    let template = std::fs::read_to_string(options.root.join("template.yaml")).unwrap();
    let changed = template.replace(from, to);
    assert_ne!(changed, template, "{from} is not in the template");
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("template.yaml"), changed).unwrap();
    options.root = root.path().to_owned();
    (options, root)
}
