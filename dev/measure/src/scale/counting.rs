//! The counting of executions, as the table's stream tells of them.
//!
//! Each partition of the table has a shard, whose batches are counted one after the other. A
//! batch is counted by workspace, some of them at a time, with a read and a transaction each.
//! Two shards that count for the same workspace are taken not to meet.

use std::collections::VecDeque;

use super::capacity::{MILLISECOND, SECOND, Share};
use super::model::Case;
use super::simulation::{Simulation, Step};

/// How long a workspace waits that the table had no room for.
const PAUSE: u64 = 200 * MILLISECOND;

/// How long a batch waits for which no execution was free.
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
    /// How late the latest of the batches was that are counted.
    latest: u64,
}

impl Counting {
    pub(super) fn new(case: &Case) -> Self {
        let spread = case.load.spread;
        let functions = spread.workspaces() * spread.functions_each();
        let shards = functions.min(case.quotas.partitions) as usize;
        Self { shards: vec![Shard::default(); shards], latest: 0 }
    }

    /// A log was written, just now.
    pub(super) fn add(&mut self, simulation: &mut Simulation<'_>, function: usize) {
        let place = function % self.shards.len();
        self.shards[place].waiting.push_back((simulation.now, function));
        self.gather(simulation, place);
    }

    /// Begins a batch that is full, or was waited for long enough.
    pub(super) fn gather(&mut self, simulation: &mut Simulation<'_>, place: usize) {
        let costs = &simulation.case.costs;
        let window = costs.batch_window_ms * MILLISECOND;
        let (now, most) = (simulation.now, costs.batch_records as usize);
        let shard = &mut self.shards[place];
        if simulation.is_over || shard.is_busy {
            return;
        }
        let Some(&(oldest, _)) = shard.waiting.front() else { return };
        let due = oldest + window;
        if shard.waiting.len() < most && now < due {
            if !shard.is_awaited {
                shard.is_awaited = true;
                simulation.plan(due - now, Step::Gather(place));
            }
            return;
        }
        shard.is_awaited = false;
        if !simulation.capacities.concurrency.begin(Share::Others) {
            // Nothing else asks until then.
            shard.is_busy = true;
            return simulation.plan(NO_EXECUTION_PAUSE, Step::Counted(place));
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
        simulation.plan(0, Step::Count(place));
    }

    /// Counts for the next workspaces of a batch.
    pub(super) fn count(&mut self, simulation: &mut Simulation<'_>, place: usize) {
        let costs = &simulation.case.costs;
        let took = costs.count_ms * MILLISECOND;
        let shard = &mut self.shards[place];
        let some = simulation.case.design.workspaces_at_a_time.min(shard.batch.len());
        let mut refused = Vec::new();
        for (workspace, functions) in shard.batch.drain(..some).collect::<Vec<_>>() {
            let items = 1 + functions;
            let half_reads = 2 * items * costs.figure_read_units;
            let (table, index) = (items * costs.figure_table_units, costs.figure_index_units);
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
            simulation.note_used(half_reads, table, index);
        }
        let pause = if refused.is_empty() { took } else { took + PAUSE };
        shard.batch.extend(refused);
        let next = if shard.batch.is_empty() { Step::Counted(place) } else { Step::Count(place) };
        simulation.plan(pause, next);
    }

    /// A batch is counted, or could not begin.
    pub(super) fn counted(&mut self, simulation: &mut Simulation<'_>, place: usize) {
        let shard = &mut self.shards[place];
        if shard.in_hand > 0 {
            simulation.capacities.concurrency.end(Share::Others);
            if simulation.is_measured(simulation.now) {
                self.latest = self.latest.max(simulation.now - shard.oldest);
            }
        }
        (shard.is_busy, shard.in_hand) = (false, 0);
        self.gather(simulation, place);
    }

    /// What is measured has ended: what isn't counted yet is as late as it is old.
    pub(super) fn end(&mut self, simulation: &mut Simulation<'_>) {
        let mut latest = self.latest;
        for shard in &self.shards {
            let in_hand = (shard.in_hand > 0).then_some(shard.oldest);
            let waiting = shard.waiting.front().map(|(at, _)| *at);
            if let Some(oldest) = in_hand.or(waiting) {
                latest = latest.max(simulation.now - oldest);
            }
            simulation.outcome.uncounted += shard.in_hand + shard.waiting.len() as u64;
        }
        simulation.outcome.figures_late_ms = latest / MILLISECOND;
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::{Costs, Design, Load, Outcome, Quotas, Spread};
    use super::super::simulation::run;
    use super::*;

    fn counted(rate: u64, spread: Spread, partitions: u32, at_a_time: usize) -> Outcome {
        let load = Load {
            executions_per_second: rate,
            duration_ms: 100,
            spread,
            warm_up_seconds: 10,
            seconds: 10,
        };
        let design = Design { workspaces_at_a_time: at_a_time, ..Design::present() };
        let quotas = Quotas { partitions, ..Quotas::grown() };
        let case = Case { load, costs: Costs::measured(), quotas, design };
        run(&case, 1)
    }

    #[test]
    fn a_hot_function_is_counted_soon_and_cheaply() {
        let outcome = counted(900, Spread::OneFunction, 4, 8);
        assert!(outcome.figures_late_ms < 1_000, "{outcome:?}");
        // Two batches a second, of four units each.
        assert!(outcome.table_units.abs_diff(900 + 8) < 60, "{outcome:?}");
    }

    #[test]
    fn few_executions_wait_for_the_window() {
        let outcome = counted(20, Spread::OneFunction, 4, 8);
        assert!((5_000..5_100).contains(&outcome.figures_late_ms), "{outcome:?}");
    }

    #[test]
    fn executions_of_many_workspaces_are_counted_faster_when_more_are_at_a_time() {
        let spread = Spread::Evenly { workspaces: 10_000, functions: 1 };
        let uncounted = |at_a_time| counted(3_000, spread, 4, at_a_time).uncounted;
        let (few, many) = (uncounted(8), uncounted(64));
        assert!(few > 2 * many, "{few} and {many}");
    }
}
