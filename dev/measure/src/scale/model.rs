//! What is simulated, and what comes of it.

use shared::time_budget::TimeBudget;

use super::limits;

/// Which functions are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spread {
    /// All calls are of one function.
    OneFunction,
    /// Calls are spread evenly over this many functions of one workspace.
    OneWorkspace {
        /// The functions of the workspace.
        functions: u32,
    },
    /// Calls are spread evenly over many workspaces.
    Evenly {
        /// The workspaces.
        workspaces: u32,
        /// The functions of each of them.
        functions: u32,
    },
}

impl Spread {
    /// How many workspaces there are.
    #[must_use]
    pub(super) fn workspaces(self) -> u32 {
        match self {
            Self::OneFunction | Self::OneWorkspace { .. } => 1,
            Self::Evenly { workspaces, .. } => workspaces,
        }
    }

    /// How many functions each workspace has.
    #[must_use]
    pub(super) fn functions_each(self) -> u32 {
        match self {
            Self::OneFunction => 1,
            Self::OneWorkspace { functions } | Self::Evenly { functions, .. } => functions,
        }
    }
}

/// What callers do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    /// Calls of functions' URLs a second. They come with random gaps, a little more regularly
    /// than those of independent callers would.
    pub executions_per_second: u64,
    /// Milliseconds that a user's function runs on average; each takes between half of it and
    /// one and a half times as long.
    pub duration_ms: u64,
    /// Which functions are called.
    pub spread: Spread,
    /// Seconds that pass before anything is measured, in which what was stored is spent.
    pub warm_up_seconds: u64,
    /// Seconds that are measured.
    pub seconds: u64,
}

/// What the backend's calls cost, as the backend's own tests measure it, and how long they take.
#[derive(Clone, Copy, Debug)]
pub struct Costs {
    /// Read units of the function's item, for each call: one for every 4 KB, which a source
    /// that stands in the item adds to.
    pub function_read_units: u64,
    /// Read units of the workspace's item, for each call.
    pub workspace_read_units: u64,
    /// Write units of a log in the table, one for every KB.
    pub log_table_units: u64,
    /// Write units of a log in the index.
    pub log_index_units: u64,
    /// Read units of each item of figures when a batch is counted. There is one for each
    /// function, and one for the workspace.
    pub figure_read_units: u64,
    /// Write units of each item of figures; in a transaction they count twice.
    pub figure_table_units: u64,
    /// Write units in the index for each workspace that a batch counts for.
    pub figure_index_units: u64,
    /// Records that the counter gets in a batch at most, as the template sets it.
    pub batch_records: u64,
    /// Milliseconds that a batch is waited for, as the template sets it.
    pub batch_window_ms: u64,
    /// Milliseconds of reading workspace and function. An assumption.
    pub read_ms: u64,
    /// Milliseconds of writing a log. An assumption.
    pub write_ms: u64,
    /// Milliseconds of counting for one workspace: a read and a transaction. An assumption.
    pub count_ms: u64,
}

impl Costs {
    /// A small function with its source in its item, and logs of up to 1 KB.
    #[must_use]
    pub fn measured() -> Self {
        Self {
            function_read_units: 1,
            workspace_read_units: 1,
            log_table_units: 1,
            log_index_units: 1,
            figure_read_units: 1,
            figure_table_units: 2,
            figure_index_units: 1,
            batch_records: 500,
            batch_window_ms: 5_000,
            read_ms: 5,
            write_ms: 5,
            count_ms: 20,
        }
    }

    /// Read units of one call.
    #[must_use]
    pub fn call_read_units(&self) -> u64 {
        self.function_read_units + self.workspace_read_units
    }
}

/// What a deployment and its account allow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quotas {
    /// Requests a second that the route of functions' URLs takes.
    pub route_rate: u64,
    /// Requests that the route takes at once.
    pub route_burst: u64,
    /// Requests a second that the account's APIs take.
    pub gateway_rate: u64,
    /// Requests that the account's APIs take at once.
    pub gateway_burst: u64,
    /// The account's concurrent executions.
    pub concurrency: u64,
    /// How many of them are reserved for the Lambda that calls users' functions; 0 for none.
    pub reserved_for_invocations: u64,
    /// Read units a second of the table as warm as it is.
    pub table_reads: u64,
    /// Write units a second of the table as warm as it is, and as many of the index.
    pub table_writes: u64,
    /// Partitions of the table, each of which has a shard of the stream.
    pub partitions: u32,
}

impl Quotas {
    /// A new account with a new table, and the template's parameters as they are.
    #[must_use]
    pub(super) fn new_account() -> Self {
        Self {
            route_rate: 1_000,
            route_burst: 1_000,
            gateway_rate: limits::GATEWAY_RATE,
            gateway_burst: limits::GATEWAY_BURST,
            concurrency: limits::CONCURRENT_EXECUTIONS,
            reserved_for_invocations: 0,
            table_reads: limits::NEW_TABLE_READS,
            table_writes: limits::NEW_TABLE_WRITES,
            partitions: (limits::NEW_TABLE_WRITES / limits::PARTITION_WRITES) as u32,
        }
    }

    /// The same with a route that takes what the account's gateway does.
    #[must_use]
    pub(super) fn with_open_route(self) -> Self {
        Self { route_rate: self.gateway_rate, route_burst: self.gateway_burst, ..self }
    }

    /// An open route, ten times the concurrency, and a table that has grown to its quota.
    #[must_use]
    pub(super) fn grown() -> Self {
        Self {
            concurrency: 10 * limits::CONCURRENT_EXECUTIONS,
            table_reads: limits::TABLE_UNITS,
            table_writes: limits::TABLE_UNITS,
            partitions: (limits::TABLE_UNITS / limits::PARTITION_WRITES) as u32,
            ..Self::new_account().with_open_route()
        }
    }
}

/// What the backend's code decides.
#[derive(Clone, Copy, Debug)]
pub(super) struct Design {
    /// Partition keys in the index over which a workspace's logs are spread.
    pub index_shards: u32,
    /// Partition keys in the table over which a function's logs are spread.
    pub log_shards: u32,
    /// Whether a read costs half, because it may be a moment old.
    pub eventual_reads: bool,
    /// Whether only those keys are asked for again that a busy table left out.
    pub asks_only_for_the_rest: bool,
    /// Milliseconds that bound the SDK's first random pause.
    pub backoff_ms: u64,
    /// Milliseconds that a log may hold up the answer.
    pub log_time_ms: u64,
    /// Workspaces that a batch is counted for at a time.
    pub workspaces_at_a_time: usize,
}

impl Design {
    /// The backend as it is.
    #[must_use]
    pub(super) fn present() -> Self {
        Self {
            index_shards: 1,
            log_shards: 1,
            eventual_reads: false,
            asks_only_for_the_rest: true,
            backoff_ms: limits::SDK_BACKOFF_MS,
            log_time_ms: TimeBudget::PRODUCT.log_write.as_millis() as u64,
            workspaces_at_a_time: counter::WORKSPACES_AT_A_TIME,
        }
    }
}

/// All that decides an [`Outcome`], but for the seed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case {
    /// What callers do.
    pub load: Load,
    /// What calls cost.
    pub costs: Costs,
    /// What deployment and account allow.
    pub quotas: Quotas,
    /// What the code decides.
    pub design: Design,
}

/// What can refuse a call, or a step of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Limit {
    /// The route's throttle, a parameter of the template.
    Route,
    /// The account's throttle of all its APIs.
    Gateway,
    /// The account's concurrent executions.
    Concurrency,
    /// The account's invocations a second.
    InvocationRate,
    /// How fast a function gains execution environments.
    NewEnvironments,
    /// Reads of the partition of a workspace and its functions.
    WorkspaceReads,
    /// Reads of the whole table.
    TableReads,
    /// Writes to the partition of a function's logs.
    LogWrites,
    /// Writes to the partition of a workspace's logs in the index.
    IndexWrites,
    /// Writes to the whole table, or to the whole index.
    TableWrites,
}

impl Limit {
    pub(super) const ALL: [Self; 10] = [
        Self::Route,
        Self::Gateway,
        Self::Concurrency,
        Self::InvocationRate,
        Self::NewEnvironments,
        Self::WorkspaceReads,
        Self::TableReads,
        Self::LogWrites,
        Self::IndexWrites,
        Self::TableWrites,
    ];

    /// What a reader calls it.
    #[must_use]
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Route => "route throttle",
            Self::Gateway => "account throttle",
            Self::Concurrency => "concurrent executions",
            Self::InvocationRate => "invocations a second",
            Self::NewEnvironments => "new environments",
            Self::WorkspaceReads => "reads of `WS#`",
            Self::TableReads => "reads of the table",
            Self::LogWrites => "writes to `FN#`",
            Self::IndexWrites => "writes to `WSLOG#`",
            Self::TableWrites => "writes to the table",
        }
    }
}

/// What came of a simulation. Counts are of calls that came while it was measured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// Calls that came.
    pub offered: u64,
    /// Calls that were answered with what the function returned, log or not.
    pub answered: u64,
    /// Calls that API Gateway answered with 429.
    pub turned_away_by_gateway: u64,
    /// Calls that were answered with 503.
    pub throttled: u64,
    /// Answered calls whose execution has no log.
    pub without_log: u64,
    /// Milliseconds that half of the answered calls stayed below, without the gateway's own.
    pub p50_ms: u64,
    /// Milliseconds that 99 of 100 answered calls stayed below, without the gateway's own.
    pub p99_ms: u64,
    /// Read units used a second.
    pub read_units: u64,
    /// Write units used a second in the table.
    pub table_units: u64,
    /// Write units used a second in the index.
    pub index_units: u64,
    /// Milliseconds that the figures were behind at most. Where counting can't keep up it grows
    /// for as long as the load lasts.
    pub figures_late_ms: u64,
    /// Logs that were written and not counted when the load ended.
    pub uncounted: u64,
    /// What refused first.
    pub refused_first: Option<Limit>,
    /// What refused most often.
    pub refused_most: Option<Limit>,
}

impl Outcome {
    /// Calls of 100 that were answered and have a log.
    #[must_use]
    pub(super) fn percent_logged(&self) -> u64 {
        percent(self.answered - self.without_log, self.offered)
    }
}

/// `part` of `whole` in rounded percent; of nothing it is 0.
pub(super) fn percent(part: u64, whole: u64) -> u64 {
    (part * 100 + whole / 2).checked_div(whole).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_rounded_and_nothing_of_nothing_is_nothing() {
        assert_eq!(percent(1, 3), 33);
        assert_eq!(percent(2, 3), 67);
        assert_eq!(percent(0, 0), 0);
    }

    #[test]
    fn a_limit_stands_where_its_number_says() {
        for (place, limit) in Limit::ALL.into_iter().enumerate() {
            assert_eq!(limit as usize, place);
        }
    }

    #[test]
    fn a_new_table_has_the_partitions_that_its_writes_need() {
        assert_eq!(Quotas::new_account().partitions, 4);
        assert_eq!(Quotas::grown().partitions, 40);
    }
}
