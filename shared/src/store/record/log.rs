//! An execution log's item.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::domain::{
    ExecutionLog, ExecutionStatus, FunctionId, Level, LogId, Timestamp, WorkspaceId,
};
use crate::error::Error;
use crate::store::compression::{compress, decompress_bounded};
use crate::store::item::Item;
use crate::store::keys;

/// The most bytes of a log's detail: bodies and lines, escaped six-fold at worst.
const MAX_DETAIL_BYTES: usize = 2 * 1024 * 1024;

/// A log's item.
///
/// Its long parts are compressed: a log of ordinary size is one write unit of 1 KB in the table, and
/// one in the index.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::store) struct LogRecord {
    #[serde(rename = "PK")]
    pk: String,
    #[serde(rename = "SK")]
    sk: String,
    #[serde(rename = "GSI1PK")]
    index_pk: String,
    #[serde(rename = "GSI1SK")]
    index_sk: String,
    /// When DynamoDB may delete it, in seconds since 1970.
    expires_at: i64,
    id: LogId,
    function_id: FunctionId,
    timestamp: Timestamp,
    status: ExecutionStatus,
    duration: f64,
    status_code: u16,
    level: Level,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cpu_time: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_memory: Option<u32>,
    /// [`Detail`] as JSON, compressed.
    #[serde(with = "serde_bytes")]
    detail: Vec<u8>,
}

/// The parts of a log that can be long. Bodies are JSON text: a number keeps all its digits.
#[derive(Debug, Deserialize, Serialize)]
struct Detail {
    request: Box<RawValue>,
    response: Box<RawValue>,
    lines: Vec<String>,
}

impl LogRecord {
    /// The record of `log`, which DynamoDB may delete at `expires_at`, in seconds since 1970.
    pub(in crate::store) fn new(
        ws: &WorkspaceId,
        log: ExecutionLog,
        expires_at: i64,
    ) -> Result<Self, Error> {
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
            cpu_time: log.cpu_time,
            max_memory: log.max_memory,
            detail: compress(&detail),
        })
    }

    pub(in crate::store) fn read(item: Item) -> Result<ExecutionLog, Error> {
        let record: Self = serde_dynamo::from_item(item).map_err(Error::internal)?;
        record.try_into()
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
            cpu_time: record.cpu_time,
            max_memory: record.max_memory,
        })
    }
}

/// The end of `days` days of retention that begin at `time`, in seconds since 1970.
pub(in crate::store) fn expires_at(time: Timestamp, days: u32) -> i64 {
    time.epoch_seconds() + i64::from(days) * 86_400
}
