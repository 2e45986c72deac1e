//! The page: the text of `page.md`, with the numbers.

use std::fmt::Write;

use super::model::{Case, Design, Limit, Load, Quotas, Results};
use super::plan::{self, Bound};
use super::simulation::run;
use super::{costs, limits};
use crate::prices::Prices;

/// Executions a second that are tried.
const LOADS: [u64; 7] = [100, 500, 1_000, 1_500, 2_000, 5_000, 10_000];

/// Milliseconds that a user's function takes on average.
const DURATION_MS: u64 = 100;

/// Seconds before anything is measured, and seconds that are measured.
const SECONDS: (u64, u64) = (4, 5);

/// Any number. It decides the random numbers.
const SEED: u64 = 20_260_131;

/// Workspaces, and functions of each.
type Spread = (usize, usize);

const ONE: Spread = (1, 1);
const WORKSPACE: Spread = (1, 100);
const EVENLY: Spread = (1_000, 10);

const SPREADS: [(&str, Spread); 3] = [
    ("One hot function", ONE),
    ("One hot workspace of 100 functions", WORKSPACE),
    ("Evenly over 1,000 workspaces of 10 functions", EVENLY),
];

/// Width of a bar, in characters.
const WIDTH: u64 = 50;

/// The generated part of the page, in Markdown. It simulates about a hundred cases, which takes
/// seconds.
#[must_use]
pub fn page(prices: &Prices) -> String {
    let control_plane_calls = limits::CONTROL_PLANE_CALLS;
    let rate = 10_000;
    format!(
        include_str!("page.md"),
        duration_ms = DURATION_MS,
        warm_up = SECONDS.0,
        seconds = SECONDS.1,
        burst_seconds = limits::BURST_SECONDS,
        new_account = scenarios(Quotas::NEW_ACCOUNT),
        grown = scenarios(Quotas::GROWN),
        new_table_writes = limits::NEW_TABLE_WRITES,
        bounds = bounds(),
        hot_function = remedies(ONE),
        hot_workspace = remedies(WORKSPACE),
        large_source = large_source(),
        reserved = reserved(),
        counting = counting(),
        partition_reads = limits::PARTITION_READS,
        control_plane_calls = control_plane_calls,
        deployment_calls = plan::DEPLOYMENT_CALLS,
        deployments = control_plane_calls as f64 / plan::DEPLOYMENT_CALLS as f64,
        days = 1_000_000 * plan::DEPLOYMENT_CALLS / control_plane_calls / 86_400,
        record_hours = plan::RECORD_HOURS,
        deployed_in_time =
            plan::RECORD_HOURS * 3_600 * control_plane_calls / plan::DEPLOYMENT_CALLS,
        zips = plan::ZIPS,
        zip_bytes = plan::ZIP_BYTES,
        zip_versions = plan::ZIP_VERSIONS,
        concurrent_executions = limits::CONCURRENT_EXECUTIONS,
        unreserved_executions = limits::UNRESERVED_EXECUTIONS,
        reserving = (limits::CONCURRENT_EXECUTIONS - limits::UNRESERVED_EXECUTIONS) / 10,
        log_groups = limits::LOG_GROUPS,
        gateway_rate = limits::GATEWAY_RATE,
        needed = rate * plan::concurrency_ms(DURATION_MS) / 1_000,
        invocations = limits::CONCURRENT_EXECUTIONS * limits::INVOCATIONS_PER_CONCURRENCY,
        half_rate = rate / 2,
        table_units = limits::TABLE_UNITS,
        written_alone = limits::TABLE_UNITS / plan::LONE_WRITE_UNITS,
        written_together = limits::TABLE_UNITS / costs::LOG_TABLE_UNITS,
        counted_a_shard = plan::COUNTED_A_SHARD,
        counted_by_4 = plan::COUNTED_A_SHARD * 4,
        counted_by_40 = plan::COUNTED_A_SHARD * 40,
        day = day(prices, rate),
    )
}

fn case(executions_per_second: u64, spread: Spread, quotas: Quotas) -> Case {
    let (workspaces, functions_each) = spread;
    let (warm_up_seconds, seconds) = SECONDS;
    let load = Load {
        executions_per_second,
        duration_ms: DURATION_MS,
        workspaces,
        functions_each,
        warm_up_seconds,
        seconds,
    };
    Case { load, quotas, design: Design::PRESENT }
}

/// A table and a chart of each spread.
fn scenarios(quotas: Quotas) -> String {
    let mut text = String::new();
    for (name, spread) in SPREADS {
        let results = LOADS.map(|load| (load, run(&case(load, spread, quotas), SEED)));
        let rows = results.iter().map(|(load, results)| row(*load, results));
        let bars = results.iter().map(|(load, results)| bar(*load, results));
        let (rows, bars): (String, String) = (rows.collect(), bars.collect());
        let header = "| a second | answered | with log | 429 | 503 | p50 ms | p99 ms | read | \
                      written | index | figures late, s | refuses first | most |";
        let rule = "| --- ".repeat(13);
        let _ = write!(text, "### {name}\n\n{header}\n{rule}|\n{rows}\n```text\n{bars}```\n\n");
    }
    text
}

fn row(load: u64, results: &Results) -> String {
    let name = |limit: Option<Limit>| limit.map_or("", Limit::name);
    format!(
        "| {load} | {} % | {} % | {} % | {} % | {} | {} | {} | {} | {} | {} | {} | {} |\n",
        results.percent(results.answered),
        results.percent_logged(),
        results.percent(results.turned_away_by_gateway),
        results.percent(results.throttled),
        results.p50_ms,
        results.p99_ms,
        results.read_units,
        results.table_units,
        results.index_units,
        results.usage_late_ms.div_ceil(1_000),
        name(results.refused_first),
        name(results.refused_most),
    )
}

fn bar(load: u64, results: &Results) -> String {
    let width = |part: u64| {
        let width = (part * WIDTH + results.offered / 2).checked_div(results.offered);
        width.unwrap_or_default() as usize
    };
    let answered = width(results.answered);
    let logged = width(results.answered - results.without_log);
    let (with_log, without_log) = ("#".repeat(logged), "-".repeat(answered - logged));
    format!("{load:>6} {with_log}{without_log}{}\n", ".".repeat(WIDTH as usize - answered))
}

fn bounds() -> String {
    let number = |number: Option<u64>| number.map_or("-".into(), |number| number.to_string());
    let row = |Bound { limit, one_function, one_workspace, evenly }| {
        let numbers = [one_function, one_workspace, evenly].map(number).join(" | ");
        format!("| {limit} | {numbers} |\n")
    };
    plan::bounds(&Quotas::NEW_ACCOUNT, DURATION_MS).into_iter().map(row).collect()
}

/// A change, by name, of a case with an open route.
type Remedy = (&'static str, fn(&mut Case));

const REMEDIES: [Remedy; 12] = [
    ("as deployed", |case| case.quotas = Quotas::NEW_ACCOUNT),
    ("the route opened", |_| {}),
    ("and the index over 8 keys", |case| case.design.index_shards = 8),
    ("and the logs too", |case| {
        (case.design.index_shards, case.design.log_shards) = (8, 8);
    }),
    ("and reads that may be old", |case| case.design.eventual_reads = true),
    ("and reads that may be old, index over 8 keys", |case| {
        (case.design.index_shards, case.design.eventual_reads) = (8, true);
    }),
    ("and a log waits 200 ms at the most", |case| case.design.log_time_ms = 200),
    ("and half of 1,000 executions reserved", |case| case.quotas.reserved_for_invocations = 500),
    ("and 10,000 executions at a time", |case| case.quotas.concurrency = 10_000),
    ("the same, if a read that came in part asked for all of it again", |case| {
        case.quotas.concurrency = 10_000;
        case.design.asks_only_for_the_rest = false;
    }),
    ("the same, first pause of the SDK 50 ms", |case| {
        case.quotas.concurrency = 10_000;
        case.design.backoff_ms = 50;
    }),
    ("grown, reads that may be old, index and logs over 8 keys", |case| {
        case.quotas = Quotas::GROWN;
        (case.design.index_shards, case.design.log_shards) = (8, 8);
        case.design.eventual_reads = true;
    }),
];

fn remedies(spread: Spread) -> String {
    let row = |(remedy, change): Remedy| {
        let cells = [1_200, 2_400].map(|load| {
            let mut case = case(load, spread, Quotas::OPEN_ROUTE);
            change(&mut case);
            cell(&case)
        });
        format!("| {remedy} | {} |\n", cells.join(" | "))
    };
    REMEDIES.into_iter().map(row).collect()
}

fn large_source() -> String {
    let row = |load| {
        let small = case(load, ONE, Quotas::NEW_ACCOUNT);
        let mut large = small;
        large.design.function_read_units = costs::LARGE_FUNCTION_READ_UNITS;
        format!("| {load} | {} | {} |\n", cell(&small), cell(&large))
    };
    [400, 600, 900].map(row).concat()
}

fn reserved() -> String {
    let quotas = Quotas { concurrency: 1_000, ..Quotas::GROWN };
    let row = |(load, duration_ms)| {
        let mut shared = case(load, EVENLY, quotas);
        shared.load.duration_ms = duration_ms;
        let mut reserved = shared;
        reserved.quotas.reserved_for_invocations = 500;
        format!("| {load} | {duration_ms} | {} | {} |\n", cell(&shared), cell(&reserved))
    };
    let loads =
        [(450, 1_000), (600, 1_000), (1_000, 1_000), (4_500, 100), (6_000, 100), (10_000, 100)];
    loads.map(row).concat()
}

fn counting() -> String {
    let row = |load| {
        let uncounted = [8, Design::PRESENT.workspaces_at_a_time].map(|workspaces| {
            let mut case = case(load, (10_000, 1), Quotas { partitions: 4, ..Quotas::GROWN });
            case.load.seconds = 12;
            case.design.workspaces_at_a_time = workspaces;
            run(&case, SEED).uncounted
        });
        format!("| {load} | {} | {} |\n", uncounted[0], uncounted[1])
    };
    [1_000, 3_000].map(row).concat()
}

fn cell(case: &Case) -> String {
    let results = run(case, SEED);
    format!(
        "{} / {} / {} / {}, {}",
        results.percent_logged(),
        results.percent(results.without_log),
        results.percent(results.turned_away_by_gateway),
        results.percent(results.throttled),
        results.refused_most.map_or("nothing", Limit::name),
    )
}

fn day(prices: &Prices, rate: u64) -> String {
    let folded = plan::day(prices, rate, DURATION_MS, costs::BATCH_RECORDS);
    let lone = plan::day(prices, rate, DURATION_MS, 1);
    let total = |day: &[(&str, f64)]| day.iter().map(|(_, dollars)| dollars).sum();
    let totals = (("all", total(&folded)), ("all", total(&lone)));
    let rows = folded.into_iter().zip(lone).chain([totals]);
    rows.map(|((what, folded), (_, lone))| format!("| {what} | {folded:.0} | {lone:.0} |\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bar_has_the_same_width() {
        let results =
            Results { offered: 7, answered: 5, without_log: 2, throttled: 2, ..Results::default() };
        let bar = bar(100, &results);
        assert_eq!(bar.trim_end().len(), 7 + WIDTH as usize);
        assert_eq!(bar.matches('#').count(), 21);
    }
}
