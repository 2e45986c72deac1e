//! Progress lines of a migration.

use std::fmt::Display;
use std::io::Write;
use std::time::{Duration, Instant};

/// The time between two lines.
const EVERY: Duration = Duration::from_secs(5);

/// How far a migration is.
#[derive(Debug)]
pub(super) struct Progress {
    found: usize,
    done: u64,
    expected: u64,
    printed: Instant,
}

impl Progress {
    pub(super) fn begin() -> Self {
        Self { found: 0, done: 0, expected: 0, printed: Instant::now() }
    }

    /// Adds items that were found in the table.
    pub(super) fn found(&mut self, items: usize) {
        self.found += items;
        if self.is_due() {
            say(format_args!("reading the table: {} items", self.found));
        }
    }

    /// Sets the number of items to process.
    pub(super) fn expect(&mut self, items: u64) {
        self.expected = items;
    }

    /// Adds items that are processed.
    pub(super) fn done(&mut self, items: u64) {
        self.done += items;
        if self.is_due() {
            say(format_args!("{} of {} items are processed", self.done, self.expected));
        }
    }

    fn is_due(&mut self) -> bool {
        let is_due = self.printed.elapsed() >= EVERY;
        if is_due {
            self.printed = Instant::now();
        }
        is_due
    }
}

/// Writes a line to stderr, because stdout has the report. An error is ignored: without stderr,
/// there is nobody to report to.
fn say(line: impl Display) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
