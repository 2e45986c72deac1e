//! How far a migration is, told to whoever waits for it.

use std::fmt::Display;
use std::io::Write;
use std::time::{Duration, Instant};

/// How long it is silent.
const EVERY: Duration = Duration::from_secs(5);

/// How far a migration is.
#[derive(Debug)]
pub(super) struct Progress {
    found: usize,
    done: u64,
    expected: u64,
    told: Instant,
}

impl Progress {
    pub(super) fn begin() -> Self {
        Self { found: 0, done: 0, expected: 0, told: Instant::now() }
    }

    /// So many items were found in the table.
    pub(super) fn found(&mut self, items: usize) {
        self.found += items;
        if self.is_due() {
            say(format_args!("looking through the table: {} items", self.found));
        }
    }

    /// So many items are to be done.
    pub(super) fn expect(&mut self, items: u64) {
        self.expected = items;
    }

    /// So many more items are done.
    pub(super) fn done(&mut self, items: u64) {
        self.done += items;
        if self.is_due() {
            say(format_args!("{} of {} items are done", self.done, self.expected));
        }
    }

    fn is_due(&mut self) -> bool {
        let is_due = self.told.elapsed() >= EVERY;
        if is_due {
            self.told = Instant::now();
        }
        is_due
    }
}

/// Writes one line to stderr, so that stdout holds the report only. With stderr closed there is
/// nowhere to write.
fn say(line: impl Display) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
