//! Arithmetic that needs no simulation: the load at which each limit is met, and what a day costs.

use super::model::{Design, Quotas};
use super::{costs, limits};
use crate::prices::Prices;

/// Memory of our Lambda, and of a user's function unless it asks for another, in GB.
const MEMORY_GIGABYTES: (f64, f64) = (0.5, 0.25);

/// Bytes of log lines for each call: ours, Lambda's three, and the gateway's. An assumption.
const LOG_LINE_BYTES: f64 = 1_600.0;

/// Bytes of a log, as an item in the table and once more in the index. An assumption.
const LOG_ITEM_BYTES: f64 = 1_000.0;

/// Days that logs of executions are kept, as in the template.
const LOG_DAYS: f64 = 30.0;

/// Lambda calls of one deployment of a new function: CreateFunction, PublishVersion,
/// ListVersionsByFunction. GetFunction, which says how far it is, has a quota of its own.
pub(super) const DEPLOYMENT_CALLS: u64 = 3;

/// Bytes of a small function's zip, with our adapter.
pub(super) const ZIP_BYTES: u64 = 5_000;

/// Versions of a function that are kept.
pub(super) const ZIP_VERSIONS: u64 = 2;

/// Hours after which a record of the stream is given up, as in the template.
pub(super) const RECORD_HOURS: u64 = 6;

/// Small functions that fit into an account's storage.
pub(super) const ZIPS: u64 = limits::CODE_STORAGE_BYTES / (ZIP_BYTES * ZIP_VERSIONS);

/// Write units of an execution whose record is the only one of its workspace in a batch: its log,
/// and the usage of the function and of the workspace.
pub(super) const LONE_WRITE_UNITS: u64 = costs::LOG_TABLE_UNITS + 2 * costs::USAGE_TABLE_UNITS;

/// Read units of a call.
const CALL_READ_UNITS: u64 = costs::FUNCTION_READ_UNITS + costs::WORKSPACE_READ_UNITS;

/// Workspaces that are counted a second in each shard of the stream.
pub(super) const COUNTED_A_SHARD: u64 =
    Design::PRESENT.workspaces_at_a_time as u64 * 1_000 / costs::COUNT_MS;

/// Milliseconds of concurrency that a call takes: our Lambda's and the user's function's.
pub(super) const fn concurrency_ms(duration_ms: u64) -> u64 {
    2 * duration_ms + costs::READ_MS + costs::WRITE_MS
}

/// A limit, and the executions a second at which it refuses; `None` if another one comes first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bound {
    /// What refuses.
    pub(super) limit: String,
    /// Calls of one function.
    pub(super) one_function: Option<u64>,
    /// Calls of a hundred functions of one workspace.
    pub(super) one_workspace: Option<u64>,
    /// Calls of so many functions that no two records of a batch are of the same workspace.
    pub(super) evenly: Option<u64>,
}

/// The load at which each limit is met, lowest first for one function.
pub(super) fn bounds(quotas: &Quotas, duration_ms: u64) -> Vec<Bound> {
    let bound = |limit: &str, [one_function, one_workspace, evenly]: [Option<u64>; 3]| Bound {
        limit: limit.into(),
        one_function,
        one_workspace,
        evenly,
    };
    let all = |limit: &str, rate| bound(limit, [Some(rate); 3]);
    let workspace = |limit: &str, rate| bound(limit, [Some(rate), Some(rate), None]);
    let large_reads = costs::WORKSPACE_READ_UNITS + costs::LARGE_FUNCTION_READ_UNITS;
    let log_writes = limits::PARTITION_WRITES / costs::LOG_TABLE_UNITS;
    let writes = quotas.table_writes / costs::LOG_TABLE_UNITS;
    let lone_writes = quotas.table_writes / LONE_WRITE_UNITS;
    let reads = quotas.table_reads / CALL_READ_UNITS;
    let lone_reads = quotas.table_reads / (CALL_READ_UNITS + 2 * costs::USAGE_READ_UNITS);
    let mut bounds = vec![
        all("route throttle (parameter)", quotas.route_rate),
        all("account throttle of API Gateway", limits::GATEWAY_RATE),
        all(
            &format!("{} concurrent executions, two a call", quotas.concurrency),
            quotas.concurrency * 1_000 / concurrency_ms(duration_ms),
        ),
        all(
            "invocations a second, ten for each concurrency, two a call",
            quotas.concurrency * limits::INVOCATIONS_PER_CONCURRENCY / 2,
        ),
        workspace("reads of `WS#`", limits::PARTITION_READS / CALL_READ_UNITS),
        workspace(
            "reads of `WS#`, source of 16 KiB in the item",
            limits::PARTITION_READS / large_reads,
        ),
        bound("writes to `FN#`", [Some(log_writes), None, None]),
        workspace(
            "writes to `WSLOG#` in the index",
            limits::PARTITION_WRITES / costs::LOG_INDEX_UNITS,
        ),
        bound("writes to the table", [Some(writes), Some(writes), Some(lone_writes)]),
        bound("reads of the table", [Some(reads), Some(reads), Some(lone_reads)]),
        bound(
            "counting keeps up (figures only)",
            [None, None, Some(COUNTED_A_SHARD * quotas.partitions)],
        ),
    ];
    bounds.sort_by_key(|bound| bound.one_function.or(bound.evenly));
    bounds
}

/// What a day of `rate` executions a second costs, each line in dollars. `records_folded` is how
/// many records of a batch are of the same function.
pub(super) fn day(
    prices: &Prices,
    rate: u64,
    duration_ms: u64,
    records_folded: u64,
) -> [(&'static str, f64); 7] {
    let calls = rate as f64 * 86_400.0;
    let millions = calls / 1e6;
    let folded = records_folded as f64;
    let usage_items = 2.0 / folded;
    let writes = (costs::LOG_TABLE_UNITS + costs::LOG_INDEX_UNITS) as f64
        + usage_items * costs::USAGE_TABLE_UNITS as f64
        + costs::USAGE_INDEX_UNITS as f64 / folded;
    let reads = CALL_READ_UNITS as f64 + usage_items * costs::USAGE_READ_UNITS as f64;
    let (ours, users) = MEMORY_GIGABYTES;
    let duration = duration_ms as f64 / 1e3;
    let waiting = (costs::READ_MS + costs::WRITE_MS) as f64 / 1e3;
    let memory = ours * (duration + waiting) + users * duration;
    // Deletions by their time to live are free. Storage is billed by the month.
    let stored = calls * 2.0 * LOG_ITEM_BYTES / 1e9 * LOG_DAYS / 30.0;
    [
        ("API Gateway", millions * prices.requests),
        ("Lambda, invocations", 2.0 * millions * prices.invocations),
        ("Lambda, memory", calls * memory * prices.gigabyte_second),
        ("table and index, written", millions * writes * prices.write_units),
        ("table, read", millions * reads * prices.read_units),
        ("logs of executions, kept for 30 days", stored * prices.table_gigabyte_month),
        ("log lines", calls * LOG_LINE_BYTES / 1e9 * prices.log_gigabyte),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_those_of_the_simulation() {
        let bounds = bounds(&Quotas::NEW_ACCOUNT, 100);
        let bound = |part| bounds.iter().find(|bound: &&Bound| bound.limit.contains(part)).unwrap();
        assert_eq!(bound("concurrent").evenly, Some(4_761));
        assert_eq!(bound("writes to `FN#`").one_function, Some(1_000));
        assert_eq!(bound("in the item").one_function, Some(500));
        let table = bound("writes to the table");
        assert_eq!((table.one_function, table.evenly), (Some(4_000), Some(800)));
        assert_eq!(bound("counting").evenly, Some(12_800));
    }

    #[test]
    fn a_million_small_functions_fit_into_the_storage() {
        const { assert!(ZIPS > 1_000_000) };
    }

    #[test]
    fn a_day_costs_less_if_records_are_folded() {
        let total = |folded| -> f64 {
            let day = day(&Prices::US_EAST_1, 10_000, 100, folded);
            day.iter().map(|(_, dollars)| dollars).sum()
        };
        // For each of 864 million executions five write units more at 0.625 dollars a million, and
        // two read units at 0.125.
        let difference = total(1) - total(1_000_000);
        assert!((difference - 864.0 * (5.0 * 0.625 + 2.0 * 0.125)).abs() < 1.0, "{difference}");
    }
}
