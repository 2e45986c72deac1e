//! Batches of the table's stream records, as Lambda delivers them.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use aws_lambda_events::dynamodb::{Event, EventRecord};
use aws_lambda_events::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use futures_util::{StreamExt, stream};

use crate::domain::WorkspaceId;
use crate::error::Error;
use crate::metrics;
use crate::store::Change;

/// A record of the stream.
#[derive(Debug)]
pub struct StreamRecord {
    /// The change.
    pub change: Change,
    /// Its sequence number.
    pub sequence: String,
    /// How long ago it was written; zero where the record doesn't say.
    pub age: Duration,
}

/// Why the records of a workspace could not be processed.
#[derive(Debug)]
pub struct Failed {
    /// The first record that must come again.
    pub sequence: String,
    /// Why.
    pub error: Error,
}

/// Processes the records of `event` with `process`: those of each workspace in their order, and
/// `concurrency` workspaces at a time. The response names the records that must come again, and
/// failures are logged. Records that need no processing are left out.
///
/// `function` is the Lambda that processes them: a dimension of its metrics.
pub async fn process<F, Processing>(
    function: &'static str,
    event: Event,
    concurrency: usize,
    process: F,
) -> DynamoDbEventResponse
where
    F: Fn(WorkspaceId, Vec<StreamRecord>) -> Processing,
    Processing: Future<Output = Result<(), Failed>>,
{
    let mut by_workspace: BTreeMap<WorkspaceId, Vec<StreamRecord>> = BTreeMap::new();
    let (mut records, mut oldest) = (0_u64, Duration::ZERO);
    for record in event.records.into_iter().filter_map(read) {
        records += 1;
        oldest = oldest.max(record.age);
        by_workspace.entry(record.change.workspace().clone()).or_default().push(record);
    }
    let failed: Vec<(WorkspaceId, Failed)> = stream::iter(by_workspace)
        .map(|(workspace, records)| {
            let processing = process(workspace.clone(), records);
            async move { processing.await.err().map(|failed| (workspace, failed)) }
        })
        .buffer_unordered(concurrency)
        .filter_map(async |failed| failed)
        .collect()
        .await;
    if records > 0 {
        tracing::info!(
            target: metrics::TARGET,
            Function = function,
            records,
            StreamLag = oldest.as_millis() as u64,
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
    let age = if written > SystemTime::UNIX_EPOCH {
        SystemTime::now().duration_since(written).unwrap_or_default()
    } else {
        Duration::ZERO
    };
    let sequence = record.change.sequence_number?;
    let (old, new) = (record.change.old_image, record.change.new_image);
    let change = Change::of(&sequence, record.change.keys, old, new)?;
    Some(StreamRecord { change, sequence, age })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::logging::tests::lines;

    #[test]
    fn stream_metrics_have_their_lambda_as_a_dimension() {
        let record = json!({
            "eventID": "1", "eventName": "INSERT", "eventSource": "aws:dynamodb",
            "eventVersion": "1.1", "awsRegion": "ap-northeast-2",
            "dynamodb": {
                "ApproximateCreationDateTime": 1_769_850_300, "SequenceNumber": "1",
                "SizeBytes": 1, "StreamViewType": "NEW_AND_OLD_IMAGES",
                "Keys": {"PK": {"S": "WS#ws-a"}, "SK": {"S": "FN#fn-a"}},
            },
        });
        let event: Event = serde_json::from_value(json!({"Records": [record]})).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for lambda in ["reconciler", "counter"] {
            let process = process(lambda, event.clone(), 1, async |_, _| Ok(()));
            let lines = lines(|| drop(runtime.block_on(process)));
            let line = lines.iter().find(|line| line["target"] == metrics::TARGET).unwrap();
            assert_eq!(line["Function"], lambda);
            assert!(line["StreamLag"].as_u64().unwrap() > 0);
            assert_eq!(line["RecordsFailed"], 0);
            let sets = &line["_aws"]["CloudWatchMetrics"][0]["Dimensions"];
            assert_eq!(*sets, json!([["Stack"], ["Stack", "Function"]]));
        }
    }
}
