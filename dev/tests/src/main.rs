//! `cargo snapshots`: writes every file that a test compares with what the code says: `openapi.json`,
//! the watch router, events, README's table of routes, and the generated sections of `docs`.

use std::process::{Command, ExitCode};

/// The tests that compare, in the order in which one reads what another writes.
const TESTS: [[&str; 4]; 4] = [
    ["--test", "suites", "--", "description::"],
    ["--test", "suites", "--", "snapshots::"],
    ["--test", "measure", "--", "cost::"],
    ["--test", "measure", "--", "scale::"],
];

fn main() -> ExitCode {
    for test in TESTS {
        // With the features of the whole workspace, so that nothing is compiled twice.
        let status = Command::new("cargo")
            .args(["test", "--locked", "--workspace"])
            .args(test)
            .env("UPDATE_EXPECT", "1")
            .status();
        if !status.is_ok_and(|status| status.success()) {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
