//! A process bound to its parent: it can't outlive the stack that started it.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// The hidden subcommand of this program that [`exec`] stands behind.
pub const SUBCOMMAND: &str = "bound-to";

/// Replaces this process by `command`, which the kernel then kills as soon as
/// the process `parent` is gone, however that ended. Returns only on failure.
///
/// The standard library can do this in a child only with unsafe code, between
/// fork and exec; as a program of its own it needs none. Linux alone has it.
/// Elsewhere the Lambdas end by themselves: their runtime gives up when the
/// connection to the Runtime API breaks.
pub fn exec(parent: u32, command: &[OsString]) -> io::Error {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Signal, getppid, set_parent_process_death_signal};

        if let Err(error) = set_parent_process_death_signal(Some(Signal::KILL)) {
            return error.into();
        }
        // Had the parent died before the line above, the signal would never come.
        let actual = getppid().map(|pid| pid.as_raw_nonzero().get().unsigned_abs());
        if actual != Some(parent) {
            return io::Error::other("the process that started this one is gone");
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = parent;
    match command {
        [program, arguments @ ..] => {
            let error = Command::new(program).args(arguments).exec();
            io::Error::new(error.kind(), format!("{} can't be run: {error}", program.display()))
        }
        [] => io::Error::other("no command was given"),
    }
}
