//! Processing of the table's stream: the reconciler and the counter.

mod crash_recovery;
mod env;
mod reconciling;
