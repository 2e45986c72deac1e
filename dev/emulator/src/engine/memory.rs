//! How much memory a function's processes use.
//!
//! Only Linux tells it in a way that needs no more code than this; elsewhere a
//! function may use what it likes. A limit of the system's own (`RLIMIT_AS`) is
//! no way out: it counts address space, of which threads take a lot.

use std::time::Duration;

/// How often a running function's memory is looked at.
const EVERY: Duration = Duration::from_millis(25);

/// Watches one process and what it started.
#[derive(Debug)]
pub(super) struct Meter {
    process: Option<u32>,
    limit_mb: u64,
    most_mb: u64,
}

impl Meter {
    pub(super) fn new(process: Option<u32>, limit_mb: u64) -> Self {
        Self { process, limit_mb, most_mb: 0 }
    }

    /// Ends once more memory is used than may be.
    pub(super) async fn exceeded(&mut self) {
        loop {
            tokio::time::sleep(EVERY).await;
            if self.is_exceeded() {
                return;
            }
        }
    }

    /// Looks once.
    pub(super) fn is_exceeded(&mut self) -> bool {
        let Some(process) = self.process else { return false };
        let now: u64 = family(process).into_iter().filter_map(|id| size(id, "VmRSS:")).sum();
        // What was taken and given back between two looks is seen by its peak.
        let peak = size(process, "VmHWM:").unwrap_or(0);
        self.most_mb = self.most_mb.max(now.max(peak).div_ceil(1024));
        self.most_mb > self.limit_mb
    }

    /// The most that was seen, in MB.
    pub(super) fn most_mb(&self) -> u64 {
        self.most_mb
    }
}

/// The process and all that it started which still have a parent among them.
pub(super) fn family(process: u32) -> Vec<u32> {
    let mut all = vec![process];
    let mut next = 0;
    while let Some(id) = all.get(next) {
        all.extend(children(*id));
        next += 1;
    }
    all
}

fn children(process: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task"));
    let mut found = Vec::new();
    for task in tasks.into_iter().flatten().flatten() {
        // A task that has ended meanwhile has no children any more.
        let text = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
        found.extend(text.split_whitespace().filter_map(|id| id.parse::<u32>().ok()));
    }
    found
}

/// A line of the process's status, in KB.
fn size(process: u32, label: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(label))?;
    line.split_whitespace().next()?.parse().ok()
}
