//! Counts executions, as the table's stream records them.
//!
//! It is apart from the reconciler, which processes the same stream: counting must not wait for
//! deployments and purges, and AWS Lambda takes only one mapping of a stream to a function.

use std::convert::Infallible;

use aws_lambda_events::dynamodb::Event;
use aws_lambda_events::streams::DynamoDbEventResponse;
use shared::domain::WorkspaceId;
use shared::store::{Change, Executed, Store};
use shared::stream::{self, Failed, StreamRecord};

/// How many workspaces are processed at a time. A batch of 500 records may concern as many
/// workspaces, each of which takes two calls; with 64 at a time, a shard of the stream keeps up with
/// more than a thousand executions a second. docs/scale.md compares other numbers.
pub const WORKSPACES_AT_A_TIME: usize = 64;

/// Counts executions. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Counter {
    store: Store,
}

impl Counter {
    /// A counter of `store`'s table.
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// Counts the executions of a batch of records. The response names the records that must come
    /// again.
    pub async fn handle(&self, event: Event) -> Result<DynamoDbEventResponse, Infallible> {
        let count = |workspace, records| self.count(workspace, records);
        Ok(stream::process("counter", event, WORKSPACES_AT_A_TIME, count).await)
    }

    /// Counts the executions of one workspace, all together. Those counted before aren't counted
    /// again.
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
