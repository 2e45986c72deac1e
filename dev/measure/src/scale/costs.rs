//! What the backend's calls cost and how long they take. Tests compare the units with those that
//! are measured, and the batch with the template's.

/// Read units of the function's item, for each call: one for every 4 KB.
pub const FUNCTION_READ_UNITS: u64 = 1;

/// Read units of a function's item with the largest source that fits in it: 16 KiB compressed, and
/// the other attributes.
pub(super) const LARGE_FUNCTION_READ_UNITS: u64 = 5;

/// Read units of the workspace's item, for each call.
pub const WORKSPACE_READ_UNITS: u64 = 1;

/// Write units of a log in the table, one for every KB: a log of up to 1 KB.
pub const LOG_TABLE_UNITS: u64 = 1;

/// Write units of a log in the index.
pub const LOG_INDEX_UNITS: u64 = 1;

/// Read units of each usage item when a batch is counted: one item for each function, and one for
/// the workspace.
pub(super) const USAGE_READ_UNITS: u64 = 1;

/// Write units of each usage item. A transaction doubles them.
pub(super) const USAGE_TABLE_UNITS: u64 = 2;

/// Write units in the index for each workspace that a batch counts for.
pub(super) const USAGE_INDEX_UNITS: u64 = 1;

/// Records of a batch of the counter at most, as in the template.
pub const BATCH_RECORDS: u64 = 500;

/// Milliseconds that a batch is waited for, as in the template.
pub const BATCH_WINDOW_MS: u64 = 5_000;

/// Milliseconds of reading workspace and function. An assumption.
pub(super) const READ_MS: u64 = 5;

/// Milliseconds of writing a log. An assumption.
pub(super) const WRITE_MS: u64 = 5;

/// Milliseconds of counting for one workspace: a read and a transaction. An assumption.
pub(super) const COUNT_MS: u64 = 20;
