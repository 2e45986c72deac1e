//! What all of this looks like to a reader.

use std::fmt::Write;

use super::limits;
use super::model::{Case, Costs, Design, Load, Outcome, Quotas, Spread, percent};
use super::plan;
use super::simulation::run;
use crate::prices::Prices;

/// Executions a second that are tried.
const LOADS: [u64; 7] = [100, 500, 1_000, 1_500, 2_000, 5_000, 10_000];

/// Milliseconds that a user's function takes on average.
const DURATION_MS: u64 = 100;

/// Seconds before anything is measured, and those that are.
const SECONDS: (u64, u64) = (4, 5);

/// Any number: what it decides is which calls come when.
const SEED: u64 = 20_260_131;

const ONE: Spread = Spread::OneFunction;
const WORKSPACE: Spread = Spread::OneWorkspace { functions: 100 };
const EVENLY: Spread = Spread::Evenly { workspaces: 1_000, functions: 10 };

const SPREADS: [(&str, Spread); 3] = [
    ("One hot function", ONE),
    ("One hot workspace of 100 functions", WORKSPACE),
    ("Evenly over 1,000 workspaces of 10 functions", EVENLY),
];

/// Width of a bar, in characters.
const WIDTH: u64 = 50;

fn case(executions_per_second: u64, spread: Spread, costs: Costs, quotas: Quotas) -> Case {
    let (warm_up_seconds, seconds) = SECONDS;
    let duration_ms = DURATION_MS;
    Case {
        load: Load { executions_per_second, duration_ms, spread, warm_up_seconds, seconds },
        costs,
        quotas,
        design: Design::present(),
    }
}

/// The page, in Markdown.
///
/// It simulates about a hundred cases, which takes seconds.
#[must_use]
pub fn page(costs: &Costs, prices: &Prices) -> String {
    let mut page = String::new();
    line(&mut page, &introduction());
    let tables = [
        ("As it is deployed: a new account, the template's own parameters", Quotas::new_account()),
        (
            "Grown: an open route, 10,000 concurrent executions, a table at its quota of 40,000 units",
            Quotas::grown(),
        ),
    ];
    for (title, quotas) in tables {
        line(&mut page, &format!("## {title}\n"));
        for (name, spread) in SPREADS {
            scenario(&mut page, name, spread, costs, quotas);
        }
    }
    line(&mut page, "## What breaks first, at what number\n");
    bounds(&mut page, costs);
    line(&mut page, "## What helps\n");
    remedies(&mut page, costs);
    line(&mut page, "## Owners, functions, executions: where numbers end\n");
    findings(&mut page, costs);
    line(&mut page, "## What 10,000 executions a second cost\n");
    day(&mut page, costs, prices);
    page
}

fn introduction() -> String {
    let (warm_up, seconds) = SECONDS;
    format!(
        "Nothing here ran on AWS. It is a simulation with a fixed seed, and arithmetic, of units \
         that tests measure and of limits that AWS documents. A user's function takes \
         {DURATION_MS} ms. {seconds} seconds are measured, {warm_up} seconds after the load began; \
         what DynamoDB may store for a burst, up to {} seconds of a partition's capacity, is \
         taken to be spent, since AWS doesn't promise it. At 2,000 a second on one function it would \
         put off what is shown by up to five minutes.\n\n\
         `WS#` is the partition that each call reads, `FN#` that of a function's logs, `WSLOG#` \
         that of a workspace's logs in the index. In the charts `#` is answered with a log, `-` \
         answered without one, and `.` refused.\n",
        limits::BURST_SECONDS
    )
}

fn scenario(page: &mut String, name: &str, spread: Spread, costs: &Costs, quotas: Quotas) {
    let outcomes = LOADS.map(|load| run(&case(load, spread, *costs, quotas), SEED));
    line(page, &format!("### {name}\n"));
    line(
        page,
        "| a second | answered | with log | 429 | 503 | p50 ms | p99 ms | read | written | index | \
         figures late, s | refuses first | most |",
    );
    line(page, "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for (load, outcome) in LOADS.iter().zip(&outcomes) {
        let share = |part| format!("{} %", percent(part, outcome.offered));
        let named = |limit: Option<super::model::Limit>| limit.map_or("", |limit| limit.name());
        line(
            page,
            &format!(
                "| {load} | {} | {} % | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
                share(outcome.answered),
                outcome.percent_logged(),
                share(outcome.turned_away_by_gateway),
                share(outcome.throttled),
                outcome.p50_ms,
                outcome.p99_ms,
                outcome.read_units,
                outcome.table_units,
                outcome.index_units,
                outcome.figures_late_ms.div_ceil(1_000),
                named(outcome.refused_first),
                named(outcome.refused_most),
            ),
        );
    }
    line(page, "\n```text");
    for (load, outcome) in LOADS.iter().zip(&outcomes) {
        line(page, &bar(*load, outcome));
    }
    line(page, "```\n");
}

fn bar(load: u64, outcome: &Outcome) -> String {
    let width = |part: u64| (part * WIDTH + outcome.offered / 2).checked_div(outcome.offered);
    let answered = width(outcome.answered).unwrap_or_default() as usize;
    let logged = width(outcome.answered - outcome.without_log).unwrap_or_default() as usize;
    let refused = WIDTH as usize - answered;
    let (logged, silent) = ("#".repeat(logged), "-".repeat(answered - logged));
    format!("{load:>6} {logged}{silent}{}", ".".repeat(refused))
}

fn bounds(page: &mut String, costs: &Costs) {
    line(
        page,
        &format!(
            "Executions a second of {DURATION_MS} ms in a new account. The last column is for a load \
             so wide that no two records of a batch are of the same workspace, which is the worst \
             for counting; what a table writes for that comes from the same {} units.\n",
            limits::NEW_TABLE_WRITES
        ),
    );
    line(page, "| limit | one function | one workspace | evenly |");
    line(page, "| --- | --- | --- | --- |");
    for bound in plan::bounds(costs, &Quotas::new_account(), DURATION_MS) {
        let number = |number: Option<u64>| number.map_or("-".into(), |number| number.to_string());
        let plan::Bound { limit, one_function, one_workspace, evenly } = bound;
        let (one, workspace) = (number(one_function), number(one_workspace));
        line(page, &format!("| {limit} | {one} | {workspace} | {} |", number(evenly)));
    }
    line(page, "");
}

/// A change, by name, of a case with an open route.
type Remedy = (&'static str, fn(&mut Case));

const REMEDIES: [Remedy; 12] = [
    ("as deployed", |case| case.quotas = Quotas::new_account()),
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
        case.quotas = Quotas::grown();
        (case.design.index_shards, case.design.log_shards) = (8, 8);
        case.design.eventual_reads = true;
    }),
];

fn remedies(page: &mut String, costs: &Costs) {
    line(
        page,
        "In percent of the calls: answered with a log, answered without one, 429, 503; then what \
         refuses most. Each row but the first and the last stands on the opened route.\n",
    );
    let loads = [1_200, 2_400];
    for (name, spread) in [("One hot function", ONE), ("One hot workspace", WORKSPACE)] {
        line(page, &format!("### {name}\n"));
        line(page, "| remedy | 1,200 a second | 2,400 a second |");
        line(page, "| --- | --- | --- |");
        for (remedy, change) in REMEDIES {
            let cells = loads.map(|load| {
                let quotas = Quotas::new_account().with_open_route();
                let mut case = case(load, spread, *costs, quotas);
                change(&mut case);
                cell(&run(&case, SEED))
            });
            line(page, &format!("| {remedy} | {} |", cells.join(" | ")));
        }
        line(page, "");
    }
    line(page, "### A source of 16 KiB that stands in the function's item\n");
    line(page, "| a second, one function | small source | large source |");
    line(page, "| --- | --- | --- |");
    for load in [400, 600, 900] {
        let small = case(load, ONE, *costs, Quotas::new_account());
        let mut large = small;
        large.costs.function_read_units = plan::LARGE_FUNCTION_READ_UNITS;
        let (small, large) = (cell(&run(&small, SEED)), cell(&run(&large, SEED)));
        line(page, &format!("| {load} | {small} | {large} |"));
    }
    line(page, "\n### Two executions of 1,000 for each call\n");
    line(page, "Evenly, with an open route and a table at its quota.\n");
    line(page, "| a second | they take, ms | first come, first served | half of 1,000 reserved |");
    line(page, "| --- | --- | --- | --- |");
    let quotas = Quotas { concurrency: 1_000, ..Quotas::grown() };
    for (load, duration_ms) in
        [(450, 1_000), (600, 1_000), (1_000, 1_000), (4_500, 100), (6_000, 100), (10_000, 100)]
    {
        let mut shared = case(load, EVENLY, *costs, quotas);
        shared.load.duration_ms = duration_ms;
        let mut reserved = shared;
        reserved.quotas.reserved_for_invocations = 500;
        let (shared, reserved) = (cell(&run(&shared, SEED)), cell(&run(&reserved, SEED)));
        line(page, &format!("| {load} | {duration_ms} | {shared} | {reserved} |"));
    }
    line(page, "\n### Counting for more workspaces at a time\n");
    line(page, "Grown, but with a new table's 4 shards; 10,000 workspaces of one function each.\n");
    line(page, "| a second | not counted at the end, 8 at a time | 64 at a time |");
    line(page, "| --- | --- | --- |");
    for load in [1_000, 3_000] {
        let spread = Spread::Evenly { workspaces: 10_000, functions: 1 };
        let mut few = case(load, spread, *costs, Quotas { partitions: 4, ..Quotas::grown() });
        few.load.seconds = 12;
        let many = few;
        few.design.workspaces_at_a_time = 8;
        let uncounted = [few, many].map(|case| run(&case, SEED).uncounted);
        line(page, &format!("| {load} | {} | {} |", uncounted[0], uncounted[1]));
    }
    line(page, "");
}

fn cell(outcome: &Outcome) -> String {
    let share = |part| percent(part, outcome.offered);
    let limit = outcome.refused_most.map_or("nothing", |limit| limit.name());
    format!(
        "{} / {} / {} / {}, {limit}",
        outcome.percent_logged(),
        share(outcome.without_log),
        share(outcome.turned_away_by_gateway),
        share(outcome.throttled),
    )
}

fn findings(page: &mut String, costs: &Costs) {
    line(page, "| what | limit | breaks at | what happens then | what helps |");
    line(page, "| --- | --- | --- | --- | --- |");
    for finding in plan::findings(costs, DURATION_MS) {
        let plan::Finding { what, limit, breaks_at, then, remedy } = finding;
        line(page, &format!("| {what} | {limit} | {breaks_at} | {then} | {remedy} |"));
    }
    line(page, "");
}

fn day(page: &mut String, costs: &Costs, prices: &Prices) {
    line(page, "US dollars a day, at the prices that `cargo measure scale` is given.\n");
    line(page, "| | batches of one function each | no two records of a function |");
    line(page, "| --- | --- | --- |");
    let folded = plan::day(costs, prices, 10_000, DURATION_MS, costs.batch_records);
    let alone = plan::day(costs, prices, 10_000, DURATION_MS, 1);
    let mut totals = (0.0, 0.0);
    for ((what, folded), (_, alone)) in folded.into_iter().zip(alone) {
        line(page, &format!("| {what} | {folded:.0} | {alone:.0} |"));
        totals = (totals.0 + folded, totals.1 + alone);
    }
    line(page, &format!("| all | {:.0} | {:.0} |", totals.0, totals.1));
}

fn line(page: &mut String, text: &str) {
    // Writing to a String can't fail.
    let _ = writeln!(page, "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_wide_as_all_bars() {
        let outcome =
            Outcome { offered: 7, answered: 5, without_log: 2, throttled: 2, ..Outcome::default() };
        let bar = bar(100, &outcome);
        assert_eq!(bar.len(), 7 + WIDTH as usize);
        assert_eq!(bar.matches('#').count(), 21);
    }
}
