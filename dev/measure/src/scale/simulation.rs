//! A discrete-event simulation of calls of functions.
//!
//! Time is in whole nanoseconds, events of the same time happen in the order in which they were
//! planned, and random numbers come from a seed, so a case has the same results on every machine.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use fastrand::Rng;

use super::capacity::{Bucket, Concurrency, Environments, MILLISECOND, SECOND};
use super::counting::Counting;
use super::limits;
use super::model::{Case, Limit, Results};

/// How long calls go on to come after the measured time, so that its last calls have to wait like
/// all others.
pub(super) const AFTERWARDS: u64 = 2 * SECOND;

/// A kind of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// A call comes to the gateway.
    Arrive,
    /// The function and its workspace are read.
    Read(usize),
    /// The user's function is called.
    Invoke(usize),
    /// The user's function has returned.
    Return(usize),
    /// The log is written.
    Write(usize),
    /// The caller has the answer.
    Answer(usize),
    /// A shard of the stream may have a batch.
    Gather(usize),
    /// Some workspaces of a shard's batch are counted.
    Count(usize),
    /// A shard's batch is counted.
    Counted(usize),
    /// The measured time ends.
    End,
}

/// A call that the gateway let through.
#[derive(Debug, Default)]
pub(super) struct Call {
    pub(super) came: u64,
    pub(super) function: usize,
    /// Attempts of its present step.
    pub(super) attempts: u32,
    /// Reads that came in part.
    pub(super) partial_reads: u32,
    /// Which of the two items are read, if only the rest is asked for.
    pub(super) is_read: [bool; 2],
    /// When writing the log is given up.
    pub(super) deadline: u64,
    pub(super) has_log: bool,
}

/// All capacities. Those of partitions are in the order of workspaces or functions.
#[derive(Debug)]
pub(super) struct Capacities {
    pub(super) route: Bucket,
    pub(super) gateway: Bucket,
    pub(super) concurrency: Concurrency,
    pub(super) invocations: Bucket,
    pub(super) invocations_environments: Environments,
    pub(super) function_environments: Vec<Environments>,
    /// In halves, because an eventually consistent read costs half a unit.
    pub(super) table_half_reads: Bucket,
    pub(super) workspace_half_reads: Vec<Bucket>,
    pub(super) table_writes: Bucket,
    pub(super) index_writes: Bucket,
    pub(super) workspace_writes: Vec<Bucket>,
    pub(super) log_writes: Vec<Bucket>,
    pub(super) log_index_writes: Vec<Bucket>,
}

impl Capacities {
    fn of(case: &Case) -> Self {
        let (quotas, design) = (&case.quotas, &case.design);
        let workspaces = case.load.workspaces;
        let functions = workspaces * case.load.functions_each;
        // A tenth at the beginning, so that what is measured is what lasts.
        let partition = |rate| Bucket::new(rate, rate).with_left(rate / 10);
        let reads = partition(2 * limits::PARTITION_READS);
        let writes = partition(limits::PARTITION_WRITES);
        let invocations = quotas.concurrency * limits::INVOCATIONS_PER_CONCURRENCY;
        let table_writes = Bucket::new(quotas.table_writes, quotas.table_writes);
        Self {
            route: Bucket::new(quotas.route_rate, quotas.route_burst),
            gateway: Bucket::new(limits::GATEWAY_RATE, limits::GATEWAY_BURST),
            concurrency: Concurrency::new(quotas.concurrency, quotas.reserved_for_invocations),
            invocations: Bucket::new(invocations, invocations),
            invocations_environments: Environments::new(),
            function_environments: vec![Environments::new(); functions],
            table_half_reads: Bucket::new(2 * quotas.table_reads, 2 * quotas.table_reads),
            workspace_half_reads: vec![reads; workspaces],
            index_writes: table_writes.clone(),
            table_writes,
            workspace_writes: vec![writes.clone(); workspaces],
            log_writes: vec![writes.clone(); functions * design.log_shards],
            log_index_writes: vec![writes; workspaces * design.index_shards],
        }
    }
}

/// The state of a simulation.
pub(super) struct Simulation<'a> {
    pub(super) case: &'a Case,
    pub(super) now: u64,
    pub(super) is_over: bool,
    pub(super) capacities: Capacities,
    pub(super) results: Results,
    pub(super) rng: Rng,
    planned: u64,
    events: BinaryHeap<Reverse<(u64, u64, Step)>>,
    pub(super) calls: Vec<Call>,
    pub(super) latencies: Vec<u64>,
    half_reads_used: u64,
    table_used: u64,
    index_used: u64,
    refusals: BTreeMap<Limit, u64>,
}

/// Simulates a case.
pub(super) fn run(case: &Case, seed: u64) -> Results {
    let mut simulation = Simulation::new(case, seed);
    let mut counting = Counting::new(case);
    simulation.plan(0, Step::Arrive);
    simulation.plan(simulation.end(), Step::End);
    while let Some(Reverse((at, _, step))) = simulation.events.pop() {
        simulation.now = at;
        match step {
            Step::Arrive => simulation.arrive(),
            Step::Read(call) => simulation.read(call),
            Step::Invoke(call) => simulation.invoke(call),
            Step::Return(call) => simulation.write_after_return(call),
            Step::Write(call) => {
                if let Some(function) = simulation.write(call) {
                    counting.add(&mut simulation, function);
                }
            }
            Step::Answer(call) => simulation.answer(call),
            Step::Gather(shard) => counting.gather(&mut simulation, shard),
            Step::Count(shard) => counting.count(&mut simulation, shard),
            Step::Counted(shard) => counting.counted(&mut simulation, shard),
            Step::End => {
                simulation.is_over = true;
                counting.end(&mut simulation);
            }
        }
    }
    simulation.results()
}

impl<'a> Simulation<'a> {
    fn new(case: &'a Case, seed: u64) -> Self {
        Self {
            case,
            now: 0,
            is_over: false,
            capacities: Capacities::of(case),
            results: Results::default(),
            rng: Rng::with_seed(seed),
            planned: 0,
            events: BinaryHeap::new(),
            calls: Vec::new(),
            latencies: Vec::new(),
            half_reads_used: 0,
            table_used: 0,
            index_used: 0,
            refusals: BTreeMap::new(),
        }
    }

    pub(super) fn end(&self) -> u64 {
        (self.case.load.warm_up_seconds + self.case.load.seconds) * SECOND
    }

    /// Plans an event.
    pub(super) fn plan(&mut self, after: u64, step: Step) {
        self.planned += 1;
        self.events.push(Reverse((self.now + after, self.planned, step)));
    }

    /// The workspace of a function.
    pub(super) fn workspace_of(&self, function: usize) -> usize {
        function / self.case.load.functions_each
    }

    /// Whether what happens at `time` is measured.
    pub(super) fn is_measured(&self, time: u64) -> bool {
        time >= self.case.load.warm_up_seconds * SECOND && time < self.end()
    }

    /// Counts units that were used; those read in halves.
    pub(super) fn count_used(&mut self, half_reads: u64, table: u64, index: u64) {
        if self.is_measured(self.now) {
            self.half_reads_used += half_reads;
            self.table_used += table;
            self.index_used += index;
        }
    }

    pub(super) fn refuse(&mut self, limit: Limit) {
        self.results.refused_first.get_or_insert(limit);
        *self.refusals.entry(limit).or_default() += 1;
    }

    /// The SDK's pause after this many attempts: random, below a bound that doubles.
    pub(super) fn backoff(&mut self, attempts: u32) -> u64 {
        let bound =
            (self.case.design.backoff_ms << (attempts - 1)).min(limits::SDK_MOST_BACKOFF_MS);
        self.rng.u64(0..=bound * MILLISECOND)
    }

    fn results(mut self) -> Results {
        self.latencies.sort_unstable();
        let percentile = |percent: usize| {
            let index = (self.latencies.len() * percent).div_ceil(100).saturating_sub(1);
            self.latencies.get(index).copied().unwrap_or_default()
        };
        let seconds = self.case.load.seconds;
        // Of limits that refused as often, the first.
        let refused_most = self.refusals.iter().rev().max_by_key(|(_, refusals)| **refusals);
        Results {
            p50_ms: percentile(50),
            p99_ms: percentile(99),
            read_units: self.half_reads_used / 2 / seconds,
            table_units: self.table_used / seconds,
            index_units: self.index_used / seconds,
            refused_most: refused_most.map(|(limit, _)| *limit),
            ..self.results
        }
    }
}

#[cfg(test)]
mod tests;
