//! Killing each process that descends from this one.

use crate::failure::Failure;

/// Kills them until none is left.
///
/// Only the children are killed: their own children are then adopted by this process, which
/// [`crate::own_process::protect`] has arranged, and are the next. So a process without children has no
/// descendants at all.
///
/// # Errors
/// [`Failure::Process`] where new ones appear for ten seconds. This process should end then.
#[cfg(target_os = "linux")]
pub(crate) async fn kill() -> Result<(), Failure> {
    use std::io;
    use std::time::{Duration, Instant};

    use rustix::io::Errno;
    use rustix::process::{WaitOptions, wait};

    const WHAT: &str = "killing the processes of a build";
    let deadline = Instant::now() + Duration::from_secs(10);
    while Instant::now() < deadline {
        match wait(WaitOptions::NOHANG) {
            // The kernel's word: what is read of /proc is never complete while processes start others.
            Err(Errno::CHILD) => return Ok(()),
            Err(error) => return Err(Failure::process(WHAT)(error.into())),
            Ok(Some(_)) => {}
            Ok(None) => {
                kill_children().map_err(Failure::process(WHAT))?;
                tokio::task::yield_now().await;
            }
        }
    }
    Err(Failure::process(WHAT)(io::ErrorKind::TimedOut.into()))
}

/// Here only the group of `uv` is killed, which is done where it is run.
#[cfg(not(target_os = "linux"))]
pub(crate) async fn kill() -> Result<(), Failure> {
    Ok(())
}

/// Kills the children that `/proc` shows.
///
/// The newest is looked at first, and is killed before the next one is looked at: a process that starts its
/// successor and ends may live for less than a millisecond.
#[cfg(target_os = "linux")]
fn kill_children() -> std::io::Result<()> {
    use rustix::process::{Pid, Signal, getpid, kill_process};

    let own = getpid().as_raw_nonzero().get();
    let mut processes = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        processes.extend(entry?.file_name().to_str().and_then(|name| name.parse::<i32>().ok()));
    }
    processes.sort_unstable();
    for process in processes.into_iter().rev() {
        // It may have ended since.
        let Ok(status) = std::fs::read(format!("/proc/{process}/stat")) else { continue };
        if parent(&String::from_utf8_lossy(&status)) == Some(own)
            && let Some(process) = Pid::from_raw(process)
        {
            // Only this process can wait for a child, so that its id is not another's by now.
            let _ = kill_process(process, Signal::KILL);
        }
    }
    Ok(())
}

/// The parent in a line of `/proc/{id}/stat`. The name of the program, in parentheses before, may hold
/// anything.
#[cfg(target_os = "linux")]
fn parent(status: &str) -> Option<i32> {
    let (_, fields) = status.rsplit_once(')')?;
    fields.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_parent_is_found_behind_any_name_of_a_program() {
        assert_eq!(parent("12 (uv) S 7 12 12 0"), Some(7));
        assert_eq!(parent("12 (a) R 1 (b) S 7 12 12 0"), Some(7));
        assert_eq!(parent(""), None);
    }
}
