//! Builds and their tasks.
//!
//! A build's source is an object that builds of the same source share. Its task is an item that never
//! changes. Nothing follows a task: how far the build is follows from the function that it was for,
//! whenever somebody asks. Both are gone after a week, or with their workspace.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::{AttributeValue, Put};
use tokio::time::timeout;

use super::Store;
use super::idempotency::{Completion, IdempotencyRecord, already_completed};
use super::item::{Item, is_visible_to, readable, text};
use super::keys::{self, FUNCTION_PREFIX, Key, PK, TASK_PREFIX};
use super::record::{FunctionRecord, TaskRecord};
use super::transaction::{Tag, TransactionItem, TransactionResult};
use crate::aws::failure::failure;
use crate::domain::{
    Build, FilePath, FilesSummary, FunctionId, MainFile, Name, Owner, SourceDigest, Task, TaskId,
    WorkspaceId, source_sha256,
};
use crate::error::Error;

/// The most tasks that a list has.
const MAX_TASKS: i32 = 100;

/// A function that a build may be for.
struct Candidate {
    id: FunctionId,
    source_sha256: String,
}

impl Store {
    /// Keeps the source of a build, and creates its task, unless an earlier request has.
    ///
    /// # Errors
    /// [`Error::NotFound`] where this owner doesn't see the workspace.
    pub async fn create_build(
        &self,
        owner: &Owner,
        claim: &IdempotencyRecord,
        build: &Build,
    ) -> Result<Completion, Error> {
        self.complete(claim, self.put_build(owner, claim, build)).await
    }

    async fn put_build(
        &self,
        owner: &Owner,
        claim: &IdempotencyRecord,
        build: &Build,
    ) -> Result<Completion, Error> {
        let (ws, file) = (build.id.workspace(), &build.file);
        let sha256 = file.sha256();
        let prepare = async {
            let exists = self.workspace_exists(owner, ws);
            let ((), candidates) =
                tokio::try_join!(exists, self.functions_named(ws, &build.app_name))?;
            // Written again, it is kept for longer.
            let digest = SourceDigest::of(&sha256);
            match &file.project {
                Some((archive, _)) => {
                    self.put_archive(&keys::build_archive(ws, &digest), archive).await?;
                }
                None => self.put_source(&keys::build_source(ws, &digest), &file.code).await?,
            }
            Ok::<_, Error>(candidates)
        };
        let prepared = timeout(self.time_budget.call, prepare).await;
        let candidates =
            prepared.map_err(|_| Error::Unavailable("preparing a build: out of time".into()))??;
        let function = the_one_meant(candidates, &sha256);
        let item = serde_dynamo::to_item(TaskRecord::new(owner, build, function));
        let put = Put::builder()
            .table_name(&*self.table)
            .set_item(Some(item.map_err(Error::internal)?))
            .condition_expression(format!("attribute_not_exists({PK})"));
        let mut items =
            vec![self.check_workspace(owner, ws)?, TransactionItem::put(Tag::Task, put)?];
        items.extend(self.mark_completed(claim)?);
        match self.transact("DynamoDB TransactWriteItems, create task", items).await? {
            TransactionResult::Committed => Ok(Completion::New),
            TransactionResult::Refused(refusals) if already_completed(claim, &refusals)? => {
                Ok(Completion::Replayed)
            }
            // The new identifier is taken by an earlier attempt of this request.
            TransactionResult::Refused(refusals) if refusals.refused(Tag::Task) => {
                Ok(Completion::New)
            }
            TransactionResult::Refused(_) => Err(ws.not_found().into()),
        }
    }

    /// The task `id`.
    ///
    /// # Errors
    /// [`Error::NotFound`] where this owner doesn't see it or its workspace.
    pub async fn task(&self, owner: &Owner, id: &TaskId) -> Result<Task, Error> {
        let ws = id.workspace();
        let (workspace, task) = (keys::workspace(ws), keys::task(id));
        let mut items = self.items(&[workspace.clone(), task.clone()]).await?;
        let mut visible =
            |key: &Key| items.remove(&key.sk).filter(|item| is_visible_to(owner, item));
        let (Some(_), Some(task)) = (visible(&workspace), visible(&task)) else {
            return Err(id.not_found().into());
        };
        let task = TaskRecord::read(task)?;
        let functions = self.functions_of(ws, [&task].into_iter()).await?;
        let function = task.function.as_ref().and_then(|id| functions.get(id));
        Ok(task.with_function(function))
    }

    /// The latest tasks of a workspace, at most `MAX_TASKS`, newest first.
    ///
    /// # Errors
    /// [`Error::NotFound`] where this owner doesn't see the workspace.
    pub async fn tasks_of_workspace(
        &self,
        owner: &Owner,
        ws: &WorkspaceId,
    ) -> Result<Vec<Task>, Error> {
        let query = self
            .items_below(keys::workspace_partition(ws), TASK_PREFIX)
            .scan_index_forward(false)
            .limit(MAX_TASKS);
        let found = async { query.send().await.map_err(failure("DynamoDB Query, tasks")) };
        let ((), found) = tokio::try_join!(self.workspace_exists(owner, ws), found)?;
        let tasks: Vec<_> = readable(found.items, TaskRecord::read).collect();
        let functions = self.functions_of(ws, tasks.iter()).await?;
        let with_function = |task: TaskRecord| {
            let function = task.function.as_ref().and_then(|id| functions.get(id));
            task.with_function(function)
        };
        Ok(tasks.into_iter().map(with_function).collect())
    }

    /// The functions that `tasks` of a workspace were for, as far as they are there.
    async fn functions_of(
        &self,
        ws: &WorkspaceId,
        tasks: impl Iterator<Item = &TaskRecord>,
    ) -> Result<HashMap<FunctionId, FunctionRecord>, Error> {
        let ids: BTreeSet<_> = tasks.filter_map(|task| task.function.as_ref()).collect();
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let keys: Vec<_> = ids.into_iter().map(|id| keys::function(ws, id)).collect();
        let items = self.items(&keys).await?.into_values().collect();
        let records = readable(Some(items), FunctionRecord::read);
        Ok(records.map(|record| (record.id.clone(), record)).collect())
    }

    /// The functions of a workspace that have this name.
    async fn functions_named(
        &self,
        ws: &WorkspaceId,
        name: &Name,
    ) -> Result<Vec<Candidate>, Error> {
        let mut found = self
            .items_below(keys::workspace_partition(ws), FUNCTION_PREFIX)
            .projection_expression("id, codeSha256, mainFile, fileCount, filesBytes, filesSha256")
            .filter_expression("#name = :name")
            .expression_attribute_names("#name", "name")
            .expression_attribute_values(":name", AttributeValue::S(name.as_str().to_owned()))
            .into_paginator()
            .items()
            .send();
        let mut candidates = Vec::new();
        while let Some(item) = found.next().await {
            let item = item.map_err(failure("DynamoDB Query, functions by name"))?;
            candidates.extend(Candidate::read(&item));
        }
        Ok(candidates)
    }
}

impl Candidate {
    fn read(item: &Item) -> Option<Self> {
        let id = text(item, "id")?.parse().ok()?;
        let code_sha256 = text(item, "codeSha256")?;
        let main_file =
            text(item, "mainFile").and_then(|path| FilePath::try_from(path.to_owned()).ok());
        let main_file = main_file.map(MainFile::from).unwrap_or_default();
        let files: FilesSummary = serde_dynamo::from_item(item.clone()).unwrap_or_default();
        Some(Self { id, source_sha256: source_sha256(code_sha256, &main_file, &files) })
    }
}

/// The function that a build is for: the only one of its name, or the only one of these that has its
/// source.
fn the_one_meant(mut candidates: Vec<Candidate>, sha256: &str) -> Option<FunctionId> {
    if candidates.len() > 1 {
        candidates.retain(|candidate| candidate.source_sha256 == sha256);
    }
    match candidates.as_slice() {
        [one] => Some(one.id.clone()),
        _ => None,
    }
}
