//! The rebuilding of the Lambdas when their source changes.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use crate::background::Background;
use crate::builder::Builder;
use crate::watcher::Watcher;
use emulator::terminal::say;
use emulator::worker_pool::{Binary, WorkerPool};

/// Builds the Lambdas again after each change below `root`; `None` where it can't be watched.
pub(crate) fn rebuild_on_change(
    root: &Path,
    mut builder: Builder,
    pools: Vec<WorkerPool>,
) -> Option<Background> {
    let mut watcher = match Watcher::new(root) {
        Ok(watcher) => watcher,
        Err(problem) => {
            say(format_args!(
                "the source can't be watched ({problem}): restart after a change to see it"
            ));
            return None;
        }
    };
    Some(Background::start(async move {
        loop {
            let changed = watcher.changed().await;
            if changed.iter().any(|path| path.ends_with("template.yaml")) {
                say("template.yaml changed: restart `cargo local` to follow it");
            }
            if changed.iter().all(|path| path.ends_with("template.yaml")) {
                continue;
            }
            say("the source changed: building the Lambdas");
            let begun = Instant::now();
            match builder.build().await {
                Ok(binaries) => replace_binaries(&pools, binaries, begun).await,
                Err(problem) => {
                    say(format_args!("{problem}; the Lambdas built before go on answering"));
                }
            }
        }
    }))
}

async fn replace_binaries(
    pools: &[WorkerPool],
    mut binaries: BTreeMap<String, Binary>,
    begun: Instant,
) {
    if binaries.is_empty() {
        say("no Lambda is different");
    }
    for pool in pools {
        let name = &pool.spec().name;
        let Some(binary) = binaries.remove(name) else { continue };
        match pool.replace_binary(binary).await {
            Ok(()) => {
                let seconds = begun.elapsed().as_secs_f64();
                say(format_args!("{name} is the new one, {seconds:.1} s after the change"));
            }
            Err(problem) => {
                say(format_args!("the new {name} is not used, the old one goes on: {problem}"))
            }
        }
    }
}
