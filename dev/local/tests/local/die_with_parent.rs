//! Children end with the process that started them, also when it is killed.
#![cfg(target_os = "linux")]

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Command;

#[tokio::test]
async fn a_bound_process_does_not_outlive_its_killed_parent() {
    // The shell is the parent; both hold the pipe open for as long as they live.
    let script = format!(
        "{} bound-to $$ -- sh -c 'echo up; exec sleep 600' & wait",
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
    let in_time = tokio::time::timeout(Duration::from_secs(20), ended).await;
    assert!(in_time.is_ok(), "the pipe is still open, so the child is still alive");
}

#[tokio::test]
async fn a_process_whose_parent_is_gone_already_does_not_run() {
    let output = Command::new(env!("CARGO_BIN_EXE_local"))
        .args(["bound-to", "1", "--", "echo", "ran"])
        .output()
        .await
        .unwrap();
    assert!(!output.status.success() && output.stdout.is_empty());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("is gone"), "{said}");
}
