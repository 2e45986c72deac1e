//! How much memory a function's processes use.
//!
//! Only on Linux, from `/proc`; elsewhere memory has no limit. The system's own limit
//! (`RLIMIT_AS`) does not help: it counts address space, of which threads take a lot.

use std::time::Duration;

/// How often a running function's memory is measured.
const INTERVAL: Duration = Duration::from_millis(25);

/// Measures a process and its descendants.
#[derive(Debug)]
pub(super) struct MemoryMeter {
    process: Option<u32>,
    limit_mb: u64,
    most_mb: u64,
}

impl MemoryMeter {
    pub(super) fn new(process: Option<u32>, limit_mb: u64) -> Self {
        Self { process, limit_mb, most_mb: 0 }
    }

    /// Returns once the limit is exceeded.
    pub(super) async fn exceeded(&mut self) {
        loop {
            tokio::time::sleep(INTERVAL).await;
            if self.is_exceeded() {
                return;
            }
        }
    }

    /// Measures once.
    pub(super) fn is_exceeded(&mut self) -> bool {
        let Some(process) = self.process else { return false };
        let now: u64 = process_tree(process).into_iter().filter_map(|id| size(id, "VmRSS:")).sum();
        // The peak also counts memory that was freed between two measurements.
        let peak = size(process, "VmHWM:").unwrap_or(0);
        self.most_mb = self.most_mb.max(now.max(peak).div_ceil(1024));
        self.most_mb > self.limit_mb
    }

    /// The most that was measured, in MB.
    pub(super) fn most_mb(&self) -> u64 {
        self.most_mb
    }
}

/// The process and its descendants, as far as their parents still run.
pub(super) fn process_tree(process: u32) -> Vec<u32> {
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
        // A task that has ended meanwhile has no children.
        let text = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
        found.extend(text.split_whitespace().filter_map(|id| id.parse::<u32>().ok()));
    }
    found
}

/// A value of the process's status, in KB.
fn size(process: u32, label: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(label))?;
    line.split_whitespace().next()?.parse().ok()
}
