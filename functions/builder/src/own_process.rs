//! What protects this process from those that it starts.

use crate::failure::Failure;

/// Makes this process the one that adopts its orphaned descendants, so that they can be found and killed,
/// and closes its memory, its environment and its open files to other processes of its user.
///
/// # Errors
/// [`Failure::Process`]
#[cfg(target_os = "linux")]
pub(crate) fn protect() -> Result<(), Failure> {
    use rustix::process::{DumpableBehavior, getpid, set_child_subreaper, set_dumpable_behavior};
    let adopt = set_child_subreaper(Some(getpid()));
    let close = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    adopt.and(close).map_err(|e| Failure::process("protecting this process")(e.into()))
}

/// Nothing is protected on this system.
#[cfg(not(target_os = "linux"))]
pub(crate) fn protect() -> Result<(), Failure> {
    Ok(())
}
