//! What follows the table's stream: the reconciler and the counter together.

mod crash_recovery;
mod env;
mod reconciling;
mod usage;
