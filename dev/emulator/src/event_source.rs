//! What Lambda's event source mappings do on AWS: it reads the table's stream and
//! invokes the functions that follow it, at least once, in order.

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
use crate::worker_pool::Pool;
use checkpoint::Checkpoint;
use mapping::Mapping;

pub use poller::{Poller, Step};

/// How often the stream is looked at where nothing comes. The embedded DynamoDB
/// tells nobody of a write.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The part of the time that looking may take. A look takes microseconds, but in
/// memory, without an index, it takes the longer the more was written.
const SHARE: u32 = 20;

/// How often [`drain`] lets a batch fail before it gives up.
const PATIENCE: u32 = 10;

/// Why [`drain`] gave up.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Undrained {
    /// The stream can't be read.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// A batch fails again and again.
    #[error("{mapping} fails again and again: {problem}")]
    Failing {
        /// The mapping's name.
        mapping: String,
        /// What was said the last time.
        problem: String,
    },
}

/// A running pump. Dropping it stops it; what was not acknowledged is delivered
/// again by the next one.
#[derive(Debug)]
pub struct Pump(Vec<JoinHandle<()>>);

impl Pump {
    /// Follows the stream for each mapping with the pool of its function. Where
    /// each stands is kept in the folder `place`; without one everything begins
    /// where the mapping says.
    ///
    /// # Errors
    /// Where the stream can't be read, or `place` can't be used.
    pub fn start(
        reader: &StreamReader,
        mappings: Vec<(Mapping, Pool)>,
        place: Option<&Path>,
    ) -> Result<Self, StreamError> {
        let mut tasks = Vec::new();
        for (mapping, pool) in mappings {
            let place = place.map(|folder| Checkpoint::of(folder, &mapping.name));
            let follower = Poller::new(mapping, reader.clone(), place)?;
            tasks.push(tokio::spawn(follow(follower, pool)));
        }
        Ok(Self(tasks))
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        for task in &self.0 {
            task.abort();
        }
    }
}

/// Delivers everything that is in the stream, for tests that call a handler
/// themselves: `deliver` is given a mapping's name and an event, `{"Records": […]}`,
/// and says what the function answered. Returns how many records were delivered
/// and acknowledged; the followers go on from there the next time.
///
/// # Errors
/// Where the stream can't be read, or a batch without a limit to its retries
/// fails ten times.
pub async fn drain<F, Answer>(followers: &mut [Poller], deliver: F) -> Result<usize, Undrained>
where
    F: Fn(&str, Value) -> Answer,
    Answer: Future<Output = Result<Value, String>>,
{
    let mut delivered = 0;
    loop {
        let mut came_further = false;
        for follower in followers.iter_mut() {
            let name = follower.mapping().name.clone();
            let mut failures = 0;
            loop {
                match follower.step(|event| deliver(&name, event)).await? {
                    Step::Idle => break,
                    Step::Passed => came_further = true,
                    Step::Delivered(records) => {
                        delivered += records;
                        came_further = true;
                        failures = 0;
                    }
                    Step::Failed { problem, .. } => {
                        failures += 1;
                        if failures == PATIENCE {
                            return Err(Undrained::Failing { mapping: name, problem });
                        }
                    }
                    Step::Dropped(_) => {
                        came_further = true;
                        failures = 0;
                    }
                }
            }
        }
        // What one function writes another one may follow.
        if !came_further {
            return Ok(delivered);
        }
    }
}

async fn follow(mut follower: Poller, pool: Pool) {
    let name = follower.mapping().name.clone();
    let mut readable = true;
    loop {
        let begun = Instant::now();
        let step = follower.step(|event: Value| {
            let pool = pool.clone();
            async move {
                let answer = pool.invoke(Bytes::from(event.to_string())).await;
                let answer = answer.map_err(|e| e.to_string())?;
                serde_json::from_slice(&answer).map_err(|e| format!("its answer is no JSON: {e}"))
            }
        });
        match step.await {
            Ok(step) => {
                readable = true;
                match step {
                    Step::Idle => {
                        let pause = LOOK_EVERY.max(begun.elapsed() * SHARE);
                        tokio::time::sleep(pause.min(Duration::from_secs(1))).await;
                    }
                    Step::Passed | Step::Delivered(_) => {}
                    Step::Failed { records, problem, pause } => {
                        say(format_args!(
                            "{name}: {records} records failed ({problem}); they are tried again \
                             after {:.2} s",
                            pause.as_secs_f64()
                        ));
                        tokio::time::sleep(pause).await;
                    }
                    Step::Dropped(records) => say(format_args!(
                        "{name}: {records} records failed too often; on AWS they go to the \
                         dead-letter queue, here they are dropped"
                    )),
                }
            }
            Err(problem) => {
                // Once: it is most likely to stay.
                if readable {
                    say(format_args!("{name}: {problem}"));
                }
                readable = false;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}
