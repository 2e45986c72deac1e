//! Brings the engine, the published sources and what deleted resources leave behind in line with the
//! table, as its stream records changes. Usage is the counter's.
//!
//! Records are delivered at least once, and those of an item in order. Processing a record reads the
//! table as it is now and does what is missing, so it can be interrupted anywhere and repeated.

use std::convert::Infallible;
use std::time::{Duration, SystemTime};

use aws_lambda_events::dynamodb::Event;
use aws_lambda_events::streams::DynamoDbEventResponse;
use shared::domain::{FunctionId, Packages, WorkspaceId};
use shared::engine::{Deployed, Engine, PROTOCOL, PackagesWanted};
use shared::error::Error;
use shared::layer_release::release_layers;
use shared::metrics;
use shared::store::{Change, Deployable, Deployment, Progress, Store};
use shared::stream::{self, Failed, StreamRecord};
use tokio::time::Instant;

/// How many workspaces are processed at a time. Each deploys functions, and Lambda allows an account
/// 15 control plane calls a second.
const CONCURRENT_WORKSPACES: usize = 8;

/// How long a failing record may delay those behind it. Then it is deferred: a retry marker in the
/// table replaces it, whose own record comes last of all.
const MAX_DELAY: Duration = Duration::from_secs(20);

/// How often a function is deferred, each time for at least [`MAX_DELAY`]: an hour and a half in all.
const MAX_FAILURES: u32 = 300;

/// How long a purge runs before it lets other records go first.
const PURGE_STEP: Duration = Duration::from_secs(20);

/// The part of Lambda's timeout that is left for finishing a purge's last calls.
const RESERVE: Duration = Duration::from_secs(15);

/// Processes the records of the table's stream. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Reconciler {
    store: Store,
    engine: Engine,
    purge_step: Duration,
}

impl Reconciler {
    /// A reconciler of `store`'s table and `engine`.
    pub fn new(store: Store, engine: Engine) -> Self {
        Self { store, engine, purge_step: PURGE_STEP }
    }

    /// The same with purges that let other records go first after `purge_step`, instead of 20 seconds.
    #[must_use]
    pub fn with_purge_step(self, purge_step: Duration) -> Self {
        Self { purge_step, ..self }
    }

    /// Processes a batch of records until Lambda's `deadline`. The response names the records that
    /// must come again.
    pub async fn handle(
        &self,
        event: Event,
        deadline: SystemTime,
    ) -> Result<DynamoDbEventResponse, Infallible> {
        let left = deadline.duration_since(SystemTime::now()).unwrap_or_default();
        let purge_until = Instant::now() + self.purge_step.min(left.saturating_sub(RESERVE));
        let process = |_, records| self.process_in_order(records, purge_until);
        Ok(stream::process("reconciler", event, CONCURRENT_WORKSPACES, process).await)
    }

    /// Processes the changes of one workspace, until one fails.
    async fn process_in_order(
        &self,
        records: Vec<StreamRecord>,
        purge_until: Instant,
    ) -> Result<(), Failed> {
        for StreamRecord { change, sequence, age } in records {
            if let Err(error) = self.process(&change, purge_until).await
                && let Err(error) = self.defer(&change, age, error).await
            {
                return Err(Failed { sequence, error });
            }
        }
        Ok(())
    }

    async fn process(&self, change: &Change, purge_until: Instant) -> Result<(), Error> {
        match change {
            Change::FunctionSaved { workspace, function, has_new_source, replaced } => {
                if *has_new_source {
                    self.store.publish_source(workspace, function, replaced).await?;
                }
                self.deploy(workspace, function).await
            }
            Change::FunctionDeleted { workspace, function } => {
                self.purge(workspace, function, purge_until).await
            }
            Change::RetryMarked { workspace, function, .. } => {
                if !self.store.function_exists(workspace, function).await? {
                    return self.purge(workspace, function, purge_until).await;
                }
                self.store.publish_source(workspace, function, &[]).await?;
                self.deploy(workspace, function).await?;
                self.store.remove_retry_marker(workspace, function).await
            }
            Change::WorkspaceDeleted(workspace) => {
                self.store.purge_workspace(workspace, purge_until).await
            }
            // Counted by the counter.
            Change::Executed(_) => Ok(()),
        }
    }

    /// Defers a change that could not be processed, once it has delayed others for long enough.
    ///
    /// # Errors
    /// `error` itself, while the record must come again.
    async fn defer(&self, change: &Change, age: Duration, error: Error) -> Result<(), Error> {
        if age < MAX_DELAY {
            return Err(error);
        }
        let workspace = change.workspace();
        tracing::error!(%workspace, cause = error.causes(), "a change is deferred");
        let deferred = match change {
            Change::RetryMarked { workspace, function, failures } if *failures >= MAX_FAILURES => {
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
        deferred.inspect(|()| tracing::info!(target: metrics::TARGET, RecordsDeferred = 1))
    }

    /// Records that a function can't be deployed, for its owner; its next change is a new attempt.
    /// For a deleted function that can't be purged, the retry marker stays in the table: changing it
    /// by hand starts another attempt.
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

    /// Deletes what a deleted function has left, and at the end its retry marker.
    async fn purge(&self, ws: &WorkspaceId, id: &FunctionId, until: Instant) -> Result<(), Error> {
        self.engine.remove(id).await?;
        release_layers(&self.store, &self.engine, ws, id).await?;
        match self.store.purge_function(ws, id, until).await? {
            Progress::Done => self.store.remove_retry_marker(ws, id).await,
            Progress::Unfinished => Ok(()),
        }
    }

    /// Ends the use of the layers that a function had before.
    async fn release_former_layers(
        &self,
        ws: &WorkspaceId,
        id: &FunctionId,
        wanted: &Deployable,
    ) -> Result<(), Error> {
        if !wanted.has_layers {
            return Ok(());
        }
        // Otherwise the same requirements, given again, would find the layer that is deleted here.
        let needs_none = wanted.packages == Packages::None;
        if needs_none && !self.store.forget_packages(ws, id).await? {
            return Ok(());
        }
        release_layers(&self.store, &self.engine, ws, id).await
    }

    /// Has the packages of a function installed, unless that was asked for lately: each request may
    /// start a build.
    async fn ask_for_packages(
        &self,
        ws: &WorkspaceId,
        id: &FunctionId,
        wanted: &Deployable,
    ) -> Result<(), Error> {
        if wanted.has_asked {
            return Ok(());
        }
        let (workspace, function) = (ws.clone(), id.clone());
        self.engine.want_packages(&PackagesWanted { workspace, function }).await?;
        let function = &wanted.function.value;
        let digest = function.required_packages.digest(function.settings.runtime);
        self.store.note_packages_asked(ws, id, digest, wanted.function.version).await
    }

    /// Deploys a function as it is now, unless that revision is deployed.
    async fn deploy(&self, ws: &WorkspaceId, id: &FunctionId) -> Result<(), Error> {
        let Some(wanted) = self.store.function_to_deploy(ws, id).await? else { return Ok(()) };
        let function = &wanted.function.value;
        let revision = self.engine.revision(function);
        if wanted.deployed_revision.as_ref() == Some(&revision) && !wanted.has_failed {
            // An earlier attempt may have ended before this.
            return self.release_former_layers(ws, id, &wanted).await;
        }
        let layer = match &wanted.packages {
            Packages::None => None,
            Packages::Ready { layer, .. } => Some(layer),
            Packages::Wanted => return self.ask_for_packages(ws, id, &wanted).await,
            Packages::Failed { message, .. } => {
                let reason = format!("the function could not be deployed: {message}");
                let version = wanted.function.version;
                return self.store.record_failed_deployment(ws, id, version, &reason).await;
            }
        };
        if wanted.deployed_revision.is_none() {
            // Before anybody can call it, because executions are counted only in a usage item.
            self.store.begin_usage(&wanted.owner, ws, id).await?;
        }
        let deployed = self.engine.deploy(function, layer).await.inspect_err(|_| {
            tracing::info!(target: metrics::TARGET, function = %id, EngineErrors = 1);
        })?;
        let version = match deployed {
            Deployed::Version(version) => version,
            Deployed::Refused(reason) => {
                let version = wanted.function.version;
                return self.store.record_failed_deployment(ws, id, version, &reason).await;
            }
        };
        let requirements = function.required_packages.digest(function.settings.runtime);
        let deployment = Deployment {
            revision: &revision,
            digest: &function.deployment_digest(),
            engine_version: &version,
            adapter_protocol: PROTOCOL,
            packages: match &wanted.packages {
                Packages::Ready { key, layer } => Some((&requirements, key, layer)),
                _ => None,
            },
        };
        self.store.record_deployment(ws, id, &deployment).await?;
        self.release_former_layers(ws, id, &wanted).await?;
        if let Some(before) = wanted.engine_version {
            // Further versions are harmless, and the next deployment looks again.
            let kept = self.engine.remove_versions_but(id, &[&version, &before]).await;
            kept.unwrap_or_else(|error| {
                tracing::warn!(function = %id, cause = error.causes(), "old versions are left");
            });
        }
        Ok(())
    }
}
