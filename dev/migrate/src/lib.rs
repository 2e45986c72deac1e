//! `cargo migrate`: brings a table of the legacy backend to the present form.
//!
//! The store decides what to do with an item, and does it. This crate scans the table once, keeps
//! the order (workspaces, functions, logs) and reports. A migration can be stopped at any time and
//! run again.

pub mod cli;
mod progress;
mod report;

use std::collections::{BTreeMap, BTreeSet};

use backon::{ExponentialBuilder, Retryable};
use futures_util::{StreamExt, stream};
use shared::aws::failure::failure;
use shared::domain::{FunctionId, Owner, WorkspaceId};
use shared::error::Error;
use shared::store::{ItemKind, LegacyLog, MigrationAction, Rewrite, Store};

use progress::Progress;
pub use report::{Note, Notes, Report, Tally};

/// How many workspaces are worked on at a time.
const WORKSPACES_AT_A_TIME: usize = 8;

/// How many logs are written at a time.
const LOGS_AT_A_TIME: usize = 16;

/// Attempts at an item that somebody else changes at the same time.
const ATTEMPTS: usize = 3;

/// Options of a migration.
#[derive(Clone, Debug)]
pub struct Options {
    /// Report what would be done, and write nothing.
    pub dry_run: bool,
    /// The owner of the workspaces.
    pub owner: Owner,
    /// Days from now that logs are kept.
    pub log_days: u32,
}

/// Why nothing was migrated.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// The table can't be described or scanned.
    #[error("the table {table} can't be read: {problem}")]
    Unreadable {
        /// Its name.
        table: String,
        /// The error of AWS or of the client.
        problem: String,
    },
    /// The table lacks something that the present form needs.
    #[error(
        "the table {table} can't be changed yet: {lacks}; docs/migrating.md says how to add it"
    )]
    Lacks {
        /// Its name.
        table: String,
        /// What it lacks.
        lacks: String,
    },
}

/// A migration of one table.
#[derive(Debug)]
pub struct Migration {
    store: Store,
    dynamodb: aws_sdk_dynamodb::Client,
    table: String,
    options: Options,
}

/// The contents of the table.
#[derive(Debug, Default)]
struct Inventory {
    /// Each workspace, and whether it is in the legacy form.
    workspaces: BTreeMap<WorkspaceId, bool>,
    /// The same for the functions of each workspace.
    functions: BTreeMap<WorkspaceId, BTreeMap<FunctionId, bool>>,
    /// The number of legacy logs of each function, and of logs in the present form.
    logs: BTreeMap<FunctionId, (u64, u64)>,
    unreadable: u64,
    others: u64,
}

/// The functions after their migration.
#[derive(Debug, Default)]
struct Functions {
    /// Functions in the present form, with their workspaces.
    present: BTreeMap<FunctionId, WorkspaceId>,
    /// Functions that were skipped or failed.
    others: BTreeSet<FunctionId>,
}

/// What the migration does, or would do, with an item.
enum ItemOutcome {
    Unchanged,
    Changed,
    Removed,
    Skipped(String),
    Failed(String),
}

impl Migration {
    /// A migration of `table`, which `dynamodb` scans and `store` changes.
    pub fn new(
        store: Store,
        dynamodb: aws_sdk_dynamodb::Client,
        table: &str,
        options: Options,
    ) -> Self {
        Self { store, dynamodb, table: table.to_owned(), options }
    }

    /// Migrates the table. An item that fails does not stop the others.
    ///
    /// # Errors
    /// If the table can't be read or, except in a dry run, if it lacks something. Nothing was
    /// changed then.
    pub async fn run(&self) -> Result<Report, MigrationError> {
        let lacks =
            self.store.table_lacks().await.map_err(|error| self.unreadable(cause(&error)))?;
        if !lacks.is_empty() && !self.options.dry_run {
            let lacks = lacks.join(", and ");
            return Err(MigrationError::Lacks { table: self.table.clone(), lacks });
        }
        let mut progress = Progress::begin();
        let inventory = self.scan(&mut progress).await?;
        let mut report = Report::new(&self.table, self.options.dry_run, lacks);
        report.unreadable = inventory.unreadable;
        report.others = inventory.others;
        progress.expect(inventory.items());
        let workspaces = self.workspaces(&inventory, &mut report, &mut progress).await;
        let functions = self.functions(&inventory, &workspaces, &mut report, &mut progress).await;
        self.logs(&inventory, &functions, &mut report, &mut progress).await;
        Ok(report)
    }

    /// Scans the whole table.
    async fn scan(&self, progress: &mut Progress) -> Result<Inventory, MigrationError> {
        let retry_policy = ExponentialBuilder::default().with_max_times(8).with_jitter();
        let scan = self.dynamodb.scan().table_name(&self.table).consistent_read(true);
        let scan = scan.projection_expression(ItemKind::ATTRIBUTES);
        let mut inventory = Inventory::default();
        let mut from = None;
        loop {
            let page = || async {
                let page = scan.clone().set_exclusive_start_key(from.clone()).send().await;
                page.map_err(failure("DynamoDB Scan"))
            };
            let page =
                page.retry(retry_policy).when(|error| matches!(error, Error::Unavailable(_)));
            let page = page.await.map_err(|error| self.unreadable(cause(&error)))?;
            for item in page.items() {
                inventory.add(ItemKind::of(item));
            }
            progress.found(page.items().len());
            from = page.last_evaluated_key;
            if from.as_ref().is_none_or(|key| key.is_empty()) {
                return Ok(inventory);
            }
        }
    }

    /// Migrates the workspaces, all of them before any function. Returns those that are, or would
    /// be, in the present form.
    async fn workspaces(
        &self,
        inventory: &Inventory,
        report: &mut Report,
        progress: &mut Progress,
    ) -> BTreeSet<WorkspaceId> {
        let mut ready = BTreeSet::new();
        // Sequential, because each changes the count of its owner.
        for (id, is_legacy) in &inventory.workspaces {
            let outcome =
                if *is_legacy { self.workspace(id).await } else { ItemOutcome::Unchanged };
            if matches!(outcome, ItemOutcome::Unchanged | ItemOutcome::Changed) {
                ready.insert(id.clone());
            }
            report.workspaces.add(&outcome);
            report.note(|| format!("workspace {id}"), outcome);
            progress.done(1);
        }
        ready
    }

    async fn workspace(&self, id: &WorkspaceId) -> ItemOutcome {
        self.migrate(
            async || self.store.plan_workspace(id).await,
            async |legacy| self.store.rewrite_workspace(&self.options.owner, legacy).await,
        )
        .await
    }

    /// Migrates the functions of the workspaces that are `ready`.
    async fn functions(
        &self,
        inventory: &Inventory,
        ready: &BTreeSet<WorkspaceId>,
        report: &mut Report,
        progress: &mut Progress,
    ) -> Functions {
        let mut all = Functions::default();
        // Sequential in a workspace, because each changes its count.
        let mut outcomes = stream::iter(&inventory.functions)
            .map(|(ws, functions)| {
                let is_ready = ready.contains(ws);
                let sequence = stream::iter(functions).then(move |(id, is_legacy)| async move {
                    let outcome = match is_legacy {
                        true => self.function(ws, id, is_ready).await,
                        false => ItemOutcome::Unchanged,
                    };
                    (ws, id, outcome)
                });
                Box::pin(sequence)
            })
            .flatten_unordered(WORKSPACES_AT_A_TIME);
        while let Some((ws, id, outcome)) = outcomes.next().await {
            match outcome {
                ItemOutcome::Unchanged | ItemOutcome::Changed => {
                    all.present.insert(id.clone(), ws.clone());
                }
                ItemOutcome::Skipped(_) | ItemOutcome::Failed(_) => {
                    all.others.insert(id.clone());
                }
                ItemOutcome::Removed => {}
            }
            report.functions.add(&outcome);
            report.note(|| format!("function {id} of {ws}"), outcome);
            progress.done(1);
        }
        all
    }

    async fn function(&self, ws: &WorkspaceId, id: &FunctionId, is_ready: bool) -> ItemOutcome {
        let plan = async || match self.store.plan_function(ws, id).await? {
            MigrationAction::Rewrite(_) if !is_ready => {
                Ok(MigrationAction::Skip("its workspace is not in the present form".into()))
            }
            action => Ok(action),
        };
        self.migrate(plan, async |legacy| self.store.rewrite_function(legacy).await).await
    }

    /// Migrates the logs of the functions that are in the present form.
    async fn logs(
        &self,
        inventory: &Inventory,
        functions: &Functions,
        report: &mut Report,
        progress: &mut Progress,
    ) {
        for (function, (legacy, present)) in &inventory.logs {
            report.logs.unchanged += present;
            progress.done(*present);
            if *legacy == 0 {
                continue;
            }
            match functions.present.get(function) {
                Some(ws) => self.logs_of(ws, function, report, progress).await,
                None => {
                    let why = if functions.others.contains(function) {
                        "the function is not in the present form"
                    } else {
                        "the function does not exist"
                    };
                    report.logs.skipped += legacy;
                    report.skipped.add(Note::new(format!("logs of {function} ({legacy})"), why));
                    progress.done(*legacy);
                }
            }
        }
    }

    async fn logs_of(
        &self,
        ws: &WorkspaceId,
        function: &FunctionId,
        report: &mut Report,
        progress: &mut Progress,
    ) {
        let mut from = None;
        loop {
            let page = match self.store.legacy_logs(function, from.as_ref()).await {
                Ok(page) => page,
                Err(error) => {
                    report.logs.failed += 1;
                    report.failed.add(Note::new(format!("logs of {function}"), cause(&error)));
                    return;
                }
            };
            let mut outcomes = stream::iter(page.logs)
                .map(async |(sk, log)| (sk, self.log(ws, log).await))
                .buffer_unordered(LOGS_AT_A_TIME);
            while let Some((sk, outcome)) = outcomes.next().await {
                report.logs.add(&outcome);
                report.note(|| format!("{sk} of {function}"), outcome);
                progress.done(1);
            }
            from = page.more;
            if from.is_none() {
                return;
            }
        }
    }

    async fn log(&self, ws: &WorkspaceId, log: Result<LegacyLog, String>) -> ItemOutcome {
        let log = match log {
            Ok(log) => log,
            Err(why) => return ItemOutcome::Skipped(why),
        };
        if self.options.dry_run {
            return ItemOutcome::Changed;
        }
        match self.store.rewrite_log(ws, &log, self.options.log_days).await {
            Ok(()) => ItemOutcome::Changed,
            Err(error) => ItemOutcome::Failed(cause(&error)),
        }
    }

    /// Does what `plan` says with an item. If somebody else changes the item meanwhile, plans again.
    async fn migrate<T>(
        &self,
        plan: impl AsyncFn() -> Result<MigrationAction<T>, Error>,
        rewrite: impl AsyncFn(&T) -> Result<Rewrite, Error>,
    ) -> ItemOutcome {
        for _ in 0..ATTEMPTS {
            let done = match plan().await {
                Ok(MigrationAction::Keep) => return ItemOutcome::Unchanged,
                Ok(MigrationAction::Skip(why)) => return ItemOutcome::Skipped(why),
                Ok(MigrationAction::Rewrite(_)) if self.options.dry_run => {
                    return ItemOutcome::Changed;
                }
                Ok(MigrationAction::Delete(_)) if self.options.dry_run => {
                    return ItemOutcome::Removed;
                }
                Ok(MigrationAction::Rewrite(legacy)) => {
                    rewrite(&legacy).await.map(|rewrite| match rewrite {
                        Rewrite::Done => Some(ItemOutcome::Changed),
                        Rewrite::Outdated => None,
                    })
                }
                Ok(MigrationAction::Delete(orphan)) => {
                    self.store.delete_orphan(&orphan).await.map(|()| Some(ItemOutcome::Removed))
                }
                Err(error) => Err(error),
            };
            match done {
                Ok(Some(outcome)) => return outcome,
                Ok(None) => {}
                Err(error) => return ItemOutcome::Failed(cause(&error)),
            }
        }
        ItemOutcome::Failed("it keeps changing meanwhile".into())
    }

    fn unreadable(&self, problem: String) -> MigrationError {
        MigrationError::Unreadable { table: self.table.clone(), problem }
    }
}

impl Inventory {
    fn add(&mut self, kind: ItemKind) {
        match kind {
            ItemKind::Workspace { id, is_legacy } => {
                self.workspaces.insert(id, is_legacy);
            }
            ItemKind::Function { workspace, id, is_legacy } => {
                self.functions.entry(workspace).or_default().insert(id, is_legacy);
            }
            ItemKind::Log { function, is_legacy } => {
                let (legacy, present) = self.logs.entry(function).or_default();
                *if is_legacy { legacy } else { present } += 1;
            }
            ItemKind::Internal => {}
            ItemKind::InvalidId => self.unreadable += 1,
            ItemKind::Other => self.others += 1,
        }
    }

    /// The number of items to process.
    fn items(&self) -> u64 {
        let functions: usize = self.functions.values().map(BTreeMap::len).sum();
        let logs: u64 = self.logs.values().map(|(legacy, present)| legacy + present).sum();
        (self.workspaces.len() + functions) as u64 + logs
    }
}

/// The causes of an error of the store, whose own message is for callers of the API.
fn cause(error: &Error) -> String {
    let causes = error.causes();
    if causes.is_empty() { error.to_string() } else { causes }
}
