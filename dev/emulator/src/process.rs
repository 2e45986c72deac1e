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

/// How child processes are started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Launcher {
    /// Through the hidden subcommand of the program `local`, so that they die with it. Only for
    /// that program itself.
    DieWithParent,
    /// Directly, for programs without that subcommand, such as tests. Our Lambdas then exit when
    /// their connection to the Runtime API breaks.
    Direct,
}

impl Launcher {
    /// A command that runs `program`, in a process group of its own.
    pub fn command(self, program: impl AsRef<OsStr>) -> Command {
        let mut command = match self {
            Self::Direct => Command::new(program),
            Self::DieWithParent => {
                let mut command = Command::new(own_program());
                command.arg(die_with_parent::SUBCOMMAND).arg(std::process::id().to_string());
                command.arg("--").arg(program);
                command
            }
        };
        // Ctrl-C at the terminal then reaches only this process, which lets requests finish
        // before it ends its children.
        command.process_group(0).kill_on_drop(true);
        command
    }
}

/// Starts `command`.
///
/// # Errors
/// The system's, such as that the program is missing.
pub async fn spawn(command: Command) -> io::Result<Child> {
    // The kernel ends such a child when the thread that started it ends, so all are started by
    // one thread that lasts as long as the process.
    static SPAWNER: LazyLock<Sender<Job>> = LazyLock::new(|| {
        let (jobs, inbox) = channel::<Job>();
        std::thread::spawn(move || {
            for mut job in inbox {
                let _runtime = job.runtime.enter();
                // Without a receiver the child is dropped, and so killed.
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

/// Runs `command` to its end, without input, and returns its output.
///
/// # Errors
/// The system's, such as that the program is missing.
pub async fn output(mut command: Command) -> io::Result<std::process::Output> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    spawn(command).await?.wait_with_output().await
}

/// Sends a signal to the group of a child that [`Launcher::command`] started.
/// Nothing happens if it has exited.
pub fn signal_group(child: &Child, signal: Signal) {
    if let Some(group) = child.id().and_then(pid) {
        // It only fails if no such process is left.
        let _ = kill_process_group(group, signal);
    }
}

/// Kills the rest of a group whose first process has just exited.
pub fn kill_group(id: u32) {
    if let Some(group) = pid(id) {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// Kills one process. Nothing happens if it has exited.
pub fn kill(id: u32) {
    if let Some(process) = pid(id) {
        let _ = kill_process(process, Signal::KILL);
    }
}

fn pid(id: u32) -> Option<Pid> {
    i32::try_from(id).ok().and_then(Pid::from_raw)
}

/// The search path of this process, the only variable of ours that children get.
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
    // Unlike the path, this stays valid while the program is being rebuilt.
    "/proc/self/exe".into()
}

#[cfg(not(target_os = "linux"))]
fn own_program() -> std::path::PathBuf {
    std::env::current_exe().unwrap_or_else(|_| "local".into())
}
