//! Following the table's stream: batches of its records, as Lambda hands them over.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use aws_lambda_events::dynamodb::{Event, EventRecord};
use aws_lambda_events::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use futures_util::{StreamExt, stream};

use crate::domain::WorkspaceId;
use crate::error::Error;
use crate::metrics;
use crate::store::Change;

/// What a record of the stream tells.
#[derive(Debug)]
pub struct StreamRecord {
    /// The change.
    pub change: Change,
    /// Its place in the stream.
    pub sequence: String,
    /// How long ago it was written; nothing, where the record doesn't tell.
    pub age: Duration,
}

/// Why a workspace's records could not be followed, and from which on.
#[derive(Debug)]
pub struct Failed {
    /// The first record that must come again.
    pub sequence: String,
    /// Why.
    pub error: Error,
}

/// Follows the records of `event`, those of each workspace in their order, by `follow`, and so many
/// workspaces `at_a_time`; answers which records must come again. Those that need nothing to be
/// done are left out.
///
/// A failure is told to our log here.
pub async fn process<F, Processing>(
    event: Event,
    at_a_time: usize,
    follow: F,
) -> DynamoDbEventResponse
where
    F: Fn(WorkspaceId, Vec<StreamRecord>) -> Processing,
    Processing: Future<Output = Result<(), Failed>>,
{
    let mut by_workspace: BTreeMap<WorkspaceId, Vec<StreamRecord>> = BTreeMap::new();
    let (mut records, mut oldest) = (0_u64, Duration::ZERO);
    for recorded in event.records.into_iter().filter_map(read) {
        records += 1;
        oldest = oldest.max(recorded.age);
        by_workspace.entry(recorded.change.workspace().clone()).or_default().push(recorded);
    }
    let failed: Vec<(WorkspaceId, Failed)> = stream::iter(by_workspace)
        .map(|(workspace, records)| {
            let followed = follow(workspace.clone(), records);
            async move { followed.await.err().map(|failed| (workspace, failed)) }
        })
        .buffer_unordered(at_a_time)
        .filter_map(async |failed| failed)
        .collect()
        .await;
    if records > 0 {
        tracing::info!(
            target: metrics::TARGET,
            records,
            ReconcilerLag = oldest.as_millis() as u64,
            RecordsFailed = failed.len() as u64,
        );
    }
    let mut response = DynamoDbEventResponse::default();
    for (workspace, Failed { sequence, error }) in failed {
        let cause = error.causes();
        tracing::error!(sequence, %workspace, cause, "a record must come again");
        let mut again = DynamoDbBatchItemFailure::default();
        again.item_identifier = Some(sequence);
        response.batch_item_failures.push(again);
    }
    response
}

fn read(record: EventRecord) -> Option<StreamRecord> {
    let written = SystemTime::from(record.change.approximate_creation_date_time);
    let is_told = written > SystemTime::UNIX_EPOCH;
    let age = SystemTime::now().duration_since(written).ok().filter(|_| is_told);
    let sequence = record.change.sequence_number?;
    let (old, new) = (record.change.old_image, record.change.new_image);
    let change = Change::of(&sequence, record.change.keys, old, new)?;
    Some(StreamRecord { change, sequence, age: age.unwrap_or_default() })
}
