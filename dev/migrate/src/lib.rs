//! `migrate`: a table of the earlier backend, brought to the present form.
//!
//! What is to become of an item the store says, and carries it out; this walks
//! through the table, once, keeps the order that the store asks for, and reports.
//! It can be ended at any time, and run again to do what is left.

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

/// How often an item is looked at again that somebody else has changed meanwhile.
const ATTEMPTS: usize = 3;

/// What a migration is to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether to say what would be done, and write nothing.
    pub dry_run: bool,
    /// To whom the workspaces are to belong.
    pub owner: Owner,
    /// For how many days from now on logs are kept.
    pub log_days: u32,
}

/// Why nothing could be migrated.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// The table can't be described or read through.
    #[error("the table {table} can't be read: {problem}")]
    Unreadable {
        /// Its name.
        table: String,
        /// What AWS, or the client, said.
        problem: String,
    },
    /// The table lacks something that the present form needs.
    #[error(
        "the table {table} can't be brought to the present form yet: {lacks}; docs/migrating.md, says how to add it"
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

/// What a walk through the table has found.
#[derive(Debug, Default)]
struct Survey {
    /// Each workspace, and whether the earlier backend wrote it.
    workspaces: BTreeMap<WorkspaceId, bool>,
    /// The same for the functions of each workspace.
    functions: BTreeMap<WorkspaceId, BTreeMap<FunctionId, bool>>,
    /// How many logs each function has: the earlier backend's, and ours.
    logs: BTreeMap<FunctionId, (u64, u64)>,
    unnamed: u64,
    others: u64,
}

/// What became, or would become, of the functions.
#[derive(Debug, Default)]
struct Functions {
    /// Those in the present form, with their workspaces.
    present: BTreeMap<FunctionId, WorkspaceId>,
    /// Those that are there in another one.
    others: BTreeSet<FunctionId>,
}

/// What became, or would become, of an item.
enum Outcome {
    Unchanged,
    Changed,
    Removed,
    Left(String),
    Failed(String),
}

impl Migration {
    /// A migration of `table`, which `dynamodb` reads through and `store` changes.
    pub fn new(
        store: Store,
        dynamodb: aws_sdk_dynamodb::Client,
        table: &str,
        options: Options,
    ) -> Self {
        Self { store, dynamodb, table: table.to_owned(), options }
    }

    /// Does it, and tells of everything that was done, was left, or failed. What
    /// failed for one item keeps no other from being migrated.
    ///
    /// # Errors
    /// Where the table can't be read at all; without a dry run also where it lacks
    /// something, and then nothing was changed.
    pub async fn run(&self) -> Result<Report, MigrationError> {
        let lacks =
            self.store.table_lacks().await.map_err(|error| self.unreadable(cause(&error)))?;
        if !lacks.is_empty() && !self.options.dry_run {
            let lacks = lacks.join(", and ");
            return Err(MigrationError::Lacks { table: self.table.clone(), lacks });
        }
        let mut progress = Progress::begin();
        let survey = self.survey(&mut progress).await?;
        let mut report = Report::new(&self.table, self.options.dry_run, lacks);
        report.unnamed = survey.unnamed;
        report.others = survey.others;
        progress.expect(survey.items());
        let workspaces = self.workspaces(&survey, &mut report, &mut progress).await;
        let functions = self.functions(&survey, &workspaces, &mut report, &mut progress).await;
        self.logs(&survey, &functions, &mut report, &mut progress).await;
        Ok(report)
    }

    /// Walks through the whole table.
    async fn survey(&self, progress: &mut Progress) -> Result<Survey, MigrationError> {
        let patience = ExponentialBuilder::default().with_max_times(8).with_jitter();
        let scan = self.dynamodb.scan().table_name(&self.table).consistent_read(true);
        let scan = scan.projection_expression(ItemKind::ATTRIBUTES);
        let mut survey = Survey::default();
        let mut from = None;
        loop {
            let page = || async {
                let page = scan.clone().set_exclusive_start_key(from.clone()).send().await;
                page.map_err(failure("DynamoDB Scan"))
            };
            let page = page.retry(patience).when(|error| matches!(error, Error::Unavailable(_)));
            let page = page.await.map_err(|error| self.unreadable(cause(&error)))?;
            for item in page.items() {
                survey.add(ItemKind::of(item));
            }
            progress.found(page.items().len());
            from = page.last_evaluated_key;
            if from.as_ref().is_none_or(|key| key.is_empty()) {
                return Ok(survey);
            }
        }
    }

    /// Brings the workspaces to the present form; gives those that are, or would
    /// be, in it.
    ///
    /// Only when all of an owner's are in it do their functions follow.
    async fn workspaces(
        &self,
        survey: &Survey,
        report: &mut Report,
        progress: &mut Progress,
    ) -> BTreeSet<WorkspaceId> {
        let mut ready = BTreeSet::new();
        // One after the other, because each changes the count of its owner.
        for (id, is_legacy) in &survey.workspaces {
            let outcome = if *is_legacy { self.workspace(id).await } else { Outcome::Unchanged };
            if matches!(outcome, Outcome::Unchanged | Outcome::Changed) {
                ready.insert(id.clone());
            }
            report.workspaces.add(&outcome);
            report.note(|| format!("workspace {id}"), outcome);
            progress.done(1);
        }
        ready
    }

    async fn workspace(&self, id: &WorkspaceId) -> Outcome {
        self.settled(
            async || self.store.plan_workspace(id).await,
            async |earlier| self.store.rewrite_workspace(&self.options.owner, earlier).await,
        )
        .await
    }

    /// Brings the functions of the workspaces that are `ready` to the present form.
    async fn functions(
        &self,
        survey: &Survey,
        ready: &BTreeSet<WorkspaceId>,
        report: &mut Report,
        progress: &mut Progress,
    ) -> Functions {
        let mut all = Functions::default();
        // One after the other in a workspace, because each changes its count.
        let mut outcomes = stream::iter(&survey.functions)
            .map(|(ws, functions)| {
                let is_ready = ready.contains(ws);
                let one_by_one = stream::iter(functions).then(move |(id, is_legacy)| async move {
                    let outcome = match is_legacy {
                        true => self.function(ws, id, is_ready).await,
                        false => Outcome::Unchanged,
                    };
                    (ws, id, outcome)
                });
                Box::pin(one_by_one)
            })
            .flatten_unordered(WORKSPACES_AT_A_TIME);
        while let Some((ws, id, outcome)) = outcomes.next().await {
            match outcome {
                Outcome::Unchanged | Outcome::Changed => {
                    all.present.insert(id.clone(), ws.clone());
                }
                Outcome::Left(_) | Outcome::Failed(_) => {
                    all.others.insert(id.clone());
                }
                Outcome::Removed => {}
            }
            report.functions.add(&outcome);
            report.note(|| format!("function {id} of {ws}"), outcome);
            progress.done(1);
        }
        all
    }

    async fn function(&self, ws: &WorkspaceId, id: &FunctionId, is_ready: bool) -> Outcome {
        let fate = async || match self.store.plan_function(ws, id).await? {
            MigrationAction::Rewrite(_) if !is_ready => {
                Ok(MigrationAction::Skip("its workspace is not in the present form".into()))
            }
            fate => Ok(fate),
        };
        self.settled(fate, async |earlier| self.store.rewrite_function(earlier).await).await
    }

    /// Brings the logs of those functions that are in the present form to it.
    async fn logs(
        &self,
        survey: &Survey,
        functions: &Functions,
        report: &mut Report,
        progress: &mut Progress,
    ) {
        for (function, (earlier, ours)) in &survey.logs {
            report.logs.unchanged += ours;
            progress.done(*ours);
            if *earlier == 0 {
                continue;
            }
            match functions.present.get(function) {
                Some(ws) => self.logs_of(ws, function, report, progress).await,
                None => {
                    let why = if functions.others.contains(function) {
                        "the function is not in the present form"
                    } else {
                        "the function is not there"
                    };
                    report.logs.left += earlier;
                    report.left.add(Note::new(format!("logs of {function} ({earlier})"), why));
                    progress.done(*earlier);
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
            let found = match self.store.legacy_logs(function, from.as_ref()).await {
                Ok(found) => found,
                Err(error) => {
                    report.logs.failed += 1;
                    report.failed.add(Note::new(format!("logs of {function}"), cause(&error)));
                    return;
                }
            };
            let mut outcomes = stream::iter(found.logs)
                .map(async |(sk, log)| (sk, self.log(ws, log).await))
                .buffer_unordered(LOGS_AT_A_TIME);
            while let Some((sk, outcome)) = outcomes.next().await {
                report.logs.add(&outcome);
                report.note(|| format!("{sk} of {function}"), outcome);
                progress.done(1);
            }
            from = found.more;
            if from.is_none() {
                return;
            }
        }
    }

    async fn log(&self, ws: &WorkspaceId, log: Result<LegacyLog, String>) -> Outcome {
        let log = match log {
            Ok(log) => log,
            Err(why) => return Outcome::Left(why),
        };
        if self.options.dry_run {
            return Outcome::Changed;
        }
        match self.store.rewrite_log(ws, &log, self.options.log_days).await {
            Ok(()) => Outcome::Changed,
            Err(error) => Outcome::Failed(cause(&error)),
        }
    }

    /// Lets become of an item what is its `fate`, looking again where somebody else
    /// has changed it meanwhile.
    async fn settled<T>(
        &self,
        fate: impl AsyncFn() -> Result<MigrationAction<T>, Error>,
        rewrite: impl AsyncFn(&T) -> Result<Rewrite, Error>,
    ) -> Outcome {
        for _ in 0..ATTEMPTS {
            let done = match fate().await {
                Ok(MigrationAction::Keep) => return Outcome::Unchanged,
                Ok(MigrationAction::Skip(why)) => return Outcome::Left(why),
                Ok(MigrationAction::Rewrite(_)) if self.options.dry_run => {
                    return Outcome::Changed;
                }
                Ok(MigrationAction::Delete(_)) if self.options.dry_run => return Outcome::Removed,
                Ok(MigrationAction::Rewrite(earlier)) => {
                    rewrite(&earlier).await.map(|rewrite| match rewrite {
                        Rewrite::Done => Some(Outcome::Changed),
                        Rewrite::Outdated => None,
                    })
                }
                Ok(MigrationAction::Delete(orphan)) => {
                    self.store.delete_orphan(&orphan).await.map(|()| Some(Outcome::Removed))
                }
                Err(error) => Err(error),
            };
            match done {
                Ok(Some(outcome)) => return outcome,
                Ok(None) => {}
                Err(error) => return Outcome::Failed(cause(&error)),
            }
        }
        Outcome::Failed("others keep changing it".into())
    }

    fn unreadable(&self, problem: String) -> MigrationError {
        MigrationError::Unreadable { table: self.table.clone(), problem }
    }
}

impl Survey {
    fn add(&mut self, found: ItemKind) {
        match found {
            ItemKind::Workspace { id, is_legacy } => {
                self.workspaces.insert(id, is_legacy);
            }
            ItemKind::Function { workspace, id, is_legacy } => {
                self.functions.entry(workspace).or_default().insert(id, is_legacy);
            }
            ItemKind::Log { function, is_legacy } => {
                let (earlier, ours) = self.logs.entry(function).or_default();
                *if is_legacy { earlier } else { ours } += 1;
            }
            ItemKind::Internal => {}
            ItemKind::InvalidId => self.unnamed += 1,
            ItemKind::Other => self.others += 1,
        }
    }

    /// How many items there are to look at.
    fn items(&self) -> u64 {
        let functions: usize = self.functions.values().map(BTreeMap::len).sum();
        let logs: u64 = self.logs.values().map(|(earlier, ours)| earlier + ours).sum();
        (self.workspaces.len() + functions) as u64 + logs
    }
}

/// What lies behind an error of the store. Its own sentence is for callers of the API.
fn cause(error: &Error) -> String {
    let causes = error.causes();
    if causes.is_empty() { error.to_string() } else { causes }
}
