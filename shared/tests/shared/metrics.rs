//! The emitted metrics are those of the template's alarms and dashboard.

use std::collections::BTreeSet;

use shared::metrics::{METRICS, NAMESPACE};

const TEMPLATE: &str = include_str!("../../../template.yaml");

/// The metric's name after our namespace: in an alarm (`MetricName: Errors`), a search
/// (`MetricName=\"Errors\"`) or a graph (`"FaaSBackend", "Errors"`).
fn metric_name(after_namespace: &str) -> &str {
    let rest = match after_namespace.strip_prefix("\", \"") {
        Some(name) => name,
        None => after_namespace.split_once("MetricName").map_or("", |(_, rest)| rest),
    };
    let rest = rest.trim_start_matches(|c: char| !c.is_alphabetic());
    rest.split(|c: char| !c.is_alphabetic()).next().unwrap_or_default()
}

#[test]
fn template_watches_exactly_the_emitted_metrics() {
    let watched: BTreeSet<&str> = TEMPLATE.split(NAMESPACE).skip(1).map(metric_name).collect();
    let emitted: BTreeSet<&str> = METRICS.iter().map(|(name, _)| *name).collect();
    assert_eq!(watched, emitted);
}
