//! What is measured is what the template's alarms and dashboard look at.

use std::collections::BTreeSet;

use shared::metrics::{METRICS, NAMESPACE};

const TEMPLATE: &str = include_str!("../../../template.yaml");

/// The metric that is named behind our namespace: as an alarm names it (`MetricName: Errors`), a
/// search (`MetricName=\"Errors\"`), or a graph (`"FaaSBackend", "Errors"`).
fn named(behind: &str) -> &str {
    let rest = match behind.strip_prefix("\", \"") {
        Some(name) => name,
        None => behind.split_once("MetricName").map_or("", |(_, rest)| rest),
    };
    let rest = rest.trim_start_matches(|c: char| !c.is_alphabetic());
    rest.split(|c: char| !c.is_alphabetic()).next().unwrap_or_default()
}

#[test]
fn template_watches_exactly_the_emitted_metrics() {
    let watched: BTreeSet<&str> = TEMPLATE.split(NAMESPACE).skip(1).map(named).collect();
    let measured: BTreeSet<&str> = METRICS.iter().map(|(name, _)| *name).collect();
    assert_eq!(watched, measured);
}
