//! The adapter's own tests, which are in Python: `tests/adapter`.

use std::path::Path;
use std::process::Command;

#[test]
fn python_tests_of_the_adapter_pass() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/adapter");
    let tests = Command::new("python3").args(["-B", "-m", "unittest"]).current_dir(folder).output();
    let tests = tests.expect("python3 runs");
    assert!(tests.status.success(), "{}", String::from_utf8_lossy(&tests.stderr));
}
