//! What must hold for any case, and for some in particular.

use super::super::model::{Costs, Design, Load, Quotas, Spread};
use super::*;

fn case(executions_per_second: u64, spread: Spread, quotas: Quotas) -> Case {
    let (warm_up_seconds, seconds) = (3, 7);
    let duration_ms = 100;
    Case {
        load: Load { executions_per_second, duration_ms, spread, warm_up_seconds, seconds },
        costs: Costs::measured(),
        quotas,
        design: Design::present(),
    }
}

const WORKSPACE: Spread = Spread::OneWorkspace { functions: 100 };
const EVENLY: Spread = Spread::Evenly { workspaces: 100, functions: 10 };

#[test]
fn every_call_ends_in_one_of_three_ways() {
    for spread in [Spread::OneFunction, WORKSPACE, EVENLY] {
        for quotas in [Quotas::new_account(), Quotas::new_account().with_open_route()] {
            for rate in [100, 1_500, 4_000] {
                let outcome = run(&case(rate, spread, quotas), 1);
                let Outcome { offered, answered, turned_away_by_gateway, throttled, .. } = outcome;
                assert_eq!(offered, answered + turned_away_by_gateway + throttled);
                assert!(outcome.without_log <= answered);
                assert!(offered.abs_diff(rate * 7) < rate / 2, "{offered}");
            }
        }
    }
}

#[test]
fn below_every_limit_nobody_is_refused() {
    for spread in [Spread::OneFunction, WORKSPACE, EVENLY] {
        let outcome = run(&case(800, spread, Quotas::new_account()), 2);
        assert_eq!(outcome.answered, outcome.offered, "{spread:?}");
        assert_eq!((outcome.without_log, outcome.refused_first), (0, None));
        assert!(outcome.p99_ms < 170, "{outcome:?}");
        assert!(outcome.read_units >= 1_590, "{outcome:?}");
    }
}

#[test]
fn at_twice_a_partitions_writes_half_of_the_executions_have_no_log() {
    let mut case = case(2_000, Spread::OneFunction, Quotas::grown());
    // Reads must not refuse first, or fewer would come to be written.
    case.design.eventual_reads = true;
    // Those that wait for their logs need environments, which take a while to be made.
    case.load.warm_up_seconds = 25;
    let outcome = run(&case, 3);
    assert_eq!(outcome.answered, outcome.offered);
    let logged = outcome.percent_logged();
    assert!((48..=52).contains(&logged), "{outcome:?}");
    assert_eq!(outcome.refused_first, Some(Limit::LogWrites));
}

#[test]
fn the_same_seed_has_the_same_outcome() {
    let case = case(3_000, WORKSPACE, Quotas::new_account().with_open_route());
    let (one, other) = (run(&case, 5), run(&case, 5));
    assert_eq!(one, other);
    assert_ne!(one, run(&case, 6));
}

#[test]
fn a_hot_workspace_is_bound_by_its_index_partition_and_freed_by_more() {
    let mut case = case(1_400, WORKSPACE, Quotas::grown());
    let bound = run(&case, 7);
    assert_eq!(bound.refused_first, Some(Limit::IndexWrites));
    assert!(bound.without_log > 0);
    case.design.index_shards = 8;
    let freed = run(&case, 7);
    assert_eq!((freed.without_log, freed.throttled), (0, 0), "{freed:?}");
}

#[test]
fn a_source_in_the_item_takes_the_reads_of_others() {
    let mut case = case(800, Spread::OneFunction, Quotas::new_account());
    case.costs.function_read_units = 5;
    let outcome = run(&case, 8);
    assert_eq!(outcome.refused_first, Some(Limit::WorkspaceReads));
    assert!(outcome.throttled > 0, "{outcome:?}");
}

#[test]
fn two_executions_at_a_time_are_taken_for_each_call() {
    let mut case = case(450, Spread::OneFunction, Quotas::new_account());
    case.load.duration_ms = 1_000;
    assert_eq!(run(&case, 9).throttled, 0);
    case.load.executions_per_second = 600;
    let outcome = run(&case, 9);
    assert_eq!(outcome.refused_first, Some(Limit::Concurrency));
    assert!(outcome.throttled > 0);
}

#[test]
fn reading_both_items_again_wastes_what_was_granted() {
    let mut case = case(2_000, WORKSPACE, Quotas::grown());
    case.design.asks_only_for_the_rest = false;
    let both = run(&case, 10);
    assert_eq!(both.refused_most, Some(Limit::WorkspaceReads));
    // 1,500 a second could be answered.
    assert!(both.answered < both.offered / 2, "{both:?}");
    case.design.asks_only_for_the_rest = true;
    let rest = run(&case, 10);
    assert!(rest.answered > both.answered * 3 / 2, "{rest:?}");
}

#[test]
fn a_reserve_keeps_callers_from_taking_what_they_wait_for() {
    let mut case = case(8_000, EVENLY, Quotas { concurrency: 1_000, ..Quotas::grown() });
    let shared = run(&case, 11);
    case.quotas.reserved_for_invocations = 500;
    let reserved = run(&case, 11);
    assert!(reserved.answered > 2 * shared.answered, "{shared:?} {reserved:?}");
}

#[test]
fn what_the_route_turns_away_costs_nothing_else() {
    let mut case = case(5_000, Spread::OneFunction, Quotas::new_account());
    case.quotas.route_burst = 1_000;
    let outcome = run(&case, 12);
    let let_through = outcome.offered - outcome.turned_away_by_gateway;
    assert!(let_through.abs_diff(7_000) < 100, "{outcome:?}");
    assert!(outcome.read_units < 2_100, "{outcome:?}");
}
