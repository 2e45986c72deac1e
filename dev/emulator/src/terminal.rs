//! Progress and the Lambdas' output, on stderr: stdout holds results only.

use std::fmt::Display;
use std::io::Write;

/// Writes one line to stderr.
///
/// An error is ignored: with stderr closed there is nowhere to report it.
pub fn say(line: impl Display) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Writes one line of a process's output to stderr, marked with the process's name.
pub fn forward(name: &str, line: &str) {
    say(format_args!("{name:>10} | {line}"));
}
