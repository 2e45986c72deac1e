//! A process that can't outlive the one that started it.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// The hidden subcommand that calls [`exec`].
pub const SUBCOMMAND: &str = "die-with-parent";

/// Replaces this process by `command`, which the kernel kills as soon as the process `parent` is
/// gone. Returns only on failure.
///
/// In a child of the standard library this needs unsafe code between fork and exec; a program of
/// its own needs none. It exists on Linux only. Elsewhere the Lambdas exit by themselves: their
/// runtime gives up when the connection to the Runtime API breaks.
pub fn exec(parent: u32, command: &[OsString]) -> io::Error {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Signal, getppid, set_parent_process_death_signal};

        if let Err(error) = set_parent_process_death_signal(Some(Signal::KILL)) {
            return error.into();
        }
        // If the parent died before the line above, the signal never comes.
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
