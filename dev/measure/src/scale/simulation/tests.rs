use super::super::model::{Design, Load, Quotas};
use super::*;

/// Workspaces, and functions of each.
type Spread = (usize, usize);

const FUNCTION: Spread = (1, 1);
const WORKSPACE: Spread = (1, 100);
const EVENLY: Spread = (100, 10);

fn case(executions_per_second: u64, spread: Spread, quotas: Quotas) -> Case {
    let (workspaces, functions_each) = spread;
    let load = Load {
        executions_per_second,
        duration_ms: 100,
        workspaces,
        functions_each,
        warm_up_seconds: 3,
        seconds: 7,
    };
    Case { load, quotas, design: Design::PRESENT }
}

#[test]
fn every_call_is_answered_turned_away_or_throttled() {
    for spread in [FUNCTION, WORKSPACE, EVENLY] {
        for quotas in [Quotas::NEW_ACCOUNT, Quotas::OPEN_ROUTE] {
            for rate in [100, 1_500, 4_000] {
                let results = run(&case(rate, spread, quotas), 1);
                let Results { offered, answered, turned_away_by_gateway, throttled, .. } = results;
                assert_eq!(offered, answered + turned_away_by_gateway + throttled);
                assert!(results.without_log <= answered);
                assert!(offered.abs_diff(rate * 7) < rate / 2, "{offered}");
            }
        }
    }
}

#[test]
fn nothing_is_refused_below_every_limit() {
    for spread in [FUNCTION, WORKSPACE, EVENLY] {
        let results = run(&case(800, spread, Quotas::NEW_ACCOUNT), 2);
        assert_eq!(results.answered, results.offered, "{spread:?}");
        assert_eq!((results.without_log, results.refused_first), (0, None));
        assert!(results.p99_ms < 170, "{results:?}");
        assert!(results.read_units >= 1_590, "{results:?}");
    }
}

#[test]
fn twice_the_writes_of_a_partition_lose_half_of_the_logs() {
    let mut case = case(2_000, FUNCTION, Quotas::GROWN);
    // Reads must not refuse first.
    case.design.eventual_reads = true;
    // Calls that wait for their logs need environments, whose number grows slowly.
    case.load.warm_up_seconds = 25;
    let results = run(&case, 3);
    assert_eq!(results.answered, results.offered);
    let logged = results.percent_logged();
    assert!((48..=52).contains(&logged), "{results:?}");
    assert_eq!(results.refused_first, Some(Limit::LogWrites));
}

#[test]
fn the_same_seed_has_the_same_results() {
    let case = case(3_000, WORKSPACE, Quotas::OPEN_ROUTE);
    let (one, other) = (run(&case, 5), run(&case, 5));
    assert_eq!(one, other);
    assert_ne!(one, run(&case, 6));
}

#[test]
fn a_hot_workspace_is_limited_by_the_partition_of_its_index() {
    let mut case = case(1_400, WORKSPACE, Quotas::GROWN);
    let bound = run(&case, 7);
    assert_eq!(bound.refused_first, Some(Limit::IndexWrites));
    assert!(bound.without_log > 0);
    case.design.index_shards = 8;
    let freed = run(&case, 7);
    assert_eq!((freed.without_log, freed.throttled), (0, 0), "{freed:?}");
}

#[test]
fn a_large_source_in_the_item_takes_more_reads() {
    let mut case = case(800, FUNCTION, Quotas::NEW_ACCOUNT);
    case.design.function_read_units = 5;
    let results = run(&case, 8);
    assert_eq!(results.refused_first, Some(Limit::WorkspaceReads));
    assert!(results.throttled > 0, "{results:?}");
}

#[test]
fn a_call_takes_two_concurrent_executions() {
    let mut case = case(450, FUNCTION, Quotas::NEW_ACCOUNT);
    case.load.duration_ms = 1_000;
    assert_eq!(run(&case, 9).throttled, 0);
    case.load.executions_per_second = 600;
    let results = run(&case, 9);
    assert_eq!(results.refused_first, Some(Limit::Concurrency));
    assert!(results.throttled > 0);
}

#[test]
fn reading_both_items_again_answers_fewer_calls() {
    let mut case = case(2_000, WORKSPACE, Quotas::GROWN);
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
fn reserved_concurrency_answers_more_calls() {
    let mut case = case(8_000, EVENLY, Quotas { concurrency: 1_000, ..Quotas::GROWN });
    let shared = run(&case, 11);
    case.quotas.reserved_for_invocations = 500;
    let reserved = run(&case, 11);
    assert!(reserved.answered > 2 * shared.answered, "{shared:?} {reserved:?}");
}

#[test]
fn a_call_that_the_route_turns_away_reads_nothing() {
    let mut case = case(5_000, FUNCTION, Quotas::NEW_ACCOUNT);
    case.quotas.route_burst = 1_000;
    let results = run(&case, 12);
    let let_through = results.offered - results.turned_away_by_gateway;
    assert!(let_through.abs_diff(7_000) < 100, "{results:?}");
    assert!(results.read_units < 2_100, "{results:?}");
}
