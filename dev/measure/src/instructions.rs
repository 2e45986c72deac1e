//! The instructions of a request, counted by valgrind's callgrind. The number is nearly the same in
//! every run, whatever else the machine does.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use emulator::project;
use emulator::terminal::say;
use replay::RecordedRequest;

/// How often a request is sent in the two runs whose difference counts.
const TIMES: [u64; 2] = [10, 60];

/// Counts the instructions of every recorded request with the binary `replay`. The result is a
/// table.
///
/// # Panics
/// If there is no valgrind, or the binary fails.
pub fn table(replay: &Path, recorded: &[RecordedRequest]) -> String {
    let folder = project::source_root().join("target/measure");
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    let file = folder.join("requests.json");
    let text = serde_json::to_string(recorded).expect("recorded requests are JSON");
    std::fs::write(&file, text).expect("they can be written");
    let mut table = "| request | thousand instructions |\n| --- | ---: |\n".to_owned();
    for RecordedRequest { what, .. } in recorded {
        say(format_args!("counting the instructions of {what}"));
        let [few, many] = TIMES.map(|times| run(replay, &file, what, times));
        let each = (many - few) as f64 / (TIMES[1] - TIMES[0]) as f64 / 1000.0;
        writeln!(table, "| {what} | {each:.0} |").ok();
    }
    table
}

fn run(replay: &Path, file: &Path, what: &str, times: u64) -> u64 {
    let mut valgrind = Command::new("valgrind");
    let profile = file.with_file_name("callgrind.out");
    valgrind.arg("--tool=callgrind").arg(format!("--callgrind-out-file={}", profile.display()));
    valgrind.arg(replay).arg(file).arg(what).arg(times.to_string()).env_clear();
    valgrind.envs([("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "secret")]);
    valgrind.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    let output = valgrind.output().expect("valgrind runs: it has to be installed");
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{what}: {log}");
    let collected = log.lines().find_map(|line| line.split_once("Collected : "));
    let number = collected.and_then(|(_, number)| number.trim().parse().ok());
    number.unwrap_or_else(|| panic!("callgrind didn't say what it collected: {log}"))
}
