//! Execution logs in the table.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::compression::{compressed, decompress_bounded};
use super::function::visible_function;
use super::keys::{self, INDEX, INDEX_PK, INDEX_SK, PK, SK};
use super::{Item, Store};
use crate::aws::failure::failure;
use crate::domain::{
    CreationSeed, ExecutionLog, ExecutionStatus, FunctionId, Level, LogFilter, LogId, Owner, Page,
    PageBuilder, PageRequest, Timestamp, WorkspaceId,
};
use crate::error::Error;

/// The most bytes that a log's detail can have: bodies and lines escaped at worst, six-fold.
const MAX_DETAIL_BYTES: usize = 2 * 1024 * 1024;

/// How many answers of DynamoDB, of 1 MB each, a request looks through for a
/// filter; the next page goes on where it stopped.
const MAX_ANSWERS: usize = 8;

/// A log's item.
///
/// What can be long is compressed: a log of ordinary size is then one write
/// unit of 1 KB in the table and one in the index.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LogRecord {
    #[serde(rename = "PK")]
    pk: String,
    #[serde(rename = "SK")]
    sk: String,
    #[serde(rename = "GSI1PK")]
    index_pk: String,
    #[serde(rename = "GSI1SK")]
    index_sk: String,
    /// When DynamoDB may remove it, in seconds since 1970.
    expires_at: i64,
    id: LogId,
    function_id: FunctionId,
    timestamp: Timestamp,
    status: ExecutionStatus,
    duration: f64,
    status_code: u16,
    level: Level,
    /// [`Detail`] as JSON, compressed.
    #[serde(with = "serde_bytes")]
    detail: Vec<u8>,
}

/// The part of a log that is never asked for by itself.
///
/// Bodies are JSON as it came: a number keeps all its digits.
#[derive(Debug, Deserialize, Serialize)]
struct Detail {
    request: Box<RawValue>,
    response: Box<RawValue>,
    lines: Vec<String>,
}

impl LogRecord {
    /// The record of `log`, which DynamoDB may remove at `expires_at`, in seconds since 1970.
    pub(super) fn new(ws: &WorkspaceId, log: ExecutionLog, expires_at: i64) -> Result<Self, Error> {
        let detail =
            Detail { request: log.request_body, response: log.response_body, lines: log.logs };
        let detail = serde_json::to_vec(&detail).map_err(Error::internal)?;
        let key = keys::log(&log.function_id, log.timestamp, &log.id);
        let index = keys::log_in_index(ws, log.timestamp, &log.id);
        Ok(Self {
            pk: key.pk,
            sk: key.sk,
            index_pk: index.pk,
            index_sk: index.sk,
            expires_at,
            id: log.id,
            function_id: log.function_id,
            timestamp: log.timestamp,
            status: log.status,
            duration: log.duration,
            status_code: log.status_code,
            level: log.level,
            detail: compressed(&detail),
        })
    }
}

impl TryFrom<LogRecord> for ExecutionLog {
    type Error = Error;

    fn try_from(record: LogRecord) -> Result<Self, Error> {
        let detail = decompress_bounded(&record.detail, MAX_DETAIL_BYTES)?;
        let detail: Detail = serde_json::from_slice(&detail).map_err(Error::internal)?;
        Ok(Self {
            id: record.id,
            function_id: record.function_id,
            timestamp: record.timestamp,
            status: record.status,
            duration: record.duration,
            status_code: record.status_code,
            request_body: detail.request,
            response_body: detail.response,
            logs: detail.lines,
            level: record.level,
        })
    }
}

impl Store {
    /// Records an execution, to be kept for `keep_days` days.
    ///
    /// The log was cut to size by its maker. Its identifier is new, so repeating this is harmless.
    pub async fn record_execution(
        &self,
        ws: &WorkspaceId,
        log: &ExecutionLog,
        keep_days: u32,
    ) -> Result<(), Error> {
        let expires_at = keep_until(log.timestamp, keep_days);
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

    /// The log of the execution of this `origin`, if there is one.
    ///
    /// # Errors
    /// [`Error::NotFound`] where the function, or its workspace, isn't there for this owner.
    pub async fn log_of(
        &self,
        owner: &Owner,
        ws: &WorkspaceId,
        id: &FunctionId,
        origin: &CreationSeed,
    ) -> Result<Option<ExecutionLog>, Error> {
        let key = keys::log(id, origin.at, &LogId::of(origin.ulid));
        let mut items = self.function_items(ws, id, Some(&key)).await?;
        let log = items.remove(&key.sk);
        visible_function(owner, ws, id, items)?;
        log.map(read).transpose()
    }

    /// The executions of a function that `filter` lets through, newest first.
    ///
    /// A page may be short, or empty, and still have a next one: a request
    /// looks through a limited number of executions.
    ///
    /// # Errors
    /// [`Error::NotFound`] where it, or its workspace, isn't there for this owner.
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
        // Both at once: whether the function is there, and what it logged; the second goes
        // no further once the first is known to be wrong.
        let there = self.function_record(owner, ws, id);
        let (_, logs) = tokio::try_join!(there, self.logs(query, filter, page))?;
        Ok(logs)
    }

    /// The executions of all functions of a workspace that `filter` lets
    /// through, newest first, in pages as those of a function.
    ///
    /// Read from the index, which follows the table within moments.
    ///
    /// # Errors
    /// [`Error::NotFound`] where the workspace isn't there for this owner.
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
        let there = self.workspace_exists(owner, ws);
        let ((), logs) = tokio::try_join!(there, self.logs(query, filter, page))?;
        Ok(logs)
    }

    async fn logs(
        &self,
        query: QueryFluentBuilder,
        filter: &LogFilter,
        page: &PageRequest,
    ) -> Result<Page<ExecutionLog>, Error> {
        // Where a filter turns logs away, as many as fit into an answer are read at a time.
        let size = if filter.needs_post_filter() { None } else { super::page_size(page) };
        let mut found = query
            .table_name(&*self.table)
            .scan_index_forward(false)
            .set_limit(size)
            .into_paginator()
            .send();
        let mut filling = PageBuilder::new(page);
        let mut looked_at = 0;
        let mut last = None;
        while !filling.is_full() {
            let Some(items) = found.next().await else {
                last = None;
                break;
            };
            let items = items.map_err(failure("DynamoDB Query, logs"))?;
            for log in super::readable(items.items, read) {
                last = Some(Position::of(&log));
                if filter.matches(&log) {
                    filling.offer(log);
                }
                if filling.is_full() {
                    break;
                }
            }
            looked_at += 1;
            if filter.needs_post_filter() && looked_at == MAX_ANSWERS {
                break;
            }
        }
        let mut listing = filling.finish(page, |log| Position::of(log).to_string());
        if listing.next.is_none() {
            // Not full, and not at the end: the next page goes on from here.
            listing.next = last.map(|position| page.cursor(&position.to_string()));
        }
        Ok(listing)
    }
}

/// Where a log stands among others.
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

    /// A position among what `filter` lets through: DynamoDB refuses to go on from anywhere else,
    /// and anybody can make up a cursor.
    fn within(filter: &LogFilter, text: &str) -> Option<Self> {
        let (from, to) = keys::logs_in_index_between(filter.since, filter.until);
        Self::parse(text).filter(|at| (from..to).contains(&at.timestamp.to_string()))
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('#');
        Some(Self {
            timestamp: parts.next()?.parse().ok()?,
            log: parts.next()?.parse().ok()?,
            function: parts.next()?.parse().ok()?,
        })
    }
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}#{}#{}", self.timestamp, self.log, self.function)
    }
}

/// When what is kept for `days` days from `time` on has its end, in seconds since 1970.
pub(super) fn keep_until(time: Timestamp, days: u32) -> i64 {
    time.epoch_seconds() + i64::from(days) * 86_400
}

fn read(item: Item) -> Result<ExecutionLog, Error> {
    let record: LogRecord = serde_dynamo::from_item(item).map_err(Error::internal)?;
    record.try_into()
}
