//! Counts executions, as the table's stream tells of them.
//!
//! Apart from the reconciler, which follows the same stream: counting must not wait until
//! something is deployed or purged, and AWS Lambda lets a function follow a stream only once.

use std::convert::Infallible;

use aws_lambda_events::dynamodb::Event;
use aws_lambda_events::streams::DynamoDbEventResponse;
use shared::domain::WorkspaceId;
use shared::store::{Change, Executed, Store};
use shared::stream::{self, Failed, StreamRecord};

/// How many workspaces are counted for at a time. A batch of 500 records may be of as many, each of
/// which takes two calls, so 64 of them let a shard of the stream keep up with a thousand a second
/// and more; docs/scale.md has what fewer do.
pub const WORKSPACES_AT_A_TIME: usize = 64;

/// What it takes to count. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Counter {
    store: Store,
}

impl Counter {
    /// Counts in `store`'s table.
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// Counts what a batch of records tells, and answers which of them are to come again.
    pub async fn handle(&self, event: Event) -> Result<DynamoDbEventResponse, Infallible> {
        let count = |workspace, records| self.count(workspace, records);
        Ok(stream::process(event, WORKSPACES_AT_A_TIME, count).await)
    }

    /// Counts the executions of one workspace, all in one go: what was counted before isn't again.
    async fn count(
        &self,
        workspace: WorkspaceId,
        records: Vec<StreamRecord>,
    ) -> Result<(), Failed> {
        let mut executed: Vec<Executed> = Vec::new();
        let mut first = None;
        for StreamRecord { change, sequence, .. } in records {
            if let Change::Executed(execution) = change {
                first.get_or_insert(sequence);
                executed.push(execution);
            }
        }
        let Some(sequence) = first else { return Ok(()) };
        let counted = self.store.count_executions(&workspace, &executed).await;
        counted.map_err(|error| Failed { sequence, error })
    }
}
