//! The table's stream, in the form in which Lambda gives it to a function.
//!
//! Properties of the embedded DynamoDB's stream, which tests check: it has one shard; it is part
//! of the database, so it survives a restart with a data folder; a write and its record are one
//! transaction; records of one transaction follow each other in the order of its writes;
//! sequence numbers have 21 digits and grow. Records are never deleted.

use std::fmt;

use dynoxide::Database;
use dynoxide::actions::describe_stream::DescribeStreamRequest;
use dynoxide::actions::get_records::GetRecordsRequest;
use dynoxide::actions::get_shard_iterator::GetShardIteratorRequest;
use dynoxide::actions::list_streams::ListStreamsRequest;
use serde_json::{Value, json};

use crate::ids;

/// The most records of one read, as on AWS.
const MAX_RECORDS: usize = 1000;

/// Why the stream can't be read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StreamError {
    /// The table has no stream.
    #[error(
        "the table {0} has no stream; give it a StreamSpecification in template.yaml, and start with empty data"
    )]
    NoStream(String),
    /// DynamoDB's error.
    #[error("the embedded DynamoDB could not read the table's stream: {0}")]
    Unreadable(String),
    /// A mapping's checkpoint can't be read.
    #[error(
        "the checkpoint of {0} can't be read: {1}; delete its file in the folder streams of the data"
    )]
    Checkpoint(String, String),
}

/// Reads a table's stream, from its oldest record on. A clone has a position of its own.
#[derive(Clone)]
pub struct StreamReader {
    database: Database,
    /// As the embedded DynamoDB names it.
    arn: String,
    shard: String,
    /// As AWS would name it.
    source: String,
    region: String,
    position: Option<String>,
}

impl fmt::Debug for StreamReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("StreamReader");
        shown.field("source", &self.source).field("position", &self.position);
        shown.finish_non_exhaustive()
    }
}

impl StreamReader {
    /// A reader of the stream of `table`, before its oldest record.
    ///
    /// # Errors
    /// Where the table has no stream.
    pub fn new(database: Database, table: &str, region: &str) -> Result<Self, StreamError> {
        let request =
            ListStreamsRequest { table_name: Some(table.to_owned()), ..Default::default() };
        let streams = database.list_streams(request).map_err(unreadable)?.streams;
        let stream =
            streams.into_iter().next().ok_or_else(|| StreamError::NoStream(table.into()))?;
        let request =
            DescribeStreamRequest { stream_arn: stream.stream_arn.clone(), ..Default::default() };
        let description = database.describe_stream(request).map_err(unreadable)?;
        let shard = description.stream_description.shards.into_iter().next();
        let shard = shard.ok_or_else(|| StreamError::NoStream(table.into()))?.shard_id;
        let (account, label) = (ids::ACCOUNT, &stream.stream_label);
        Ok(Self {
            database,
            source: format!("arn:aws:dynamodb:{region}:{account}:table/{table}/stream/{label}"),
            arn: stream.stream_arn,
            shard,
            region: region.to_owned(),
            position: None,
        })
    }

    /// The sequence number of the last record read; `None` before the oldest.
    pub fn position(&self) -> Option<&str> {
        self.position.as_deref()
    }

    /// Moves after the record of this sequence number; `None` is before the oldest.
    pub fn seek(&mut self, position: Option<String>) {
        self.position = position;
    }

    /// Moves after the newest record.
    ///
    /// # Errors
    /// Where DynamoDB can't be read.
    pub fn seek_newest(&mut self) -> Result<(), StreamError> {
        while !self.next(MAX_RECORDS)?.is_empty() {}
        Ok(())
    }

    /// The next records, up to `limit` and up to 1000, each as an entry of a Lambda event's
    /// `Records`. It blocks for the database, which can take milliseconds.
    ///
    /// # Errors
    /// Where DynamoDB can't be read.
    pub fn next(&mut self, limit: usize) -> Result<Vec<Value>, StreamError> {
        let kind = if self.position.is_some() { "AFTER_SEQUENCE_NUMBER" } else { "TRIM_HORIZON" };
        let iterator = self.database.get_shard_iterator(GetShardIteratorRequest {
            stream_arn: self.arn.clone(),
            shard_id: self.shard.clone(),
            shard_iterator_type: kind.to_owned(),
            sequence_number: self.position.clone(),
        });
        let Some(shard_iterator) = iterator.map_err(unreadable)?.shard_iterator else {
            return Ok(Vec::new());
        };
        let request =
            GetRecordsRequest { shard_iterator, limit: Some(limit.clamp(1, MAX_RECORDS)) };
        let records = self.database.get_records(request).map_err(unreadable)?.records;
        let mut converted = Vec::with_capacity(records.len());
        for record in records {
            let number = record.dynamodb.sequence_number.clone();
            let created = record.dynamodb.approximate_creation_date_time;
            let mut value = serde_json::to_value(record).map_err(unreadable)?;
            value["awsRegion"] = json!(self.region);
            value["eventSourceARN"] = json!(self.source);
            // Whole seconds, as AWS gives them.
            value["dynamodb"]["ApproximateCreationDateTime"] = json!(created.trunc() as i64);
            converted.push(value);
            self.position = Some(number);
        }
        Ok(converted)
    }
}

/// The sequence number of a record as [`StreamReader::next`] gives it.
pub fn sequence_number(record: &Value) -> &str {
    record["dynamodb"]["SequenceNumber"].as_str().unwrap_or_default()
}

fn unreadable(problem: impl ToString) -> StreamError {
    StreamError::Unreadable(problem.to_string())
}
