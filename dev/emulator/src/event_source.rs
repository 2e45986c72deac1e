//! Lambda's event source mappings: they read the table's stream and invoke functions with its
//! records, at least once and in order.

mod batch;
mod checkpoint;
pub mod mapping;
mod poller;

use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::stream::{StreamError, StreamReader};
use crate::terminal::say;
use crate::worker_pool::WorkerPool;
use checkpoint::Checkpoint;
use mapping::Mapping;

pub use poller::{Poller, Step};

/// How often an idle stream is read. The embedded DynamoDB has no notification of a write.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The longest time between two reads.
const MAX_POLL_INTERVAL: Duration = Duration::from_secs(1);

/// An interval is at least this many times as long as a read. A read takes microseconds, but in
/// memory, without an index, it grows with the number of records.
const POLL_INTERVAL_PER_READ: u32 = 20;

/// How long to wait after the stream could not be read.
const UNREADABLE_RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// How often [`drain`] delivers a failing batch.
const DRAIN_RETRY_LIMIT: u32 = 10;

/// Why [`drain`] gave up.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DrainError {
    /// The stream can't be read.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// A batch fails each time.
    #[error("{mapping} fails again and again: {problem}")]
    Failing {
        /// The mapping's name.
        mapping: String,
        /// The last error.
        problem: String,
    },
}

/// Running event source mappings. Dropping them stops them. Records that were not acknowledged
/// are delivered again after the next start.
#[derive(Debug)]
pub struct EventSources(Vec<JoinHandle<()>>);

impl EventSources {
    /// Starts each mapping with the pool of its function. Their checkpoints are kept in the
    /// folder `checkpoints`; without one each starts where the mapping says.
    ///
    /// # Errors
    /// Where the stream can't be read, or the folder can't be used.
    pub fn start(
        reader: &StreamReader,
        mappings: Vec<(Mapping, WorkerPool)>,
        checkpoints: Option<&Path>,
    ) -> Result<Self, StreamError> {
        let mut tasks = Vec::new();
        for (mapping, pool) in mappings {
            let checkpoint = checkpoints.map(|folder| Checkpoint::of(folder, &mapping.name));
            let poller = Poller::new(mapping, reader.clone(), checkpoint)?;
            tasks.push(tokio::spawn(run(poller, pool)));
        }
        Ok(Self(tasks))
    }
}

impl Drop for EventSources {
    fn drop(&mut self) {
        for task in &self.0 {
            task.abort();
        }
    }
}

/// Delivers everything that is in the stream, for tests that call a handler themselves.
/// `deliver` gets a mapping's name and an event, `{"Records": […]}`, and returns the function's
/// answer. Returns the number of records delivered and acknowledged; the pollers continue after
/// them the next time.
///
/// # Errors
/// Where the stream can't be read, or a batch without a limit of retries fails ten times.
pub async fn drain<F, Answer>(pollers: &mut [Poller], deliver: F) -> Result<usize, DrainError>
where
    F: Fn(&str, Value) -> Answer,
    Answer: Future<Output = Result<Value, String>>,
{
    let mut delivered = 0;
    loop {
        let mut has_progress = false;
        for poller in pollers.iter_mut() {
            let mapping = poller.mapping().name.clone();
            let mut failures = 0;
            loop {
                match poller.step(|event| deliver(&mapping, event)).await? {
                    Step::Idle => break,
                    Step::Failed { problem, .. } => {
                        failures += 1;
                        if failures == DRAIN_RETRY_LIMIT {
                            return Err(DrainError::Failing { mapping, problem });
                        }
                        continue;
                    }
                    Step::Delivered(records) => delivered += records,
                    Step::Skipped | Step::Dropped(_) => {}
                }
                has_progress = true;
                failures = 0;
            }
        }
        // One function may write what another one gets.
        if !has_progress {
            return Ok(delivered);
        }
    }
}

async fn run(mut poller: Poller, pool: WorkerPool) {
    let name = poller.mapping().name.clone();
    let mut is_readable = true;
    loop {
        let begun = Instant::now();
        let step = poller.step(|event: Value| {
            let pool = pool.clone();
            async move {
                let answer = pool.invoke(Bytes::from(event.to_string())).await;
                let answer = answer.map_err(|e| e.to_string())?;
                serde_json::from_slice(&answer).map_err(|e| format!("its answer is no JSON: {e}"))
            }
        });
        let step = step.await;
        if let Err(problem) = &step
            && is_readable
        {
            // Once: it most likely stays.
            say(format_args!("{name}: {problem}"));
        }
        is_readable = step.is_ok();
        match step {
            Ok(Step::Idle) => {
                let interval = POLL_INTERVAL.max(begun.elapsed() * POLL_INTERVAL_PER_READ);
                tokio::time::sleep(interval.min(MAX_POLL_INTERVAL)).await;
            }
            Ok(Step::Skipped | Step::Delivered(_)) => {}
            Ok(Step::Failed { records, problem, delay }) => {
                say(format_args!(
                    "{name}: {records} records failed ({problem}); they are tried again after {:.2} s",
                    delay.as_secs_f64()
                ));
                tokio::time::sleep(delay).await;
            }
            Ok(Step::Dropped(records)) => say(format_args!(
                "{name}: {records} records failed too often; on AWS they go to the dead-letter \
                 queue, here they are dropped"
            )),
            Err(_) => tokio::time::sleep(UNREADABLE_RETRY_INTERVAL).await,
        }
    }
}
