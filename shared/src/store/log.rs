//! Execution logs in the table.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;

use super::Store;
use super::item::readable;
use super::keys::{self, INDEX, INDEX_PK, INDEX_SK, PK, SK};
use super::query::page_size;
use super::record::{LogRecord, expires_at, visible_function};
use crate::aws::failure::failure;
use crate::domain::{
    CreationSeed, ExecutionLog, FunctionId, LogFilter, LogId, Owner, Page, PageBuilder,
    PageRequest, Timestamp, WorkspaceId,
};
use crate::error::Error;

/// How many DynamoDB responses, of 1 MB each, a request looks through at most. The next page of a list
/// goes on where it stopped.
pub(super) const MAX_RESPONSES: usize = 8;

impl Store {
    /// Records an execution, to be kept for `keep_days` days.
    ///
    /// Whoever made the log has cut it to the size of an item. Its identifier is new, so repeating
    /// this is harmless.
    pub async fn record_execution(
        &self,
        ws: &WorkspaceId,
        log: &ExecutionLog,
        keep_days: u32,
    ) -> Result<(), Error> {
        let expires_at = expires_at(log.timestamp, keep_days);
        let record = LogRecord::new(ws, log.clone(), expires_at)?;
        let item = serde_dynamo::to_item(record);
        self.dynamodb
            .put_item()
            .table_name(&*self.table)
            .set_item(Some(item.map_err(Error::internal)?))
            .send()
            .await
            .map_err(failure("DynamoDB PutItem, log"))?;
        Ok(())
    }

    /// The log of the execution with this identity, if there is one.
    ///
    /// # Errors
    /// [`Error::NotFound`] where this owner doesn't see the function or its workspace.
    pub async fn log_of(
        &self,
        owner: &Owner,
        ws: &WorkspaceId,
        id: &FunctionId,
        seed: &CreationSeed,
    ) -> Result<Option<ExecutionLog>, Error> {
        let key = keys::log(id, seed.at, &LogId::of(seed.ulid));
        let mut items = self.function_items(ws, id, Some(&key)).await?;
        let log = items.remove(&key.sk);
        visible_function(owner, ws, id, items)?;
        log.map(LogRecord::read).transpose()
    }

    /// The executions of a function that match `filter`, newest first.
    ///
    /// A page may be short, or empty, and still have a next one: a request reads a limited number
    /// of executions.
    ///
    /// # Errors
    /// [`Error::NotFound`] where this owner doesn't see the function or its workspace.
    pub async fn logs_of_function(
        &self,
        owner: &Owner,
        ws: &WorkspaceId,
        id: &FunctionId,
        filter: &LogFilter,
        page: &PageRequest,
    ) -> Result<Page<ExecutionLog>, Error> {
        let after = page.after(|text| Position::within(filter, text))?;
        let (from, to) = keys::logs_between(filter.since, filter.until);
        let query = self
            .dynamodb
            .query()
            .consistent_read(true)
            .key_condition_expression(format!("{PK} = :pk AND {SK} BETWEEN :from AND :to"))
            .expression_attribute_values(":pk", AttributeValue::S(keys::log_partition(id)))
            .expression_attribute_values(":from", AttributeValue::S(from))
            .expression_attribute_values(":to", AttributeValue::S(to))
            .set_exclusive_start_key(
                after.map(|at| keys::log(id, at.timestamp, &at.log).into_item()),
            );
        // Both at once. Reading logs stops when the function turns out to be invisible.
        let exists = self.function_record(owner, ws, id);
        let (_, logs) = tokio::try_join!(exists, self.logs(query, filter, page))?;
        Ok(logs)
    }

    /// The executions of all functions of a workspace that match `filter`, newest first, in pages
    /// like those of [`Store::logs_of_function`].
    ///
    /// Read from the index, which is eventually consistent.
    ///
    /// # Errors
    /// [`Error::NotFound`] where this owner doesn't see the workspace.
    pub async fn logs_of_workspace(
        &self,
        owner: &Owner,
        ws: &WorkspaceId,
        filter: &LogFilter,
        page: &PageRequest,
    ) -> Result<Page<ExecutionLog>, Error> {
        let after = page.after(|text| Position::within(filter, text))?;
        let (from, to) = keys::logs_in_index_between(filter.since, filter.until);
        let query = self
            .dynamodb
            .query()
            .index_name(INDEX)
            .key_condition_expression(format!(
                "{INDEX_PK} = :pk AND {INDEX_SK} BETWEEN :from AND :to"
            ))
            .expression_attribute_values(
                ":pk",
                AttributeValue::S(keys::workspace_log_partition(ws)),
            )
            .expression_attribute_values(":from", AttributeValue::S(from))
            .expression_attribute_values(":to", AttributeValue::S(to))
            .set_exclusive_start_key(after.map(|at| {
                keys::log(&at.function, at.timestamp, &at.log)
                    .into_item_with_index(keys::log_in_index(ws, at.timestamp, &at.log))
            }));
        let exists = self.workspace_exists(owner, ws);
        let ((), logs) = tokio::try_join!(exists, self.logs(query, filter, page))?;
        Ok(logs)
    }

    async fn logs(
        &self,
        query: QueryFluentBuilder,
        filter: &LogFilter,
        page: &PageRequest,
    ) -> Result<Page<ExecutionLog>, Error> {
        // A filter that drops logs needs whole responses.
        let size = if filter.needs_post_filter() { None } else { page_size(page) };
        let mut found = query
            .table_name(&*self.table)
            .scan_index_forward(false)
            .set_limit(size)
            .into_paginator()
            .send();
        let mut builder = PageBuilder::new(page);
        let mut responses = 0;
        let mut last = None;
        while !builder.is_full() {
            let Some(items) = found.next().await else {
                last = None;
                break;
            };
            let items = items.map_err(failure("DynamoDB Query, logs"))?;
            for log in readable(items.items, LogRecord::read) {
                last = Some(Position::of(&log));
                if filter.matches(&log) {
                    builder.offer(log);
                }
                if builder.is_full() {
                    break;
                }
            }
            responses += 1;
            if filter.needs_post_filter() && responses == MAX_RESPONSES {
                break;
            }
        }
        let mut result = builder.finish(page, |log| Position::of(log).to_string());
        if result.next.is_none() {
            // Neither full nor at the end: the next page goes on from here.
            result.next = last.map(|position| page.cursor(&position.to_string()));
        }
        Ok(result)
    }
}

/// The position of a log in a list.
#[derive(Debug)]
struct Position {
    timestamp: Timestamp,
    log: LogId,
    function: FunctionId,
}

impl Position {
    fn of(log: &ExecutionLog) -> Self {
        Self { timestamp: log.timestamp, log: log.id.clone(), function: log.function_id.clone() }
    }

    /// Parses a position within the times of `filter`. DynamoDB refuses to start anywhere else, and
    /// anybody can make up a cursor.
    fn within(filter: &LogFilter, text: &str) -> Option<Self> {
        let (from, to) = keys::logs_in_index_between(filter.since, filter.until);
        Self::parse(text).filter(|at| (from..to).contains(&at.timestamp.to_string()))
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('#');
        Some(Self {
            timestamp: parts.next()?.parse().ok()?,
            log: parts.next()?.parse::<LogId>().ok()?,
            function: parts.next()?.parse::<FunctionId>().ok()?,
        })
    }
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}#{}#{}", self.timestamp, self.log, self.function)
    }
}
