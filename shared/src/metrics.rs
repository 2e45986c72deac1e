//! Metrics of a deployment. CloudWatch reads them from the log, in its embedded metric format.
//!
//! An event of [`TARGET`] has fields of [`METRICS`], and others for searching the log. Every metric has the
//! dimension `Stack`. An event with the field `Route` also has the dimensions `Stack` and `Route`, and one
//! with the field `Function` those of that Lambda. There are no others, because each value of a dimension is a metric that costs money.

use serde_json::{Map, Value, json};

use crate::domain::Timestamp;

/// The target of events with metrics.
pub const TARGET: &str = "metrics";

/// The CloudWatch namespace of the metrics of all stacks.
pub const NAMESPACE: &str = "FaaSBackend";

/// All metrics with their units.
///
/// `Errors` are answers of 500 and above that are ours, and not those of users' functions, whose
/// failures are `ExecutionErrors`. `EngineErrors` are calls of the engine that failed, and
/// deployments. `BuildErrors` are attempts to install the packages of a function that ended before they
/// were done. `StreamLag` is the age of the oldest stream record of a batch. `RecordsFailed` are
/// stream records that must come again, the first of each workspace. `RecordsDeferred` are stream
/// records that a retry marker in the table has replaced.
pub const METRICS: [(&str, &str); 11] = [
    ("Requests", "Count"),
    ("Errors", "Count"),
    ("Latency", "Milliseconds"),
    ("Executions", "Count"),
    ("ExecutionErrors", "Count"),
    ("ExecutionDuration", "Milliseconds"),
    ("EngineErrors", "Count"),
    ("BuildErrors", "Count"),
    ("StreamLag", "Milliseconds"),
    ("RecordsFailed", "Count"),
    ("RecordsDeferred", "Count"),
];

/// Declares fields of `line` as metrics of `stack`.
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
