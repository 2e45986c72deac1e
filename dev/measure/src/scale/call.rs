//! A call, from the gateway to its answer.

use super::capacity::{MILLISECOND, SECOND, Share};
use super::model::{Design, Limit};
use super::simulation::{AFTERWARDS, Call, Simulation, Step};
use super::{costs, limits};

/// How often a throttled invocation of a user's function is repeated.
const INVOKE_REPEATS: u32 = 4;

/// The first pause before that. Each further one is twice as long. Up to its own length is added
/// to each, at random.
const INVOKE_PAUSE: u64 = 50 * MILLISECOND;

/// How often a read that came in part is repeated.
const REST_REPEATS: u32 = 8;

/// The first and the longest pause before that, to which up to its own length is added.
const REST_PAUSES: (u64, u64) = (20 * MILLISECOND, SECOND);

impl Simulation<'_> {
    pub(super) fn arrive(&mut self) {
        if self.now >= self.end() + AFTERWARDS {
            return;
        }
        let gap = SECOND / self.case.load.executions_per_second;
        let after = self.rng.u64(0..=2 * gap);
        self.plan(after, Step::Arrive);
        let function = self.rng.usize(0..self.capacities.function_environments.len());
        let is_measured = self.is_measured(self.now);
        self.results.offered += u64::from(is_measured);
        let (now, capacities) = (self.now, &mut self.capacities);
        let refused = if !capacities.route.is_open(now) {
            Some(Limit::Route)
        } else if !capacities.gateway.is_open(now) {
            Some(Limit::Gateway)
        } else {
            None
        };
        if let Some(limit) = refused {
            self.results.turned_away_by_gateway += u64::from(is_measured);
            return self.refuse(limit);
        }
        capacities.route.take(1);
        capacities.gateway.take(1);
        let busy = if !capacities.invocations.is_open(now) {
            Some(Limit::InvocationRate)
        } else if !capacities.invocations_environments.has(now) {
            Some(Limit::NewEnvironments)
        } else if !capacities.concurrency.begin(Share::Invocations) {
            Some(Limit::Concurrency)
        } else {
            None
        };
        if let Some(limit) = busy {
            self.results.throttled += u64::from(is_measured);
            return self.refuse(limit);
        }
        capacities.invocations.take(1);
        capacities.invocations_environments.begin();
        self.calls.push(Call { came: now, function, ..Call::default() });
        self.plan(0, Step::Read(self.calls.len() - 1));
    }

    /// Reads two items, each of which DynamoDB may refuse. If it refuses one, the answer has the
    /// other one; if it refuses both, the answer is an error, and the SDK repeats the request.
    pub(super) fn read(&mut self, call: usize) {
        let design = &self.case.design;
        let halves = if design.eventual_reads { 1 } else { 2 };
        let units = [costs::WORKSPACE_READ_UNITS, design.function_read_units];
        let units = units.map(|units| units * halves);
        let took = costs::READ_MS * MILLISECOND;
        let workspace = self.workspace_of(self.calls[call].function);
        let mut is_read = [false; 2];
        if design.asks_only_for_the_rest {
            is_read = self.calls[call].is_read;
        }
        let (mut granted, mut refused) = (0, 0);
        for item in 0..2 {
            if is_read[item] {
                continue;
            }
            let partition = &mut self.capacities.workspace_half_reads[workspace];
            let table = &mut self.capacities.table_half_reads;
            let limit = if !partition.is_open(self.now) {
                Limit::WorkspaceReads
            } else if !table.is_open(self.now) {
                Limit::TableReads
            } else {
                partition.take(units[item]);
                table.take(units[item]);
                self.count_used(units[item], 0, 0);
                is_read[item] = true;
                granted += 1;
                continue;
            };
            self.refuse(limit);
            refused += 1;
        }
        if refused == 0 {
            self.calls[call].attempts = 0;
            return self.plan(took, Step::Invoke(call));
        }
        let pause = if granted > 0 {
            let state = &mut self.calls[call];
            (state.is_read, state.attempts) = (is_read, 0);
            state.partial_reads += 1;
            if state.partial_reads > REST_REPEATS {
                return self.fail(call);
            }
            let (first, longest) = REST_PAUSES;
            let pause = longest.min(first << (state.partial_reads - 1));
            pause + self.rng.u64(0..=pause)
        } else {
            self.calls[call].attempts += 1;
            let attempts = self.calls[call].attempts;
            if attempts == limits::ATTEMPTS {
                return self.fail(call);
            }
            self.backoff(attempts)
        };
        self.plan(took + pause, Step::Read(call));
    }

    pub(super) fn invoke(&mut self, call: usize) {
        let function = self.calls[call].function;
        let (now, capacities) = (self.now, &mut self.capacities);
        let environments = &mut capacities.function_environments[function];
        let limit = if !capacities.invocations.is_open(now) {
            Limit::InvocationRate
        } else if !environments.has(now) {
            Limit::NewEnvironments
        } else if !capacities.concurrency.begin(Share::Others) {
            Limit::Concurrency
        } else {
            capacities.invocations.take(1);
            environments.begin();
            let duration = self.case.load.duration_ms * MILLISECOND;
            let took = self.rng.u64(duration / 2..=duration * 3 / 2);
            return self.plan(took, Step::Return(call));
        };
        self.refuse(limit);
        self.calls[call].attempts += 1;
        let attempts = self.calls[call].attempts;
        if attempts > INVOKE_REPEATS {
            return self.fail(call);
        }
        let pause = INVOKE_PAUSE << (attempts - 1);
        let pause = pause + self.rng.u64(0..=pause);
        self.plan(pause, Step::Invoke(call));
    }

    pub(super) fn write_after_return(&mut self, call: usize) {
        let state = &mut self.calls[call];
        state.attempts = 0;
        state.deadline = self.now + self.case.design.log_time_ms * MILLISECOND;
        self.capacities.concurrency.end(Share::Others);
        self.capacities.function_environments[state.function].end();
        self.plan(0, Step::Write(call));
    }

    /// Writes the log. Returns the function if that succeeds. If the index refuses, the table does
    /// too.
    pub(super) fn write(&mut self, call: usize) -> Option<usize> {
        let function = self.calls[call].function;
        let workspace = self.workspace_of(function);
        let Design { log_shards, index_shards, .. } = self.case.design;
        let log_shard = function * log_shards + self.rng.usize(0..log_shards);
        let index_shard = workspace * index_shards + self.rng.usize(0..index_shards);
        let (now, capacities) = (self.now, &mut self.capacities);
        let log = &mut capacities.log_writes[log_shard];
        let index = &mut capacities.log_index_writes[index_shard];
        let (units, index_units) = (costs::LOG_TABLE_UNITS, costs::LOG_INDEX_UNITS);
        let took = costs::WRITE_MS * MILLISECOND;
        let limit = if !log.is_open(now) {
            Limit::LogWrites
        } else if !index.is_open(now) {
            Limit::IndexWrites
        } else if !capacities.table_writes.is_open(now) || !capacities.index_writes.is_open(now) {
            Limit::TableWrites
        } else {
            log.take(units);
            index.take(index_units);
            capacities.table_writes.take(units);
            capacities.index_writes.take(index_units);
            self.count_used(0, units, index_units);
            self.calls[call].has_log = true;
            self.plan(took, Step::Answer(call));
            return Some(function);
        };
        self.refuse(limit);
        self.calls[call].attempts += 1;
        let attempts = self.calls[call].attempts;
        if attempts == limits::ATTEMPTS {
            self.plan(took, Step::Answer(call));
            return None;
        }
        let pause = took + self.backoff(attempts);
        let left = self.calls[call].deadline.saturating_sub(now);
        if pause < left {
            self.plan(pause, Step::Write(call));
        } else {
            self.plan(left, Step::Answer(call));
        }
        None
    }

    pub(super) fn answer(&mut self, call: usize) {
        self.leave();
        let Call { came, has_log, .. } = self.calls[call];
        if self.is_measured(came) {
            self.results.answered += 1;
            self.results.without_log += u64::from(!has_log);
            self.latencies.push((self.now - came) / MILLISECOND);
        }
    }

    /// Answers 503.
    fn fail(&mut self, call: usize) {
        self.leave();
        self.results.throttled += u64::from(self.is_measured(self.calls[call].came));
    }

    fn leave(&mut self) {
        self.capacities.concurrency.end(Share::Invocations);
        self.capacities.invocations_environments.end();
    }
}
