//! One mapping and its position in the stream.

use std::time::Duration;

use serde_json::{Value, json};

use super::batch;
use super::checkpoint::Checkpoint;
use super::mapping::Mapping;
use crate::stream::{StreamError, StreamReader, sequence_number};
use crate::terminal::say;

/// The longest window of a batch. On AWS a window saves invocations; here people would wait for it.
const MAX_WINDOW: Duration = Duration::from_millis(50);

/// The delay after a first failure; each further one is twice as long.
const FIRST_RETRY_DELAY: Duration = Duration::from_millis(25);

/// The longest delay after a failure.
const MAX_RETRY_DELAY: Duration = Duration::from_secs(1);

/// The result of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// There was no record.
    Idle,
    /// There were only records that the mapping does not take.
    Skipped,
    /// This many records were delivered and acknowledged.
    Delivered(usize),
    /// The batch, or the rest of it, failed and is to be retried.
    Failed {
        /// How many records are to be retried.
        records: usize,
        /// The error.
        problem: String,
        /// How long to wait before.
        delay: Duration,
    },
    /// This many records failed for the last time and were skipped.
    Dropped(usize),
}

/// Delivers a mapping's records, batch after batch.
#[derive(Debug)]
pub struct Poller {
    mapping: Mapping,
    /// Its position is after the last acknowledged record.
    reader: StreamReader,
    checkpoint: Option<Checkpoint>,
    /// How often the next batch has failed.
    failures: u32,
    /// The most records of the next batch: fewer than the mapping's after a bisection.
    limit: usize,
}

impl Poller {
    /// Continues from the checkpoint, or starts where the mapping says.
    ///
    /// # Errors
    /// Where the stream or the checkpoint can't be read.
    pub fn new(
        mapping: Mapping,
        mut reader: StreamReader,
        checkpoint: Option<Checkpoint>,
    ) -> Result<Self, StreamError> {
        let unusable =
            |e: std::io::Error| StreamError::Checkpoint(mapping.name.clone(), e.to_string());
        let position =
            checkpoint.as_ref().map(Checkpoint::read).transpose().map_err(unusable)?.flatten();
        match position {
            Some(after) => reader.seek(after),
            None if mapping.from_oldest => reader.seek(None),
            None => {
                reader.seek_newest()?;
                if let Some(checkpoint) = &checkpoint {
                    checkpoint.write(reader.position()).map_err(unusable)?;
                }
            }
        }
        let limit = mapping.batch_size;
        Ok(Self { mapping, reader, checkpoint, failures: 0, limit })
    }

    /// Its mapping.
    pub fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// Delivers the next batch, if there is one.
    ///
    /// # Errors
    /// Where the stream can't be read.
    pub async fn step<F, Answer>(&mut self, deliver: F) -> Result<Step, StreamError>
    where
        F: FnOnce(Value) -> Answer,
        Answer: Future<Output = Result<Value, String>>,
    {
        let (mut records, mut end) = self.gather().await?;
        let few = !records.is_empty() && records.len() < self.limit;
        if few && self.failures == 0 && !self.mapping.window.is_zero() {
            tokio::time::sleep(self.mapping.window.min(MAX_WINDOW)).await;
            (records, end) = self.gather().await?;
        }
        if records.is_empty() {
            if end.as_deref() == self.reader.position() {
                return Ok(Step::Idle);
            }
            self.reader.seek(end);
            return Ok(Step::Skipped);
        }
        let answer = deliver(json!({"Records": records})).await;
        let (done, problem) = match &answer {
            Ok(answer) => {
                let done = batch::succeeded(&records, answer, self.mapping.reports_failures);
                (done, "its answer names them".to_owned())
            }
            Err(problem) => (0, problem.clone()),
        };
        if done == records.len() {
            self.acknowledge(end);
            return Ok(Step::Delivered(done));
        }
        let left = records.len() - done;
        if done > 0 {
            self.acknowledge(Some(sequence_number(&records[done - 1]).to_owned()));
        }
        // As on AWS, a bisection does not count as a retry.
        if self.mapping.bisects && left > 1 {
            self.limit = left.div_ceil(2);
        } else {
            self.failures += 1;
            if self.mapping.retries.is_some_and(|retries| self.failures > retries) {
                self.acknowledge(end);
                return Ok(Step::Dropped(left));
            }
        }
        let doubled =
            FIRST_RETRY_DELAY * 2_u32.saturating_pow(self.failures.min(10).saturating_sub(1));
        Ok(Step::Failed { records: left, problem, delay: doubled.min(MAX_RETRY_DELAY) })
    }

    /// The next records that the mapping takes, and the sequence number up to which there are no
    /// others.
    async fn gather(&self) -> Result<(Vec<Value>, Option<String>), StreamError> {
        let mut reader = self.reader.clone();
        let mut records = Vec::new();
        let mut end = reader.position().map(ToOwned::to_owned);
        let read_limit = self.limit.max(100);
        loop {
            // The embedded DynamoDB blocks its thread.
            let read = tokio::task::spawn_blocking(move || {
                let read = reader.next(read_limit);
                (reader, read)
            });
            let read = read.await.map_err(|e| StreamError::Unreadable(e.to_string()))?;
            reader = read.0;
            let read = read.1?;
            if read.is_empty() {
                return Ok((records, end));
            }
            for record in read {
                end = Some(sequence_number(&record).to_owned());
                if self.mapping.takes(&record) {
                    records.push(record);
                    if records.len() >= self.limit {
                        return Ok((records, end));
                    }
                }
            }
        }
    }

    /// Continues after the record with this sequence number.
    fn acknowledge(&mut self, position: Option<String>) {
        self.reader.seek(position);
        self.failures = 0;
        self.limit = self.mapping.batch_size;
        if let Some(Err(problem)) =
            self.checkpoint.as_ref().map(|checkpoint| checkpoint.write(self.reader.position()))
        {
            say(format_args!(
                "{}: its checkpoint can't be written ({problem}); it delivers records again after \
                 a restart",
                self.mapping.name
            ));
        }
    }
}
