//! Brings everything else in line with the table, as its stream tells what changed:
//! engine, published sources, and what deleted things leave behind. Usage is the counter's.
//!
//! Records come at least once, and those of an item in order. Following a record
//! looks at the table as it is now and does what is missing, so it can be cut
//! short anywhere and done again.

use std::convert::Infallible;
use std::time::{Duration, Instant, SystemTime};

use aws_lambda_events::dynamodb::Event;
use aws_lambda_events::streams::DynamoDbEventResponse;
use shared::domain::{FunctionId, WorkspaceId};
use shared::engine::{Deployed, Engine};
use shared::error::Error;
use shared::metrics;
use shared::store::{Change, Store};
use shared::stream::{self, Failed, StreamRecord};

/// How many workspaces are followed at a time: each deploys, and Lambda allows 15 steps of that a
/// second an account.
const WORKSPACES_AT_A_TIME: usize = 8;

/// For how long a record that can't be followed holds up those behind it. Then
/// it is put off, by a note in the table whose own record comes last of all.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often a function is put off, each time for [`PATIENCE`] at the least: for
/// an hour and a half in all.
const MOST_FAILURES: u32 = 300;

/// How long a purge goes on before it lets others go first.
const PURGE_STEP: Duration = Duration::from_secs(20);

/// How much of Lambda's time is left for what a purge was in the middle of.
const SPARE: Duration = Duration::from_secs(15);

/// What it takes to follow the stream. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Reconciler {
    store: Store,
    engine: Engine,
    purge_step: Duration,
}

impl Reconciler {
    /// Follows the changes of `store`'s table, with functions run by `engine`.
    pub fn new(store: Store, engine: Engine) -> Self {
        Self { store, engine, purge_step: PURGE_STEP }
    }

    /// The same with purges that let others go first after `purge_step`; 20 seconds unless said.
    #[must_use]
    pub fn with_purge_step(self, purge_step: Duration) -> Self {
        Self { purge_step, ..self }
    }

    /// Follows a batch of records until Lambda's `end`, and tells which of them
    /// are to come again.
    pub async fn handle(
        &self,
        event: Event,
        end: SystemTime,
    ) -> Result<DynamoDbEventResponse, Infallible> {
        let left = end.duration_since(SystemTime::now()).unwrap_or_default();
        let purge_until = Instant::now() + self.purge_step.min(left.saturating_sub(SPARE));
        let follow = |_, records| self.follow_in_order(records, purge_until);
        Ok(stream::process(event, WORKSPACES_AT_A_TIME, follow).await)
    }

    /// Follows the changes of one workspace, until one fails.
    async fn follow_in_order(
        &self,
        records: Vec<StreamRecord>,
        purge_until: Instant,
    ) -> Result<(), Failed> {
        for StreamRecord { change, sequence, age } in records {
            if let Err(error) = self.follow(&change, purge_until).await
                && let Err(error) = self.defer(&change, age, error).await
            {
                return Err(Failed { sequence, error });
            }
        }
        Ok(())
    }

    async fn follow(&self, change: &Change, purge_until: Instant) -> Result<(), Error> {
        match change {
            Change::FunctionSaved { workspace, function, has_new_source, replaced } => {
                if *has_new_source {
                    self.store.publish_source(workspace, function, replaced.as_ref()).await?;
                }
                self.deploy(workspace, function).await
            }
            Change::FunctionDeleted { workspace, function } => {
                self.purge(workspace, function, purge_until).await
            }
            Change::RetryMarked { workspace, function, .. } => {
                if !self.store.function_is_there(workspace, function).await? {
                    return self.purge(workspace, function, purge_until).await;
                }
                self.store.publish_source(workspace, function, None).await?;
                self.deploy(workspace, function).await?;
                self.store.remove_retry_marker(workspace, function).await
            }
            Change::WorkspaceDeleted(workspace) => {
                self.store.purge_workspace(workspace, purge_until).await
            }
            // The counter's.
            Change::Executed(_) => Ok(()),
        }
    }

    /// What becomes of a change that could not be followed: it comes again soon,
    /// or, once it has held up others for long enough, when they are done.
    ///
    /// # Errors
    /// `error` itself, while it is to come again soon.
    async fn defer(&self, change: &Change, age: Duration, error: Error) -> Result<(), Error> {
        if age < PATIENCE {
            return Err(error);
        }
        let workspace = change.workspace();
        tracing::error!(%workspace, cause = error.causes(), "a change is put off");
        let defer = match change {
            Change::RetryMarked { workspace, function, failures } if *failures >= MOST_FAILURES => {
                return self.give_up(workspace, function).await;
            }
            Change::FunctionSaved { workspace, function, .. }
            | Change::FunctionDeleted { workspace, function }
            | Change::RetryMarked { workspace, function, .. } => {
                self.store.mark_for_retry(workspace, function).await
            }
            Change::WorkspaceDeleted(workspace) => self.store.mark_purge_for_retry(workspace).await,
            Change::Executed(_) => Err(error),
        };
        defer.inspect(|()| tracing::info!(target: metrics::TARGET, RecordsDeferred = 1))
    }

    /// Tells a function's people that it can't be deployed; its next change is
    /// a new attempt. Where it is the rest of a deleted one that can't be removed,
    /// the note stays in the table: changed by hand, it is followed once more.
    async fn give_up(&self, ws: &WorkspaceId, id: &FunctionId) -> Result<(), Error> {
        let wanted = self.store.function_to_deploy(ws, id).await.unwrap_or_else(|error| {
            tracing::error!(function = %id, cause = error.causes(), "a function can't be read");
            None
        });
        tracing::error!(function = %id, "following a function is given up");
        let Some(wanted) = wanted else { return Ok(()) };
        let reason = "the function could not be deployed: AWS Lambda did not take it for more \
            than an hour; change the function to try again";
        let version = wanted.function.version;
        self.store.record_failed_deployment(ws, id, version, reason).await?;
        self.store.remove_retry_marker(ws, id).await
    }

    /// Removes what a deleted function left, and the note on it once that is all.
    async fn purge(&self, ws: &WorkspaceId, id: &FunctionId, until: Instant) -> Result<(), Error> {
        self.engine.remove(id).await?;
        if self.store.purge_function(ws, id, until).await? {
            self.store.remove_retry_marker(ws, id).await?;
        }
        Ok(())
    }

    /// Deploys a function as it is now, if it isn't deployed so already.
    async fn deploy(&self, ws: &WorkspaceId, id: &FunctionId) -> Result<(), Error> {
        let Some(wanted) = self.store.function_to_deploy(ws, id).await? else { return Ok(()) };
        let function = &wanted.function.value;
        let revision = self.engine.revision(function);
        if wanted.deployed_revision.as_ref() == Some(&revision) && !wanted.has_failed {
            return Ok(());
        }
        if wanted.deployed_revision.is_none() {
            // Before anybody can call it: executions are counted only where there are figures.
            self.store.begin_usage(&wanted.owner, ws, id).await?;
        }
        let deployed = self.engine.deploy(function).await.inspect_err(|_| {
            tracing::info!(target: metrics::TARGET, function = %id, EngineErrors = 1);
        })?;
        let version = match deployed {
            Deployed::Version(version) => version,
            Deployed::Refused(reason) => {
                let version = wanted.function.version;
                return self.store.record_failed_deployment(ws, id, version, &reason).await;
            }
        };
        self.store.record_deployment(ws, id, &revision, &version).await?;
        if let Some(before) = wanted.engine_version {
            // Too many versions are untidy and no more, and the next deployment looks again.
            let kept = self.engine.remove_versions_but(id, &[&version, &before]).await;
            kept.unwrap_or_else(|error| {
                tracing::warn!(function = %id, cause = error.causes(), "old versions are left");
            });
        }
        Ok(())
    }
}
