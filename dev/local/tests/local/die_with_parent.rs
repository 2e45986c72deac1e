//! Children end with the process that started them, even if it is killed.
#![cfg(target_os = "linux")]

use std::process::Stdio;

use crate::client::TIMEOUT;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Command;

#[tokio::test]
async fn a_child_does_not_outlive_its_killed_parent() {
    // The shell is the parent; both hold the pipe open while they run.
    let script = format!(
        "{} die-with-parent $$ -- sh -c 'echo up; exec sleep 600' & wait",
        env!("CARGO_BIN_EXE_local")
    );
    let mut parent = Command::new("sh")
        .args(["-c", &script])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut output = BufReader::new(parent.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).await.unwrap();
    assert_eq!(line, "up\n");
    parent.start_kill().unwrap();
    let ended = output.read_to_string(&mut line);
    let end = tokio::time::timeout(TIMEOUT, ended).await;
    assert!(end.is_ok(), "the pipe is still open, so the child still runs");
}

#[tokio::test]
async fn a_process_whose_parent_is_gone_does_not_start() {
    let output = Command::new(env!("CARGO_BIN_EXE_local"))
        .args(["die-with-parent", "1", "--", "echo", "ran"])
        .output()
        .await
        .unwrap();
    assert!(!output.status.success() && output.stdout.is_empty());
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains("is gone"), "{message}");
}
