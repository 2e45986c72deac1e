//! The program `local`, as people start it.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use emulator::project;
use http::Method;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::client::{ORIGIN, TIMEOUT, json, send};

/// A running `cargo local`. Dropping it kills it.
pub(crate) struct Running {
    pub(crate) program: Child,
    pub(crate) api: String,
}

impl Running {
    /// With its data in a folder.
    pub(crate) fn start(data: &Path) -> Self {
        Self::with(&["--data".as_ref(), data.as_os_str()], &[])
    }

    /// With these arguments and environment variables.
    pub(crate) fn with(arguments: &[&OsStr], variables: &[(&str, &str)]) -> Self {
        let mut program = Command::new(env!("CARGO_BIN_EXE_local"))
            .args(["--port", "0"])
            .args(arguments)
            .envs(variables.iter().copied())
            .current_dir(project::source_root())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut api = None;
        let stdout = BufReader::new(program.stdout.take().unwrap());
        for line in stdout.lines() {
            let line = line.unwrap();
            if let Some(url) = line.trim().strip_prefix("API") {
                api = Some(format!("{}/api", url.trim()));
            }
            if line.starts_with("Ready in ") {
                return Self { program, api: api.expect("the URL comes before Ready") };
            }
        }
        panic!("cargo local ended before it was ready: {:?}", program.wait());
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.program.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Its child processes; on Linux only.
    pub(crate) fn children(&self) -> Vec<String> {
        if cfg!(not(target_os = "linux")) {
            return Vec::new();
        }
        let id = self.program.id();
        let tasks = std::fs::read_dir(format!("/proc/{id}/task")).unwrap();
        let of_task = |task: std::io::Result<std::fs::DirEntry>| {
            let list = std::fs::read_to_string(task.unwrap().path().join("children"));
            list.unwrap_or_default().split_whitespace().map(str::to_owned).collect::<Vec<_>>()
        };
        tasks.flat_map(of_task).collect()
    }

    pub(crate) async fn call(&self, method: Method, path: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}{path}", self.api);
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let response = send(method, &url, body).await;
        assert_eq!(response.headers()["access-control-allow-origin"], ORIGIN, "{path}");
        let body = if response.body().is_empty() { Value::Null } else { json(&response) };
        (response.status().as_u16(), body)
    }

    /// Waits until the resource at `path` is as `wanted`.
    pub(crate) async fn until(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let polling = async {
            loop {
                let (status, found) = self.call(Method::GET, path, &Value::Null).await;
                if status == 200 && wanted(&found) {
                    return found;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(TIMEOUT, polling).await.expect("it becomes as wanted in the end")
    }

    /// Waits until the function at `path` is deployed.
    pub(crate) async fn deployed(&self, path: &str) -> Value {
        self.until(path, |function| {
            assert_eq!(function.get("deploymentError"), None);
            function["invocationUrl"].is_string()
        })
        .await
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have exited already.
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}
