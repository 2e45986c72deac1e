//! Running one program within limits.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::descendants;
use crate::failure::Failure;

/// How much of the standard error is kept, from its end.
const STDERR_BYTES: usize = 64 * 1024;

/// How much of the standard output is kept, from its end. It is a lock, which has a line of 80 bytes for
/// each file of a package; an answer of a Lambda can't be larger than 6 MB.
const STDOUT_BYTES: usize = 4 * 1024 * 1024;

/// How long the rest of an output is waited for. It comes at once, unless a process that has left the group
/// of `uv` couldn't be killed and keeps the pipe.
const REST: Duration = Duration::from_secs(5);

/// The largest file that a build may write.
#[cfg(target_os = "linux")]
const FILE_BYTES: u64 = 1024 * 1024 * 1024;

/// How a program has ended.
pub(crate) struct Output {
    /// None where it was killed at its time limit.
    pub(crate) status: Option<ExitStatus>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Output {
    pub(crate) fn has_succeeded(&self) -> bool {
        self.status.is_some_and(|status| status.success())
    }
}

/// Runs a program to its end, and kills whatever it has started.
///
/// # Errors
/// [`Failure::Process`]
pub(crate) async fn run(mut command: Command, limit: Duration) -> Result<Output, Failure> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A group of its own, so that it can be killed with its children where there is no better way.
    command.process_group(0).kill_on_drop(true);
    let mut child = command.spawn().map_err(Failure::process("starting uv"))?;
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    #[cfg(target_os = "linux")]
    if let Some(process) = group {
        limit_files(process);
    }
    // They end when the last process that has the pipe has ended.
    let stdout = tokio::spawn(last_bytes(child.stdout.take(), STDOUT_BYTES));
    let stderr = tokio::spawn(last_bytes(child.stderr.take(), STDERR_BYTES));
    let status = match timeout(limit, child.wait()).await {
        Ok(status) => Some(status.map_err(Failure::process("waiting for uv"))?),
        Err(_) => None,
    };
    if let Some(group) = group {
        // It only fails if none of them is left.
        let _ = kill_process_group(group, Signal::KILL);
    }
    if status.is_none() {
        child.wait().await.map_err(Failure::process("waiting for uv"))?;
    }
    descendants::kill().await?;
    let (stdout, stderr) = (text(stdout).await, text(stderr).await);
    Ok(Output { status, stdout, stderr })
}

/// Limits the files of a process that has just started, and of those that it will start. Where it fails,
/// the disk is the limit.
#[cfg(target_os = "linux")]
fn limit_files(process: Pid) {
    use rustix::process::{Resource, Rlimit, prlimit};
    let most = |bytes| Rlimit { current: Some(bytes), maximum: Some(bytes) };
    let _ = prlimit(Some(process), Resource::Fsize, most(FILE_BYTES));
    let _ = prlimit(Some(process), Resource::Core, most(0));
}

async fn last_bytes(stream: Option<impl AsyncRead + Unpin>, most: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let Some(mut stream) = stream else { return bytes };
    let mut chunk = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = stream.read(&mut chunk).await {
        bytes.extend_from_slice(&chunk[..read]);
        // Moved once for each doubling only.
        if bytes.len() > 2 * most {
            bytes.drain(..bytes.len() - most);
        }
    }
    bytes.drain(..bytes.len().saturating_sub(most));
    bytes
}

/// What a task has read of an output.
async fn text(reader: JoinHandle<Vec<u8>>) -> String {
    let bytes = timeout(REST, reader).await.ok().and_then(Result::ok).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_end_of_a_long_output_is_kept() {
        let text: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        for most in [0, 1, 1000, text.len(), 2 * text.len()] {
            let kept = last_bytes(Some(&text[..]), most).await;
            assert_eq!(kept, text[text.len().saturating_sub(most)..], "{most}");
        }
    }
}
