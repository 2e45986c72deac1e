//! The items of the table as types, each with the serde form in which it is stored.
//!
//! Values in a record were checked before they were written.

mod code;
mod dependencies;
mod deployment;
mod files;
mod function;
mod invocation_key;
mod log;
mod task;
mod workspace;

pub use code::SourceKey;
pub(super) use code::{CodeRecord, code_from_inline};
pub(super) use dependencies::{DependenciesRecord, InstalledRecord, Outcome};
pub(super) use files::FilesRecord;
pub(super) use function::{FunctionRecord, PackagesAsked, visible_function};
pub(super) use invocation_key::{InvocationKeyRecord, LEGACY_KEYS, legacy_element};
pub(super) use log::{LogRecord, expires_at};
pub(super) use task::TaskRecord;
pub(super) use workspace::{WorkspaceRecord, visible_workspace, visible_workspace_item};
