//! Items of the legacy backend, and their migration to the current form.
//!
//! Legacy workspaces and functions have no version, and the identifiers of legacy logs no `log-`.
//! Methods that plan what becomes of an item write nothing. Others carry it out; each can be
//! interrupted anywhere and repeated.
//!
//! The order is a workspace, then its functions, then their logs, because reconciler and counter
//! process the stream meanwhile. The counter counts a new log where its function has a usage item,
//! and deletes it as orphaned where not; so a function's usage item is created with the function, in
//! one transaction.

mod fields;
mod function;
mod item_kind;
mod json;
mod log;
mod migration;
mod table;
mod workspace;

pub use function::LegacyFunction;
pub use item_kind::ItemKind;
pub use log::{LegacyLog, LegacyLogs, PageToken};
pub use migration::{MigrationAction, Orphan, Rewrite};
pub use workspace::LegacyWorkspace;
