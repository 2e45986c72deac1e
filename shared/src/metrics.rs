//! What a deployment is watched by: metrics in our log, from where CloudWatch takes them without
//! a call, by its embedded metric format.
//!
//! An event of [`TARGET`] gives the fields that [`METRICS`] names, and any others for whoever
//! searches the log. Every metric is one of the stack; those with a field `Route` also of that
//! route, and those with a field `Function` also of that Lambda. Nothing else is a dimension, because
//! each value of one is a metric that is paid for.

use serde_json::{Map, Value, json};

use crate::domain::Timestamp;

/// The target of events that hold metrics.
pub const TARGET: &str = "metrics";

/// CloudWatch's name for where the metrics of all stacks are.
pub const NAMESPACE: &str = "FaaSBackend";

/// All metrics with their units.
///
/// `Errors` are answers of 500 and above that are ours, and not those of users' functions, whose
/// failures are `ExecutionErrors`. `EngineErrors` are calls of the engine that failed, and
/// deployments. `StreamLag` is the age of the oldest stream record of a batch. `RecordsFailed` are
/// stream records that must come again, the first of each workspace. `RecordsDeferred` are stream
/// records that a retry marker in the table has replaced.
pub const METRICS: [(&str, &str); 10] = [
    ("Requests", "Count"),
    ("Errors", "Count"),
    ("Latency", "Milliseconds"),
    ("Executions", "Count"),
    ("ExecutionErrors", "Count"),
    ("ExecutionDuration", "Milliseconds"),
    ("EngineErrors", "Count"),
    ("StreamLag", "Milliseconds"),
    ("RecordsFailed", "Count"),
    ("RecordsDeferred", "Count"),
];

/// Says in `line` which of its fields are metrics of `stack`.
pub(crate) fn declare(line: &mut Map<String, Value>, stack: &str, now: Timestamp) {
    let metrics: Vec<Value> = METRICS
        .iter()
        .filter(|(name, _)| line.contains_key(*name))
        .map(|(name, unit)| json!({ "Name": name, "Unit": unit }))
        .collect();
    let mut sets = vec![vec!["Stack"]];
    let further = ["Route", "Function"].into_iter().filter(|field| line.contains_key(*field));
    sets.extend(further.map(|field| vec!["Stack", field]));
    line.insert("Stack".into(), json!(stack));
    line.insert(
        "_aws".into(),
        json!({
            "Timestamp": now.epoch_milliseconds(),
            "CloudWatchMetrics":
                [{ "Namespace": NAMESPACE, "Dimensions": sets, "Metrics": metrics }],
        }),
    );
}
