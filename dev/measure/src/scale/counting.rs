//! The counting of executions from the table's stream.
//!
//! Each partition of the table has a shard of the stream, whose batches are counted one after the
//! other. A batch is counted by workspace, some at a time, with a read and a transaction each. Two
//! shards that count for the same workspace are assumed not to conflict.

use std::collections::VecDeque;

use super::capacity::{MILLISECOND, SECOND, Share};
use super::costs;
use super::model::Case;
use super::simulation::{Simulation, Step};

/// How long a workspace waits if the table refused it.
const PAUSE: u64 = 200 * MILLISECOND;

/// How long a batch waits if no execution was free.
const NO_EXECUTION_PAUSE: u64 = SECOND;

/// A shard of the stream.
#[derive(Clone, Debug, Default)]
struct Shard {
    /// When logs were written, and of which functions.
    waiting: VecDeque<(u64, usize)>,
    /// Workspaces of the batch that are to be counted, and of how many functions each.
    batch: VecDeque<(usize, u64)>,
    /// How many records the batch has, and when the first one was written.
    in_hand: u64,
    oldest: u64,
    is_busy: bool,
    is_awaited: bool,
}

/// All shards.
#[derive(Debug)]
pub(super) struct Counting {
    shards: Vec<Shard>,
    /// The most nanoseconds that a counted batch was late.
    latest: u64,
}

impl Counting {
    pub(super) fn new(case: &Case) -> Self {
        let functions = case.load.workspaces * case.load.functions_each;
        let shards = functions.min(case.quotas.partitions as usize);
        Self { shards: vec![Shard::default(); shards], latest: 0 }
    }

    /// Adds the record of a log that was just written.
    pub(super) fn add(&mut self, simulation: &mut Simulation<'_>, function: usize) {
        let index = function % self.shards.len();
        self.shards[index].waiting.push_back((simulation.now, function));
        self.gather(simulation, index);
    }

    /// Begins a batch if it is full, or its window has passed.
    pub(super) fn gather(&mut self, simulation: &mut Simulation<'_>, at: usize) {
        let window = costs::BATCH_WINDOW_MS * MILLISECOND;
        let (now, most) = (simulation.now, costs::BATCH_RECORDS as usize);
        let shard = &mut self.shards[at];
        if simulation.is_over || shard.is_busy {
            return;
        }
        let Some(&(oldest, _)) = shard.waiting.front() else { return };
        let due = oldest + window;
        if shard.waiting.len() < most && now < due {
            if !shard.is_awaited {
                shard.is_awaited = true;
                simulation.plan(due - now, Step::Gather(at));
            }
            return;
        }
        shard.is_awaited = false;
        if !simulation.capacities.concurrency.begin(Share::Others) {
            shard.is_busy = true;
            return simulation.plan(NO_EXECUTION_PAUSE, Step::Counted(at));
        }
        let records = most.min(shard.waiting.len());
        let mut functions: Vec<usize> =
            shard.waiting.drain(..records).map(|(_, function)| function).collect();
        functions.sort_unstable();
        functions.dedup();
        let workspaces = functions.iter().map(|function| simulation.workspace_of(*function));
        for workspace in workspaces {
            match shard.batch.back_mut() {
                Some((last, functions)) if *last == workspace => *functions += 1,
                _ => shard.batch.push_back((workspace, 1)),
            }
        }
        (shard.in_hand, shard.oldest, shard.is_busy) = (records as u64, oldest, true);
        simulation.plan(0, Step::Count(at));
    }

    /// Counts for the next workspaces of a batch.
    pub(super) fn count(&mut self, simulation: &mut Simulation<'_>, at: usize) {
        let took = costs::COUNT_MS * MILLISECOND;
        let shard = &mut self.shards[at];
        let some = simulation.case.design.workspaces_at_a_time.min(shard.batch.len());
        let mut refused = Vec::new();
        for (workspace, functions) in shard.batch.drain(..some).collect::<Vec<_>>() {
            let items = 1 + functions;
            let half_reads = 2 * items * costs::USAGE_READ_UNITS;
            let table = items * costs::USAGE_TABLE_UNITS;
            let index = costs::USAGE_INDEX_UNITS;
            let (now, capacities) = (simulation.now, &mut simulation.capacities);
            let can_be_counted = capacities.workspace_half_reads[workspace].is_open(now)
                && capacities.table_half_reads.is_open(now)
                && capacities.workspace_writes[workspace].is_open(now)
                && capacities.table_writes.is_open(now)
                && capacities.index_writes.is_open(now);
            if !can_be_counted {
                refused.push((workspace, functions));
                continue;
            }
            capacities.workspace_half_reads[workspace].take(half_reads);
            capacities.table_half_reads.take(half_reads);
            capacities.workspace_writes[workspace].take(table);
            capacities.table_writes.take(table);
            capacities.index_writes.take(index);
            simulation.count_used(half_reads, table, index);
        }
        let pause = if refused.is_empty() { took } else { took + PAUSE };
        shard.batch.extend(refused);
        let next = if shard.batch.is_empty() { Step::Counted(at) } else { Step::Count(at) };
        simulation.plan(pause, next);
    }

    /// Ends a batch that is counted, or could not begin.
    pub(super) fn counted(&mut self, simulation: &mut Simulation<'_>, at: usize) {
        let shard = &mut self.shards[at];
        if shard.in_hand > 0 {
            simulation.capacities.concurrency.end(Share::Others);
            if simulation.is_measured(simulation.now) {
                self.latest = self.latest.max(simulation.now - shard.oldest);
            }
        }
        (shard.is_busy, shard.in_hand) = (false, 0);
        self.gather(simulation, at);
    }

    /// Ends the measured time. What isn't counted yet is as late as it is old.
    pub(super) fn end(&mut self, simulation: &mut Simulation<'_>) {
        let mut latest = self.latest;
        for shard in &self.shards {
            let in_hand = (shard.in_hand > 0).then_some(shard.oldest);
            let waiting = shard.waiting.front().map(|(at, _)| *at);
            if let Some(oldest) = in_hand.or(waiting) {
                latest = latest.max(simulation.now - oldest);
            }
            simulation.results.uncounted += shard.in_hand + shard.waiting.len() as u64;
        }
        simulation.results.usage_late_ms = latest / MILLISECOND;
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::{Case, Design, Load, Quotas, Results};
    use super::super::simulation::run;

    fn counted(executions_per_second: u64, workspaces: usize, at_a_time: usize) -> Results {
        let load = Load {
            executions_per_second,
            duration_ms: 100,
            workspaces,
            functions_each: 1,
            warm_up_seconds: 10,
            seconds: 10,
        };
        let design = Design { workspaces_at_a_time: at_a_time, ..Design::PRESENT };
        run(&Case { load, quotas: Quotas { partitions: 4, ..Quotas::GROWN }, design }, 1)
    }

    #[test]
    fn a_hot_function_is_counted_soon_and_cheaply() {
        let results = counted(900, 1, 8);
        assert!(results.usage_late_ms < 1_000, "{results:?}");
        // Two batches a second, of four units each.
        assert!(results.table_units.abs_diff(900 + 8) < 60, "{results:?}");
    }

    #[test]
    fn few_executions_wait_for_the_window() {
        let results = counted(20, 1, 8);
        assert!((5_000..5_100).contains(&results.usage_late_ms), "{results:?}");
    }

    #[test]
    fn more_workspaces_at_a_time_are_counted_faster() {
        let [few, many] = [8, 64].map(|at_a_time| counted(3_000, 10_000, at_a_time).uncounted);
        assert!(few > 2 * many, "{few} and {many}");
    }
}
