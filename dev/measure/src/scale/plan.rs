//! Questions that need no simulation: where each limit lies, ten thousand owners, a million
//! functions, ten thousand executions a second, and what the last of them costs.

use super::limits;
use super::model::{Costs, Design, Quotas};
use crate::prices::Prices;

/// Memory of our Lambda, and of a user's function unless it asks for another, in GB.
const MEMORY_GIGABYTES: (f64, f64) = (0.5, 0.25);

/// Bytes of log lines for each call: ours, Lambda's three, and the gateway's. An assumption.
const LOG_LINE_BYTES: f64 = 1_600.0;

/// Bytes of a log, as an item in the table and once more in the index. An assumption.
const LOG_ITEM_BYTES: f64 = 1_000.0;

/// Days that logs of executions are kept, as the template sets it.
const LOG_DAYS: f64 = 30.0;

/// Read units of a function's item with the largest source that stands in it: 16 KiB compressed,
/// and what else the item has.
pub(super) const LARGE_FUNCTION_READ_UNITS: u64 = 5;

/// Lambda calls of one deployment of a new function: CreateFunction, PublishVersion,
/// ListVersionsByFunction. How far it is, GetFunction tells, which has a quota of its own.
const DEPLOYMENT_CALLS: u64 = 3;

/// Bytes of a small function's zip, our adapter included, and how many versions are kept.
const ZIP_BYTES: u64 = 5_000;
const ZIP_VERSIONS: u64 = 2;

/// Hours after which a record of the stream is given up, as the template sets it.
const RECORD_HOURS: u64 = 6;

/// A limit, and the executions a second at which it refuses; nothing where it can't come first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bound {
    /// What refuses.
    pub limit: String,
    /// Calls of one function.
    pub one_function: Option<u64>,
    /// Calls of a hundred functions of one workspace.
    pub one_workspace: Option<u64>,
    /// Calls spread over so many functions that no two of a batch are of the same workspace.
    pub evenly: Option<u64>,
}

/// Where each limit lies, lowest first for one function.
#[must_use]
pub(super) fn bounds(costs: &Costs, quotas: &Quotas, duration_ms: u64) -> Vec<Bound> {
    let all = |limit: &str, number: u64| Bound {
        limit: limit.into(),
        one_function: Some(number),
        one_workspace: Some(number),
        evenly: Some(number),
    };
    let reads = costs.call_read_units();
    let large = costs.workspace_read_units + LARGE_FUNCTION_READ_UNITS;
    let large = limits::PARTITION_READS / large;
    let takes_ms = 2 * duration_ms + costs.read_ms + costs.write_ms;
    // Counting one record alone: the function's figures, and the workspace's.
    let alone_reads = reads + 2 * costs.figure_read_units;
    let alone_writes = costs.log_table_units + 2 * costs.figure_table_units;
    let at_a_time = Design::present().workspaces_at_a_time as u64;
    let counted = at_a_time * 1_000 / costs.count_ms * u64::from(quotas.partitions);
    let logs = limits::PARTITION_WRITES / costs.log_table_units;
    let index = limits::PARTITION_WRITES / costs.log_index_units;
    let (table_writes, table_reads) = (quotas.table_writes, quotas.table_reads);
    let whole = |limit: &str, folded, alone| Bound { evenly: Some(alone), ..all(limit, folded) };
    let mut bounds = vec![
        all("route throttle (parameter)", quotas.route_rate),
        all("account throttle of API Gateway", quotas.gateway_rate),
        all(
            &format!("{} concurrent executions, two a call", quotas.concurrency),
            quotas.concurrency * 1_000 / takes_ms,
        ),
        all(
            "invocations a second, ten for each concurrency, two a call",
            quotas.concurrency * limits::INVOCATIONS_PER_CONCURRENCY / 2,
        ),
        Bound { evenly: None, ..all("reads of `WS#`", limits::PARTITION_READS / reads) },
        Bound { evenly: None, ..all("reads of `WS#`, source of 16 KiB in the item", large) },
        Bound { one_workspace: None, evenly: None, ..all("writes to `FN#`", logs) },
        Bound { evenly: None, ..all("writes to `WSLOG#` in the index", index) },
        whole(
            "writes to the table",
            table_writes / costs.log_table_units,
            table_writes / alone_writes,
        ),
        whole("reads of the table", table_reads / reads, table_reads / alone_reads),
        Bound {
            one_function: None,
            one_workspace: None,
            ..all("counting keeps up (figures only)", counted)
        },
    ];
    bounds.sort_by_key(|bound| bound.one_function.or(bound.evenly));
    bounds
}

/// What breaks, at what number, and what then.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    /// What grows.
    pub what: &'static str,
    /// What bounds it.
    pub limit: String,
    /// At what number.
    pub breaks_at: String,
    /// What happens then.
    pub then: &'static str,
    /// What the design does about it, or an operator can do.
    pub remedy: &'static str,
}

/// The findings for ten thousand owners, a million functions, and ten thousand executions a
/// second of `duration_ms` each.
#[must_use]
pub(super) fn findings(costs: &Costs, duration_ms: u64) -> Vec<Finding> {
    let mut findings = owners();
    findings.extend(functions());
    findings.extend(executions(costs, duration_ms));
    findings
}

fn owners() -> Vec<Finding> {
    vec![
        Finding {
            what: "10,000 owners",
            limit: "500 requests a second a route, for all owners together (ThrottleRate)".into(),
            breaks_at: "one owner with 500 a second; or a request in 20 s of each".into(),
            then: "429 for everybody on that route",
            remedy: "MaxRequestRate bounds an owner for one write unit a request; it is off by \
                     default. Raise ThrottleRate to what the account has.",
        },
        Finding {
            what: "an owner's workspaces",
            limit: format!("{} reads a second of `OWNER#` in the index", limits::PARTITION_READS),
            breaks_at: "about 20 lists a second of 1,000 workspaces (150 units each, assumed)"
                .into(),
            then: "lists of that owner are 503",
            remedy: "Pages: a list of 100 is a tenth.",
        },
        Finding {
            what: "a workspace's functions, listed",
            limit: format!("{} reads a second of `WS#`", limits::PARTITION_READS),
            breaks_at: "about 8 lists a second that fill an answer, of 6 MB, with sources that \
                        compress to a third (370 units each, assumed)"
                .into(),
            then: "calls of that workspace's functions are 503, since they read the same partition",
            remedy: "Keep a source of more than 4 KB out of the function's item.",
        },
    ]
}

fn functions() -> Vec<Finding> {
    let all = limits::CONTROL_PLANE_CALLS;
    let days = 1_000_000 * DEPLOYMENT_CALLS / all / 86_400;
    let a_second = all as f64 / DEPLOYMENT_CALLS as f64;
    let zips = limits::CODE_STORAGE_BYTES / (ZIP_BYTES * ZIP_VERSIONS);
    let in_time = RECORD_HOURS * 3_600 * all / DEPLOYMENT_CALLS;
    vec![
        Finding {
            what: "1,000,000 functions, deployed",
            limit: format!(
                "{all} calls a second of Lambda's control plane, {DEPLOYMENT_CALLS} a deployment"
            ),
            breaks_at: format!("{a_second:.1} deployments a second; {days} days for all"),
            then: "new functions stay undeployed; calls of them are refused until then",
            remedy: "Lambda raises this for nobody: more accounts or regions. How far a deployment is, \
                     GetFunction tells, which has 100 calls a second of its own.",
        },
        Finding {
            what: "functions made at once",
            limit: format!("records of the stream are given up after {RECORD_HOURS} hours"),
            breaks_at: format!("{in_time} in {RECORD_HOURS} hours"),
            then: "a note takes the record's place after 20 s; after 300 failures the function \
                   says that it could not be deployed",
            remedy: "Take throttling for no failure of the function; make functions no faster than \
                     they are deployed.",
        },
        Finding {
            what: "code of all functions",
            limit: "75 GB of zips a region".into(),
            breaks_at: format!("{zips} functions ({ZIP_BYTES} bytes, {ZIP_VERSIONS} versions)"),
            then: "CodeStorageExceededException; deployments fail",
            remedy: "AWS raises it to terabytes. Old versions are removed at each deployment.",
        },
        Finding {
            what: "functions with MaxConcurrency set",
            limit: format!(
                "{} concurrent executions, {} of which stay unreserved",
                limits::CONCURRENT_EXECUTIONS,
                limits::UNRESERVED_EXECUTIONS
            ),
            breaks_at: format!(
                "{} functions with 10 each",
                (limits::CONCURRENT_EXECUTIONS - limits::UNRESERVED_EXECUTIONS) / 10
            ),
            then: "the next function can't be deployed, and says so",
            remedy: "It is off by default; it fits few functions, or a raised quota.",
        },
        Finding {
            what: "log groups",
            limit: format!("{} a region", limits::LOG_GROUPS),
            breaks_at: "never: users' functions may write none".into(),
            then: "",
            remedy: "Their role allows nothing, so Lambda makes no group for them.",
        },
    ]
}

fn executions(costs: &Costs, duration_ms: u64) -> Vec<Finding> {
    let rate = 10_000;
    let concurrency = rate * (2 * duration_ms + costs.read_ms + costs.write_ms) / 1_000;
    let alone = costs.log_table_units + 2 * costs.figure_table_units;
    let a_shard = Design::present().workspaces_at_a_time as u64 * 1_000 / costs.count_ms;
    vec![
        Finding {
            what: "10,000 executions a second, spread",
            limit: format!("{} requests a second of API Gateway", limits::GATEWAY_RATE),
            breaks_at: "10,000, at the quota; the route's own throttle at 1,000".into(),
            then: "429",
            remedy: "Raise InvokeThrottleRate, and ask AWS for more than 10,000.",
        },
        Finding {
            what: "their concurrency",
            limit: format!("{} concurrent executions", limits::CONCURRENT_EXECUTIONS),
            breaks_at: format!(
                "{concurrency} are needed at {duration_ms} ms; ten times that at 1 s"
            ),
            then: "503 after a second of retries; short functions then get fewer answers than \
                   below the limit, because those who wait hold what others need",
            remedy: "Ask AWS for more. To reserve half for the Lambda that calls keeps the other \
                     half for what it calls.",
        },
        Finding {
            what: "their invocations",
            limit: format!(
                "{} a second with the default concurrency",
                limits::CONCURRENT_EXECUTIONS * limits::INVOCATIONS_PER_CONCURRENCY
            ),
            breaks_at: format!("{} executions a second, however short", rate / 2),
            then: "503",
            remedy: "It grows with the concurrency: 2,000 are needed for 10,000 a second.",
        },
        Finding {
            what: "their writes",
            limit: format!("{} a second of the table", limits::TABLE_UNITS),
            breaks_at: format!(
                "{} where no two records of a batch share a function; {} where all do",
                limits::TABLE_UNITS / alone,
                limits::TABLE_UNITS / costs.log_table_units
            ),
            then: "executions have no log, and figures are late",
            remedy: "Count in larger batches over a longer window; ask AWS for more. A new table \
                     begins with 4,000: warm it before.",
        },
        Finding {
            what: "their figures",
            limit: format!("{a_shard} workspaces a second for each shard are counted"),
            breaks_at: format!("{} with 4 shards, {} with 40", a_shard * 4, a_shard * 40),
            then: "figures fall behind for as long as the load lasts; after six hours records are \
                   given up",
            remedy: "More workspaces at a time. ParallelizationFactor would break the order that \
                     counting relies on.",
        },
    ]
}

/// What a day of `rate` executions a second costs, each line in dollars. `records_folded` is how
/// many records of a batch are of the same function.
#[must_use]
pub(super) fn day(
    costs: &Costs,
    prices: &Prices,
    rate: u64,
    duration_ms: u64,
    records_folded: u64,
) -> Vec<(&'static str, f64)> {
    let calls = rate as f64 * 86_400.0;
    let millions = calls / 1e6;
    let folded = records_folded as f64;
    let figures = 2.0 / folded;
    let writes = (costs.log_table_units + costs.log_index_units) as f64
        + figures * costs.figure_table_units as f64
        + costs.figure_index_units as f64 / folded;
    let reads = costs.call_read_units() as f64 + figures * costs.figure_read_units as f64;
    let (ours, users) = MEMORY_GIGABYTES;
    let duration = duration_ms as f64 / 1e3;
    let waiting = (costs.read_ms + costs.write_ms) as f64 / 1e3;
    let memory = ours * (duration + waiting) + users * duration;
    // Deletions by their time to live are free; what is kept is paid for by the month.
    let stored = calls * 2.0 * LOG_ITEM_BYTES / 1e9 * LOG_DAYS / 30.0;
    vec![
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

    fn bound(bounds: &[Bound], part: &str) -> Bound {
        bounds.iter().find(|bound| bound.limit.contains(part)).cloned().unwrap()
    }

    #[test]
    fn the_bounds_are_those_of_the_simulation() {
        let bounds = bounds(&Costs::measured(), &Quotas::new_account(), 100);
        assert_eq!(bound(&bounds, "concurrent").evenly, Some(4_761));
        assert_eq!(bound(&bounds, "writes to `FN#`").one_function, Some(1_000));
        assert_eq!(bound(&bounds, "in the item").one_function, Some(500));
        let table = bound(&bounds, "writes to the table");
        assert_eq!((table.one_function, table.evenly), (Some(4_000), Some(800)));
        assert_eq!(bound(&bounds, "counting").evenly, Some(12_800));
    }

    #[test]
    fn a_million_functions_take_days_and_fit_into_the_storage() {
        let findings = findings(&Costs::measured(), 100);
        let of = |what: &str| findings.iter().find(|row| row.what.contains(what)).unwrap();
        assert!(of("1,000,000").breaks_at.contains("2 days"), "{}", of("1,000,000").breaks_at);
        const { assert!(limits::CODE_STORAGE_BYTES / (ZIP_BYTES * ZIP_VERSIONS) > 1_000_000) };
    }

    #[test]
    fn a_day_costs_less_where_records_are_folded() {
        let (costs, prices) = (Costs::measured(), Prices::default());
        let total = |folded| -> f64 {
            day(&costs, &prices, 10_000, 100, folded).iter().map(|(_, dollars)| dollars).sum()
        };
        // Five units of a write more for each execution: 864 million times 5 at 0.625 a million,
        // and two reads at 0.125.
        let difference = total(1) - total(1_000_000);
        assert!((difference - 864.0 * (5.0 * 0.625 + 2.0 * 0.125)).abs() < 1.0, "{difference}");
    }
}
