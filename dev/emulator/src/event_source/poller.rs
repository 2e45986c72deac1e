//! One mapping on its way through the stream.

use std::time::Duration;

use serde_json::{Value, json};

use super::batch;
use super::checkpoint::Checkpoint;
use super::mapping::Mapping;
use crate::stream::{StreamError, StreamReader, sequence_number};
use crate::terminal::say;

/// The longest that a batch is gathered here. On AWS a window saves invocations;
/// here it would only make people wait.
const LONGEST_WINDOW: Duration = Duration::from_millis(50);

/// The first pause after a failure; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(25);

/// The longest pause after a failure.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What a step came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing was there.
    Idle,
    /// Only records were there that the mapping does not take.
    Passed,
    /// So many records were delivered and acknowledged.
    Delivered(usize),
    /// The batch failed, or the rest of it, and is to be tried again.
    Failed {
        /// How many records are to be tried again.
        records: usize,
        /// What was said.
        problem: String,
        /// How long to wait before.
        pause: Duration,
    },
    /// So many records failed for the last time and were left behind.
    Dropped(usize),
}

/// One mapping and where it stands in the stream.
#[derive(Debug)]
pub struct Poller {
    mapping: Mapping,
    /// It stands behind the last record that was acknowledged.
    reader: StreamReader,
    place: Option<Checkpoint>,
    /// How often the batch that comes next has failed.
    failures: u32,
    /// How many records of it are tried together, where fewer than the mapping says.
    at_most: usize,
}

impl Poller {
    /// A follower that goes on from `place`, or begins where the mapping says.
    ///
    /// # Errors
    /// Where the stream or the place can't be read.
    pub fn new(
        mapping: Mapping,
        mut reader: StreamReader,
        place: Option<Checkpoint>,
    ) -> Result<Self, StreamError> {
        let unusable =
            |e: std::io::Error| StreamError::Checkpoint(mapping.name.clone(), e.to_string());
        let kept = place.as_ref().map(Checkpoint::read).transpose().map_err(unusable)?.flatten();
        match kept {
            Some(after) => reader.seek(after),
            None if mapping.from_oldest => reader.seek(None),
            None => {
                reader.seek_newest()?;
                if let Some(place) = &place {
                    place.keep(reader.position()).map_err(unusable)?;
                }
            }
        }
        let at_most = mapping.batch_size;
        Ok(Self { mapping, reader, place, failures: 0, at_most })
    }

    /// What it follows.
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
        let few = !records.is_empty() && records.len() < self.at_most;
        if few && self.failures == 0 && !self.mapping.window.is_zero() {
            tokio::time::sleep(self.mapping.window.min(LONGEST_WINDOW)).await;
            (records, end) = self.gather().await?;
        }
        if records.is_empty() {
            if end.as_deref() == self.reader.position() {
                return Ok(Step::Idle);
            }
            self.reader.seek(end);
            return Ok(Step::Passed);
        }
        let answer = deliver(json!({"Records": records})).await;
        let (done, problem) = match &answer {
            Ok(answer) => {
                let done = batch::done(&records, answer, self.mapping.reports_failures);
                (done, "it said that they failed".to_owned())
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
        // Trying in halves is no retry of a record, as on AWS.
        if self.mapping.bisects && left > 1 {
            self.at_most = left.div_ceil(2);
        } else {
            self.failures += 1;
            if self.mapping.retries.is_some_and(|retries| self.failures > retries) {
                self.acknowledge(end);
                return Ok(Step::Dropped(left));
            }
        }
        let doubled = FIRST_PAUSE * 2_u32.saturating_pow(self.failures.min(10).saturating_sub(1));
        Ok(Step::Failed { records: left, problem, pause: doubled.min(LONGEST_PAUSE) })
    }

    /// The next records that the mapping takes, and the sequence number up to
    /// which nothing else is there for it.
    async fn gather(&self) -> Result<(Vec<Value>, Option<String>), StreamError> {
        let mut reader = self.reader.clone();
        let mut records = Vec::new();
        let mut end = reader.position().map(ToOwned::to_owned);
        let at_once = self.at_most.max(100);
        loop {
            // The embedded DynamoDB blocks its thread.
            let read = tokio::task::spawn_blocking(move || {
                let read = reader.next(at_once);
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
                    if records.len() >= self.at_most {
                        return Ok((records, end));
                    }
                }
            }
        }
    }

    /// Goes on behind the record with this sequence number.
    fn acknowledge(&mut self, position: Option<String>) {
        self.reader.seek(position);
        self.failures = 0;
        self.at_most = self.mapping.batch_size;
        if let Some(Err(problem)) =
            self.place.as_ref().map(|place| place.keep(self.reader.position()))
        {
            say(format_args!(
                "{}: its place in the stream can't be kept ({problem}); it delivers records again \
                 after a restart",
                self.mapping.name
            ));
        }
    }
}
