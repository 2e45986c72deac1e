//! Logs of the legacy backend.

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use super::fields::LegacyTime;
use super::item_kind::is_legacy_log;
use super::json;
use crate::aws::failure::failure;
use crate::domain::{ExecutionLog, ExecutionStatus, FunctionId, Level, LogId, WorkspaceId};
use crate::error::Error;
use crate::store::Store;
use crate::store::expression::ignore_failed_condition;
use crate::store::item::{Item, text};
use crate::store::keys::{self, Key, LOG_PREFIX, PK, SK};
use crate::store::record::{LogRecord, expires_at};
use crate::store::retry::retry_unavailable;

/// The most bytes of bodies and lines that are kept uncut. A larger log may not fit into an item of
/// 400 KB, and is cut like every other log.
const MAX_UNCUT_BYTES: usize = 300 * 1024;

/// A log of the legacy backend, in its current form.
#[derive(Debug)]
pub struct LegacyLog {
    /// The key of the legacy item.
    key: Key,
    log: ExecutionLog,
}

/// Some legacy logs of a function.
#[derive(Debug)]
pub struct LegacyLogs {
    /// Each with its sort key, or with the reason why it is left as it is.
    pub logs: Vec<(String, Result<LegacyLog, String>)>,
    /// Where the next ones begin, if there may be any.
    pub more: Option<PageToken>,
}

/// A position in the logs of a function.
#[derive(Clone, Debug)]
pub struct PageToken(Item);

impl Store {
    /// The legacy logs of a function, from the first one or from the position of another page on. A
    /// page may be empty and still have a next one.
    pub async fn legacy_logs(
        &self,
        function: &FunctionId,
        from: Option<&PageToken>,
    ) -> Result<LegacyLogs, Error> {
        let attempt = || async {
            let query = self.items_below(keys::log_partition(function), LOG_PREFIX);
            let from = from.map(|PageToken(key)| key.clone());
            let sent = query.set_exclusive_start_key(from).send().await;
            sent.map_err(failure("DynamoDB Query, legacy logs"))
        };
        let found = retry_unavailable(attempt).await?;
        let read = |item: Item| {
            let sk = text(&item, SK).filter(|sk| is_legacy_log(sk))?.to_owned();
            let key = Key { pk: keys::log_partition(function), sk: sk.clone() };
            let log = read(function, &sk, &item).map(|log| LegacyLog { key, log });
            Some((sk, log))
        };
        Ok(LegacyLogs {
            logs: found.items.unwrap_or_default().into_iter().filter_map(read).collect(),
            more: found.last_evaluated_key.map(PageToken),
        })
    }

    /// Writes a log of a function in `ws` in the current form, to be kept for `keep_days` days from
    /// now on, and then deletes the legacy item.
    pub async fn rewrite_log(
        &self,
        ws: &WorkspaceId,
        legacy: &LegacyLog,
        keep_days: u32,
    ) -> Result<(), Error> {
        let log = legacy.log.clone();
        let log = if size(&log) > MAX_UNCUT_BYTES { log.cut_to_size() } else { log };
        let record = LogRecord::new(ws, log, expires_at(self.now(), keep_days))?;
        let item: Item = serde_dynamo::to_item(record).map_err(Error::internal)?;
        let put = || async {
            let put = self.dynamodb.put_item().table_name(&*self.table);
            let put = put.set_item(Some(item.clone()));
            // Where it exists, an interrupted attempt has written it.
            let sent = put.condition_expression(format!("attribute_not_exists({PK})")).send().await;
            ignore_failed_condition(sent, "DynamoDB PutItem, migrate log")
        };
        retry_unavailable(put).await?;
        let delete = || async {
            let delete = self.dynamodb.delete_item().table_name(&*self.table);
            let sent = delete.set_key(Some(legacy.key.clone().into_item())).send().await;
            sent.map(drop).map_err(failure("DynamoDB DeleteItem, migrate log"))
        };
        retry_unavailable(delete).await
    }
}

fn size(log: &ExecutionLog) -> usize {
    let bodies = log.request_body.get().len() + log.response_body.get().len();
    bodies + log.logs.iter().map(|line| Value::from(line.as_str()).to_string().len()).sum::<usize>()
}

/// The log in `item`, or the reason why it can't be read.
fn read(function: &FunctionId, sk: &str, item: &Item) -> Result<ExecutionLog, String> {
    let (time, id) = keys::parts_of_log(sk).ok_or("its key has no time and no identifier")?;
    let id: LogId = format!("log-{id}")
        .parse()
        .map_err(|_| "its key ends with something else than an identifier")?;
    let time = text(item, "timestamp").unwrap_or(time);
    let LegacyTime(timestamp) = LegacyTime::parse(time).ok_or("timestamp must be a time")?;
    let status = required(item, "status", "must be success or error")?;
    let status_code = required(item, "statusCode", "must be a whole number from 200 to 599")?;
    if !(200..=599).contains(&status_code) {
        return Err("statusCode must be a whole number from 200 to 599".into());
    }
    let duration = required(item, "duration", "must be a number of milliseconds")?;
    if duration < 0.0 {
        return Err("duration must not be negative".into());
    }
    let lines: Option<Vec<Value>> = optional(item, "logs", "must be a list of lines")?;
    let line = |value| match value {
        Value::String(line) => line,
        other => other.to_string(),
    };
    let level = optional(item, "level", "must be info, warn or error")?;
    Ok(ExecutionLog {
        id,
        function_id: function.clone(),
        timestamp,
        status,
        duration,
        status_code,
        request_body: body(item, "requestBody")?,
        response_body: body(item, "responseBody")?,
        logs: lines.unwrap_or_default().into_iter().map(line).collect(),
        level: level.unwrap_or(match (status, status_code) {
            (ExecutionStatus::Error, _) | (_, 500..) => Level::Error,
            (_, 400..) => Level::Warn,
            _ => Level::Info,
        }),
        cpu_time: None,
        max_memory: None,
    })
}

/// A body as JSON; null, where there is none.
fn body(item: &Item, name: &str) -> Result<Box<RawValue>, String> {
    let json = item.get(name).map_or_else(|| "null".to_owned(), json::text);
    RawValue::from_string(json).map_err(|_| format!("{name} can't be written as JSON"))
}

fn required<T: DeserializeOwned>(item: &Item, name: &str, rule: &str) -> Result<T, String> {
    optional(item, name, rule)?.ok_or_else(|| format!("{name} {rule}"))
}

fn optional<T: DeserializeOwned>(item: &Item, name: &str, rule: &str) -> Result<Option<T>, String> {
    let Some(value) = item.get(name).filter(|value| !value.is_null()) else { return Ok(None) };
    serde_json::from_str(&json::text(value)).map(Some).map_err(|_| format!("{name} {rule}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn log_of(change: impl FnOnce(&mut Value)) -> Result<ExecutionLog, String> {
        let mut log = json!({
            "status": "success", "duration": 12, "statusCode": 200, "logs": ["a"], "level": "info",
        });
        change(&mut log);
        let function = "fn-Ab3dEf9h".parse::<FunctionId>().unwrap();
        let sk = "LOG#2025-11-08T12:04:05.123456+09:00#9kLmN2pQ";
        read(&function, sk, &serde_dynamo::to_item(log).unwrap())
    }

    #[test]
    fn missing_attributes_have_defaults() {
        let log = log_of(|_| {}).unwrap();
        assert_eq!(log.id.as_str(), "log-9kLmN2pQ");
        assert_eq!(log.timestamp.to_string(), "2025-11-08T03:04:05.123Z");
        assert_eq!((log.request_body.get(), log.response_body.get()), ("null", "null"));
        for (status, code, level) in [
            ("success", 200, Level::Info),
            ("success", 404, Level::Warn),
            ("success", 503, Level::Error),
            ("error", 200, Level::Error),
        ] {
            let log = log_of(|log| {
                log["status"] = json!(status);
                log["statusCode"] = json!(code);
                log["level"] = json!(null);
            });
            assert_eq!(log.unwrap().level, level, "{status} {code}");
        }
        let lines = log_of(|log| log["logs"] = json!(["a", 1, {"b": null}])).unwrap().logs;
        assert_eq!(lines, ["a", "1", "{\"b\":null}"]);
    }

    #[test]
    fn unreadable_attribute_is_named() {
        for (name, value, reason) in [
            ("status", json!("perhaps"), "status must be success or error"),
            ("status", json!(null), "status must be success or error"),
            ("statusCode", json!(99), "statusCode must be a whole number from 200 to 599"),
            ("statusCode", json!("200"), "statusCode must be a whole number from 200 to 599"),
            ("duration", json!("12"), "duration must be a number of milliseconds"),
            ("duration", json!(-1), "duration must not be negative"),
            ("level", json!("loud"), "level must be info, warn or error"),
            ("logs", json!("one line"), "logs must be a list of lines"),
            ("timestamp", json!("yesterday"), "timestamp must be a time"),
        ] {
            let read = log_of(|log| log[name] = value.clone());
            assert_eq!(read.unwrap_err(), reason, "{value}");
        }
    }
}
