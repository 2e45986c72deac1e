//! The template's Lambdas as pools of workers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;

use crate::background::Background;
use crate::builder::BuildError;
use crate::stack::StackError;
use emulator::engine::Engine;
use emulator::process::Launcher;
use emulator::template::Template;
use emulator::terminal::say;
use emulator::worker::WorkerSpec;
use emulator::worker_pool::{Binary, WorkerPool};

/// Starts a pool of workers for each Lambda of the template. Those that build packages get the variables
/// of the `builder` too.
pub(crate) async fn start_pools(
    template: &Template,
    variables: BTreeMap<String, String>,
    builder: &BTreeMap<String, String>,
    launcher: Launcher,
    mut binaries: BTreeMap<String, Binary>,
) -> Result<Vec<WorkerPool>, StackError> {
    let mut pools = Vec::new();
    for function in &template.functions {
        let name = function.binary.clone();
        let binary = binaries.remove(&name).ok_or_else(|| BuildError::NoBinary(name.clone()))?;
        let mut environment = function.environment.clone();
        environment.extend(variables.clone());
        if name == "builder" || name == "packages" {
            environment.extend(builder.clone());
        }
        let spec = WorkerSpec {
            name: name.clone(),
            memory_mb: function.memory_mb,
            timeout: function.timeout,
            region: template.region.clone(),
            environment,
            launcher,
        };
        let pool = WorkerPool::start(spec, binary).await;
        pools.push(pool.map_err(|source| StackError::Lambda { name, source })?);
    }
    Ok(pools)
}

/// Where the builder has its interpreter, its work folder and `uv`; and this machine's own root
/// certificates and package index (`PACKAGE_INDEX`), if there are some.
pub(crate) fn builder_variables(
    python: &Path,
    root: &Path,
    functions: &Path,
) -> BTreeMap<String, String> {
    let paths = [
        ("BUILDER_PYTHON", Some(python.to_owned())),
        ("BUILDER_WORK", Some(functions.join("build"))),
        ("BUILDER_UV", Some(root.join(".engine").join("uv"))),
        ("SSL_CERT_FILE", std::env::var_os("SSL_CERT_FILE").map(PathBuf::from)),
        ("PACKAGE_INDEX", std::env::var_os("PACKAGE_INDEX").map(PathBuf::from)),
    ];
    let known = paths.into_iter().filter_map(|(name, path)| Some((name.to_owned(), path?)));
    known.map(|(name, path)| (name, path.display().to_string())).collect()
}

/// Lets the Lambdas invoke each other by name.
pub(crate) fn host(engine: &Engine, pools: &[WorkerPool]) -> Vec<Background> {
    let mut tasks = Vec::new();
    for pool in pools {
        let (invoked, name) = (pool.clone(), pool.spec().name.clone());
        let mut events = engine.host(&name, move |event| {
            let pool = invoked.clone();
            Box::pin(async move { pool.invoke(event).await.map_err(|e| e.to_string()) })
        });
        let pool = pool.clone();
        tasks.push(Background::start(async move {
            while let Some(event) = events.recv().await {
                tokio::spawn(invoke_later(pool.clone(), event));
            }
        }));
    }
    tasks
}

/// An asynchronous invocation: as on AWS, two more attempts follow one that fails.
async fn invoke_later(pool: WorkerPool, event: Bytes) {
    for pause in [60, 120, 0] {
        let Err(problem) = pool.invoke(event.clone()).await else { return };
        say(format_args!("{} failed: {problem}", pool.spec().name));
        tokio::time::sleep(Duration::from_secs(pause)).await;
    }
}
