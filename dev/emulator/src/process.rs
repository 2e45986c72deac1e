//! Starting and ending child processes.

use std::ffi::OsStr;
use std::io;
use std::process::Stdio;
use std::sync::LazyLock;
use std::sync::mpsc::{Sender, channel};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::process::{Child, Command};
use tokio::sync::oneshot;

use crate::die_with_parent;

/// How children are started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Launcher {
    /// Through this program's own hidden subcommand, so that they die with it.
    /// Only for the program `local` itself.
    Bound,
    /// Directly. For programs that have no such subcommand, such as tests: our
    /// Lambdas then end because their connection to the Runtime API breaks.
    Direct,
}

impl Launcher {
    /// A command that runs `program`, in a process group of its own.
    pub fn command(self, program: impl AsRef<OsStr>) -> Command {
        let mut command = match self {
            Self::Direct => Command::new(program),
            Self::Bound => {
                let mut command = Command::new(own_program());
                command.arg(die_with_parent::SUBCOMMAND).arg(std::process::id().to_string());
                command.arg("--").arg(program);
                command
            }
        };
        // Ctrl-C at the terminal then reaches this process alone, which lets
        // requests finish before it ends its children.
        command.process_group(0).kill_on_drop(true);
        command
    }
}

/// Starts `command`.
///
/// # Errors
/// What the system says, such as that the program is missing.
pub async fn spawn(command: Command) -> io::Result<Child> {
    // The kernel ends a bound child when the thread that started it ends, so
    // all are started by one thread that lasts as long as the process.
    static SPAWNER: LazyLock<Sender<Job>> = LazyLock::new(|| {
        let (jobs, inbox) = channel::<Job>();
        std::thread::spawn(move || {
            for mut job in inbox {
                let _runtime = job.runtime.enter();
                // Nobody waits any more: the child is dropped, and so killed.
                let _ = job.done.send(job.command.spawn());
            }
        });
        jobs
    });
    let (done, result) = oneshot::channel();
    let runtime = tokio::runtime::Handle::current();
    SPAWNER.send(Job { command, runtime, done }).map_err(|_| spawner_is_gone())?;
    result.await.map_err(|_| spawner_is_gone())?
}

/// Runs `command` to its end, and gives what it wrote. It can't ask for anything.
///
/// # Errors
/// What the system says, such as that the program is missing.
pub async fn output(mut command: Command) -> io::Result<std::process::Output> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    spawn(command).await?.wait_with_output().await
}

/// Sends a signal to the group of a child that [`Launcher::command`] started.
/// Nothing happens if it has ended.
pub fn signal_group(child: &Child, signal: Signal) {
    if let Some(group) = child.id().and_then(pid) {
        // The one failure is that no such process is left, which is the aim.
        let _ = kill_process_group(group, signal);
    }
}

/// Kills what is left of a group whose first process has just ended.
pub fn kill_group(id: u32) {
    if let Some(group) = pid(id) {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// Kills one process. Nothing happens if it has ended.
pub fn kill(id: u32) {
    if let Some(process) = pid(id) {
        let _ = kill_process(process, Signal::KILL);
    }
}

fn pid(id: u32) -> Option<Pid> {
    i32::try_from(id).ok().and_then(Pid::from_raw)
}

/// The search path of this process: the one variable that children are given of ours.
pub fn search_path() -> Option<String> {
    std::env::var_os("PATH").and_then(|path| path.into_string().ok())
}

struct Job {
    command: Command,
    runtime: tokio::runtime::Handle,
    done: oneshot::Sender<io::Result<Child>>,
}

fn spawner_is_gone() -> io::Error {
    io::Error::other("the thread that starts processes has ended")
}

#[cfg(target_os = "linux")]
fn own_program() -> std::path::PathBuf {
    // Unlike the path, this stays right while the program is being rebuilt.
    "/proc/self/exe".into()
}

#[cfg(not(target_os = "linux"))]
fn own_program() -> std::path::PathBuf {
    std::env::current_exe().unwrap_or_else(|_| "local".into())
}
