//! Every key of the table and of the bucket, each format in one place.
//!
//! | item | `PK` | `SK` | `GSI1PK` | `GSI1SK` |
//! | --- | --- | --- | --- | --- |
//! | workspace | `WS#{ws}` | `METADATA` | `OWNER#{owner}` | `WS#{ws}` |
//! | workspace's figures | `WS#{ws}` | `METRICS` | `OWNER#{owner}` | `WS#{ws}#METRICS` |
//! | function | `WS#{ws}` | `FN#{fn}` | | |
//! | function's figures | `WS#{ws}` | `METRICS#{fn}` | | |
//! | note to follow a function once more | `WS#{ws}` | `NOTE#{fn}` | | |
//! | a function's use of a layer | `WS#{ws}` | `LAYER#{fn}#{layer}` | | |
//! | layer of packages | `LAYER#{layer}` | `STATE` | | |
//! | resolved requirements, for a day | `LOCK#{digest}` | `STATE` | | |
//! | task of a build, for 7 days | `WS#{ws}` | `TASK#{task}` | | |
//! | number of an owner's workspaces | `OWNER#{owner}` | `COUNT` | | |
//! | requests of an owner in a second | `OWNER#{owner}` | `REQUESTS#{second}` | | |
//! | what a client wants done once | `INTENT#{hash}` | `CLAIM` | | |
//! | execution log | `FN#{fn}` | `LOG#{timestamp}#{log}` | `WSLOG#{ws}` | `{timestamp}#{log}` |
//!
//! | object | key |
//! | --- | --- |
//! | a version of a function's source, never overwritten | `code/{ws}/{fn}/{version}.py` |
//! | a version of its other files, never overwritten | `code/{ws}/{fn}/{version}.zip` |
//! | an uploaded project, for a day | `uploads/{fn}/{upload}.zip` |
//! | the current source, for other tools | `{ws}/{fn}.py` |
//! | a layer before it is published, for a day at the most | `layers/{layer}.zip` |
//! | the lock of a layer | `locks/{layer}.txt` |
//! | a build's source, for 7 days from the latest build | `builds/{ws}/{digest}.py`, or `.zip` of several files |
//!
//! Other tools read these prefixes, so nothing but functions may stand under
//! `FN#` in a workspace, and nothing but logs under `LOG#` in a function.
//! Identifiers hold `[A-Za-z0-9-]` only, so no value can reach over a `#` or `/`.

use aws_sdk_dynamodb::types::AttributeValue;
use std::collections::HashMap;
use ulid::Ulid;

use crate::domain::{
    FunctionId, IdempotentRequest, LayerKey, LogId, Owner, RequirementsDigest, SourceDigest,
    TaskId, Timestamp, UploadId, WorkspaceId, sha256_of_parts,
};

/// The table's partition key.
pub(super) const PK: &str = "PK";
/// The table's sort key.
pub(super) const SK: &str = "SK";
/// The sparse, overloaded index: workspaces by owner, logs by workspace.
pub(super) const INDEX: &str = "GSI1";
/// The index's partition key.
pub(super) const INDEX_PK: &str = "GSI1PK";
/// The index's sort key.
pub(super) const INDEX_SK: &str = "GSI1SK";

/// What every function's sort key begins with.
pub(super) const FUNCTION_PREFIX: &str = "FN#";
/// What the sort key of every function's figures begins with.
pub(super) const FUNCTION_USAGE_PREFIX: &str = "METRICS#";
/// What every log's sort key begins with.
pub(super) const LOG_PREFIX: &str = "LOG#";
/// What every task's sort key begins with.
pub(super) const TASK_PREFIX: &str = "TASK#";
/// What every workspace's sort key in the index begins with.
pub(super) const INDEX_WORKSPACE_PREFIX: &str = "WS#";

const WORKSPACE_PARTITION: &str = "WS#";
const INTENT_PARTITION: &str = "INTENT#";
const OWNER_PARTITION: &str = "OWNER#";
/// What the partition of every function's logs begins with.
pub(super) const LOG_PARTITION: &str = "FN#";
const WORKSPACE_LOG_PARTITION: &str = "WSLOG#";
const WORKSPACE_USAGE: &str = "METRICS";
const LAYER_PARTITION: &str = "LAYER#";
const LAYER_USE_PREFIX: &str = "LAYER#";
const RESOLUTION_PARTITION: &str = "LOCK#";
const STATE: &str = "STATE";
const RETRY_MARKER_PREFIX: &str = "NOTE#";

/// Where an item stands in the table, or in the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) pk: String,
    pub(super) sk: String,
}

impl Key {
    /// The key as the table's attributes.
    pub(super) fn into_item(self) -> HashMap<String, AttributeValue> {
        HashMap::from([
            (PK.into(), AttributeValue::S(self.pk)),
            (SK.into(), AttributeValue::S(self.sk)),
        ])
    }

    /// The key, with `index` beside it: how a query on the index is taken up again.
    pub(super) fn into_item_with_index(self, index: Key) -> HashMap<String, AttributeValue> {
        let mut item = self.into_item();
        item.insert(INDEX_PK.into(), AttributeValue::S(index.pk));
        item.insert(INDEX_SK.into(), AttributeValue::S(index.sk));
        item
    }
}

/// Where nothing stands: for whoever asks only whether the table answers.
pub(super) fn nothing() -> Key {
    Key { pk: "HEALTH".into(), sk: "HEALTH".into() }
}

pub(super) fn workspace_partition(workspace: &WorkspaceId) -> String {
    format!("{WORKSPACE_PARTITION}{workspace}")
}

/// The workspace that a partition is of, if it is one's.
pub(super) fn workspace_of_partition(pk: &str) -> Option<WorkspaceId> {
    pk.strip_prefix(WORKSPACE_PARTITION)?.parse::<WorkspaceId>().ok()
}

pub(super) fn workspace(workspace: &WorkspaceId) -> Key {
    Key { pk: workspace_partition(workspace), sk: "METADATA".into() }
}

/// Of the table for what is counted, of the index for workspaces.
pub(super) fn owner_partition(owner: &Owner) -> String {
    format!("{OWNER_PARTITION}{owner}")
}

/// Whether a partition is an owner's.
pub(super) fn is_of_an_owner(pk: &str) -> bool {
    pk.starts_with(OWNER_PARTITION)
}

/// Where it is counted how many workspaces an owner has.
pub(super) fn owner_count(owner: &Owner) -> Key {
    Key { pk: owner_partition(owner), sk: "COUNT".into() }
}

/// Where an owner's requests are counted that began in a second since 1970.
pub(super) fn requests_of_second(owner: &Owner, second: i64) -> Key {
    Key { pk: owner_partition(owner), sk: format!("REQUESTS#{second:012}") }
}

/// What is kept of an intent. A partition for each: an owner may have many at a time.
pub(super) fn claim(intent: &IdempotentRequest) -> Key {
    Key { pk: format!("{INTENT_PARTITION}{}", intent.name()), sk: "CLAIM".into() }
}

/// Whether a partition is an intent's.
pub(super) fn is_of_an_intent(pk: &str) -> bool {
    pk.starts_with(INTENT_PARTITION)
}

pub(super) fn workspace_in_index(owner: &Owner, workspace: &WorkspaceId) -> Key {
    Key { pk: owner_partition(owner), sk: format!("{INDEX_WORKSPACE_PREFIX}{workspace}") }
}

pub(super) fn workspace_usage(workspace: &WorkspaceId) -> Key {
    Key { pk: workspace_partition(workspace), sk: WORKSPACE_USAGE.into() }
}

/// Right behind its workspace, so that a list finds both together.
pub(super) fn workspace_usage_in_index(owner: &Owner, workspace: &WorkspaceId) -> Key {
    let of_workspace = workspace_in_index(owner, workspace);
    Key { pk: of_workspace.pk, sk: format!("{}#{WORKSPACE_USAGE}", of_workspace.sk) }
}

pub(super) fn function_usage(workspace: &WorkspaceId, function: &FunctionId) -> Key {
    let sk = format!("{FUNCTION_USAGE_PREFIX}{function}");
    Key { pk: workspace_partition(workspace), sk }
}

/// The function whose figures stand under a sort key, if some do.
pub(super) fn function_of_usage(sk: &str) -> Option<FunctionId> {
    sk.strip_prefix(FUNCTION_USAGE_PREFIX)?.parse::<FunctionId>().ok()
}

/// Where a note stands that a function is to be followed once more.
pub(super) fn retry_marker(workspace: &WorkspaceId, function: &FunctionId) -> Key {
    Key { pk: workspace_partition(workspace), sk: format!("{RETRY_MARKER_PREFIX}{function}") }
}

/// The function that a sort key notes, if it does.
pub(super) fn function_of_retry_marker(sk: &str) -> Option<FunctionId> {
    sk.strip_prefix(RETRY_MARKER_PREFIX)?.parse::<FunctionId>().ok()
}

pub(super) fn function(workspace: &WorkspaceId, function: &FunctionId) -> Key {
    Key { pk: workspace_partition(workspace), sk: format!("{FUNCTION_PREFIX}{function}") }
}

/// The function that a sort key names, if it is a function's.
pub(super) fn function_of(sk: &str) -> Option<FunctionId> {
    sk.strip_prefix(FUNCTION_PREFIX)?.parse::<FunctionId>().ok()
}

/// In its workspace: tasks sort by the time at which they were made.
pub(super) fn task(task: &TaskId) -> Key {
    Key { pk: workspace_partition(task.workspace()), sk: format!("{TASK_PREFIX}{task}") }
}

/// The task that a sort key names, if it is a task's.
pub(super) fn task_of(sk: &str) -> Option<TaskId> {
    sk.strip_prefix(TASK_PREFIX)?.parse().ok()
}

pub(super) fn log_partition(function: &FunctionId) -> String {
    format!("{LOG_PARTITION}{function}")
}

/// The function whose logs stand in a partition, if some do.
pub(super) fn function_of_log_partition(pk: &str) -> Option<FunctionId> {
    pk.strip_prefix(LOG_PARTITION)?.parse::<FunctionId>().ok()
}

/// When the execution began whose log stands under a sort key.
pub(super) fn time_of_log(sk: &str) -> Option<Timestamp> {
    sk.strip_prefix(LOG_PREFIX)?.split('#').next()?.parse().ok()
}

/// The time and the identifier that a log's sort key is made of, as they are written there.
pub(super) fn parts_of_log(sk: &str) -> Option<(&str, &str)> {
    sk.strip_prefix(LOG_PREFIX)?.split_once('#')
}

pub(super) fn log(function: &FunctionId, timestamp: Timestamp, log: &LogId) -> Key {
    Key { pk: log_partition(function), sk: format!("{LOG_PREFIX}{timestamp}#{log}") }
}

/// The first and last sort key of a function's logs from `since` on and before `until`.
pub(super) fn logs_between(since: Option<Timestamp>, until: Option<Timestamp>) -> (String, String) {
    let (from, to) = logs_in_index_between(since, until);
    (format!("{LOG_PREFIX}{from}"), format!("{LOG_PREFIX}{to}"))
}

/// The same in the index.
///
/// A log's key goes on behind its time, so a bare time sorts before all logs
/// of it: as the first key it lets them in, as the last it keeps them out.
/// Times begin with a digit; `0` sorts before all of them and `:` behind.
pub(super) fn logs_in_index_between(
    since: Option<Timestamp>,
    until: Option<Timestamp>,
) -> (String, String) {
    let from = since.map_or_else(|| "0".into(), |time| time.to_string());
    let to = until.map_or_else(|| ":".into(), |time| time.to_string());
    // An interval that ends before it begins is empty, which DynamoDB refuses to hear.
    if from <= to { (from, to) } else { (to.clone(), to) }
}

pub(super) fn workspace_log_partition(workspace: &WorkspaceId) -> String {
    format!("{WORKSPACE_LOG_PARTITION}{workspace}")
}

/// The workspace whose logs stand in a partition of the index, if some do.
pub(super) fn workspace_of_log_partition(pk: &str) -> Option<WorkspaceId> {
    pk.strip_prefix(WORKSPACE_LOG_PARTITION)?.parse::<WorkspaceId>().ok()
}

pub(super) fn log_in_index(workspace: &WorkspaceId, timestamp: Timestamp, log: &LogId) -> Key {
    Key { pk: workspace_log_partition(workspace), sk: format!("{timestamp}#{log}") }
}

/// Where a layer stands.
pub(super) fn layer(layer: &LayerKey) -> Key {
    Key { pk: format!("{LAYER_PARTITION}{layer}"), sk: STATE.into() }
}

/// What the sort keys of a function's uses of layers begin with.
pub(super) fn layer_uses(function: &FunctionId) -> String {
    format!("{LAYER_USE_PREFIX}{function}#")
}

/// Where it stands that a function uses a layer.
pub(super) fn layer_use(workspace: &WorkspaceId, function: &FunctionId, layer: &LayerKey) -> Key {
    let sk = format!("{}{layer}", layer_uses(function));
    Key { pk: workspace_partition(workspace), sk }
}

/// The layer whose use by a function stands under a sort key, if one does.
pub(super) fn layer_of_use(sk: &str) -> Option<LayerKey> {
    LayerKey::parse(sk.strip_prefix(LAYER_USE_PREFIX)?.split_once('#')?.1)
}

/// Where the lock of requirements stands that an owner has had resolved in an hour since 1970.
pub(super) fn resolution(owner: &Owner, digest: &RequirementsDigest, hour: i64) -> Key {
    let parts = [owner.as_str(), &digest.to_string(), &hour.to_string()];
    let digest = hex::encode(sha256_of_parts(parts));
    Key { pk: format!("{RESOLUTION_PARTITION}{digest}"), sk: STATE.into() }
}

/// Where the zip of a layer stands until it is published. The bucket's lifecycle knows the beginning.
pub(super) fn layer_zip(layer: &LayerKey) -> String {
    format!("layers/{layer}.zip")
}

/// Where the lock of a layer stands.
pub(super) fn layer_lock(layer: &LayerKey) -> String {
    format!("locks/{layer}.txt")
}

/// Where all versions of a function's source stand.
pub(super) fn code_versions(workspace: &WorkspaceId, function: &FunctionId) -> String {
    format!("{}{function}/", code_of_workspace(workspace))
}

/// Where all versions of the sources of a workspace's functions stand.
pub(super) fn code_of_workspace(workspace: &WorkspaceId) -> String {
    format!("code/{workspace}/")
}

/// A key for a new version of a function's source. No two calls give the same.
pub(super) fn new_code_version(workspace: &WorkspaceId, function: &FunctionId) -> String {
    let version = Ulid::generate().to_string().to_ascii_lowercase();
    format!("{}{version}.py", code_versions(workspace, function))
}

/// A key for a new version of a function's other files. No two calls give the same.
pub(super) fn new_files_version(workspace: &WorkspaceId, function: &FunctionId) -> String {
    let version = Ulid::generate().to_string().to_ascii_lowercase();
    format!("{}{version}.zip", code_versions(workspace, function))
}

/// Where the uploaded project of a function stands, for a day. The bucket's lifecycle knows the
/// beginning.
pub(super) fn upload(function: &FunctionId, id: &UploadId) -> String {
    format!("uploads/{function}/{id}.zip")
}

/// Where other tools find a function's current source.
pub(super) fn published_code(workspace: &WorkspaceId, function: &FunctionId) -> String {
    format!("{workspace}/{function}.py")
}

/// Where the sources of all builds of a workspace stand. The bucket's lifecycle knows the beginning.
pub(super) fn builds_of_workspace(workspace: &WorkspaceId) -> String {
    format!("builds/{workspace}/")
}

/// Where the archive of a build stands that has several files.
pub(super) fn build_archive(workspace: &WorkspaceId, source: &SourceDigest) -> String {
    format!("{}{source}.zip", builds_of_workspace(workspace))
}

/// Where a build's source stands. Builds of one source share it.
pub(super) fn build_source(workspace: &WorkspaceId, source: &SourceDigest) -> String {
    format!("{}{source}.py", builds_of_workspace(workspace))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn workspace_id() -> impl Strategy<Value = WorkspaceId> {
        "[A-Za-z0-9]{1,29}".prop_map(|rest| format!("ws-{rest}").parse::<WorkspaceId>().unwrap())
    }

    fn function_id() -> impl Strategy<Value = FunctionId> {
        "[A-Za-z0-9]{1,29}".prop_map(|rest| format!("fn-{rest}").parse::<FunctionId>().unwrap())
    }

    fn timestamp() -> impl Strategy<Value = Timestamp> {
        // 1970 to 9999, to the millisecond.
        (0..253_402_207_200_i64, 0..1000).prop_map(|(second, ms)| {
            let text = jiff::Timestamp::from_second(second).unwrap().to_string();
            text.replace('Z', &format!(".{ms:03}Z")).parse::<Timestamp>().unwrap()
        })
    }

    #[test]
    fn the_contracts_keys_are_as_other_tools_read_them() {
        let ws = "ws-a".parse::<WorkspaceId>().unwrap();
        let f = "fn-b".parse::<FunctionId>().unwrap();
        let id = "log-c".parse::<LogId>().unwrap();
        let at = "2026-01-31T09:05:00.123Z".parse::<Timestamp>().unwrap();
        assert_eq!(workspace(&ws), Key { pk: "WS#ws-a".into(), sk: "METADATA".into() });
        assert_eq!(function(&ws, &f), Key { pk: "WS#ws-a".into(), sk: "FN#fn-b".into() });
        let sk = "LOG#2026-01-31T09:05:00.123Z#log-c".into();
        assert_eq!(log(&f, at, &id), Key { pk: "FN#fn-b".into(), sk });
        assert_eq!(published_code(&ws, &f), "ws-a/fn-b.py");
    }

    proptest! {
        #[test]
        fn a_function_key_round_trips(ws in workspace_id(), f in function_id()) {
            let key = function(&ws, &f);
            prop_assert_eq!(function_of(&key.sk), Some(f));
            prop_assert_eq!(function_of(&workspace(&ws).sk), None);
        }

        #[test]
        fn what_the_stream_names_is_read_back(ws in workspace_id(), f in function_id(), at in timestamp()) {
            prop_assert_eq!(workspace_of_partition(&workspace_partition(&ws)), Some(ws.clone()));
            prop_assert_eq!(function_of_log_partition(&log_partition(&f)), Some(f.clone()));
            let key = log(&f, at, &"log-x".parse::<LogId>().unwrap());
            prop_assert_eq!(time_of_log(&key.sk), Some(at));
            prop_assert_eq!(parts_of_log(&key.sk), Some((&*at.to_string(), "log-x")));
            let partition = workspace_log_partition(&ws);
            prop_assert_eq!(workspace_of_log_partition(&partition), Some(ws.clone()));
            prop_assert_eq!(workspace_of_partition(&partition), None);
            prop_assert_eq!(function_of_usage(&function_usage(&ws, &f).sk), Some(f.clone()));
            prop_assert_eq!(function_of_usage(&workspace_usage(&ws).sk), None);
            prop_assert_eq!(function_of_retry_marker(&retry_marker(&ws, &f).sk), Some(f));
            let id = TaskId::of(ws.clone(), Ulid::generate());
            prop_assert_eq!(task_of(&task(&id).sk), Some(id.clone()));
            prop_assert_eq!(task(&id).pk, workspace_partition(&ws));
        }

        #[test]
        fn different_resources_never_share_a_key(
            a in (workspace_id(), function_id()), b in (workspace_id(), function_id())
        ) {
            prop_assume!(a != b);
            prop_assert_ne!(function(&a.0, &a.1), function(&b.0, &b.1));
            prop_assert_ne!(published_code(&a.0, &a.1), published_code(&b.0, &b.1));
            let (in_a, in_b) = (code_versions(&a.0, &a.1), code_versions(&b.0, &b.1));
            prop_assert!(!in_a.starts_with(&in_b) && !in_b.starts_with(&in_a));
        }

        #[test]
        fn no_path_text_reaches_a_key_of_another(text in "\\PC{0,40}") {
            // Whatever a client puts into a path is either refused, or holds
            // none of the characters that separate the parts of a key.
            for text in [text.clone(), format!("ws-{text}")] {
                if let Ok(id) = text.parse::<WorkspaceId>() {
                    prop_assert!(!workspace(&id).pk[3..].contains(['#', '/', '\0']));
                }
            }
        }

        #[test]
        fn logs_between_two_times_are_those_and_no_others(
            f in function_id(), at in timestamp(), since in timestamp(), until in timestamp()
        ) {
            let key = log(&f, at, &"log-x".parse::<LogId>().unwrap()).sk;
            let (from, to) = logs_between(Some(since), Some(until));
            prop_assert!(from <= to);
            prop_assert_eq!((from..=to).contains(&key), since <= at && at < until);
            let (from, to) = logs_between(Some(since), None);
            prop_assert_eq!((from..=to).contains(&key), since <= at);
            let (from, to) = logs_between(None, Some(until));
            prop_assert_eq!((from..=to).contains(&key), at < until);
        }

        #[test]
        fn logs_sort_by_time(f in function_id(), a in timestamp(), b in timestamp()) {
            let id = "log-x".parse::<LogId>().unwrap();
            let (in_a, in_b) = (log(&f, a, &id), log(&f, b, &id));
            prop_assert_eq!(in_a.sk.cmp(&in_b.sk), a.cmp(&b));
        }
    }
}
