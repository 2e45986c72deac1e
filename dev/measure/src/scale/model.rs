//! What is simulated, and the results.

use shared::time_budget::TimeBudget;

use super::{costs, limits};

/// What callers do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    /// Calls of functions' URLs a second. Their gaps are random, but a little more regular than
    /// those of independent callers.
    pub(super) executions_per_second: u64,
    /// Milliseconds that a user's function runs on average; each run takes between half of it and
    /// one and a half times as long.
    pub(super) duration_ms: u64,
    /// The workspaces over which calls are spread evenly.
    pub(super) workspaces: usize,
    /// The functions of each workspace.
    pub(super) functions_each: usize,
    /// Seconds before anything is measured, in which stored capacity is spent.
    pub(super) warm_up_seconds: u64,
    /// Seconds that are measured.
    pub(super) seconds: u64,
}

/// What a deployment and its account allow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quotas {
    /// Requests a second that the route of functions' URLs takes.
    pub(super) route_rate: u64,
    /// Requests that the route takes at once.
    pub(super) route_burst: u64,
    /// The account's concurrent executions.
    pub(super) concurrency: u64,
    /// How many of them are reserved for the Lambda that calls users' functions; 0 for none.
    pub(super) reserved_for_invocations: u64,
    /// Read units a second of the table as warm as it is.
    pub(super) table_reads: u64,
    /// Write units a second of the table as warm as it is, and as many of the index.
    pub(super) table_writes: u64,
    /// Partitions of the table, each of which has a shard of the stream.
    pub(super) partitions: u64,
}

impl Quotas {
    /// A new account with a new table, and the template's parameters as they are.
    pub(super) const NEW_ACCOUNT: Self = Self {
        route_rate: 1_000,
        route_burst: 1_000,
        concurrency: limits::CONCURRENT_EXECUTIONS,
        reserved_for_invocations: 0,
        table_reads: limits::NEW_TABLE_READS,
        table_writes: limits::NEW_TABLE_WRITES,
        partitions: limits::NEW_TABLE_WRITES / limits::PARTITION_WRITES,
    };

    /// The same with a route that takes what the account's gateway does.
    pub(super) const OPEN_ROUTE: Self = Self {
        route_rate: limits::GATEWAY_RATE,
        route_burst: limits::GATEWAY_BURST,
        ..Self::NEW_ACCOUNT
    };

    /// An open route, ten times the concurrency, and a table that has grown to its quota.
    pub(super) const GROWN: Self = Self {
        concurrency: 10 * limits::CONCURRENT_EXECUTIONS,
        table_reads: limits::TABLE_UNITS,
        table_writes: limits::TABLE_UNITS,
        partitions: limits::TABLE_UNITS / limits::PARTITION_WRITES,
        ..Self::OPEN_ROUTE
    };
}

/// What the backend's code and data decide.
#[derive(Clone, Copy, Debug)]
pub(super) struct Design {
    /// Read units of the function's item.
    pub(super) function_read_units: u64,
    /// Partition keys in the index over which a workspace's logs are spread.
    pub(super) index_shards: usize,
    /// Partition keys in the table over which a function's logs are spread.
    pub(super) log_shards: usize,
    /// Whether reads are eventually consistent, which cost half.
    pub(super) eventual_reads: bool,
    /// Whether a read that came in part asks for the missing keys only.
    pub(super) asks_only_for_the_rest: bool,
    /// Milliseconds that bound the SDK's first random pause.
    pub(super) backoff_ms: u64,
    /// Milliseconds that a log may delay the answer.
    pub(super) log_time_ms: u64,
    /// Workspaces that a batch is counted for at a time.
    pub(super) workspaces_at_a_time: usize,
}

impl Design {
    /// The backend as it is.
    pub(super) const PRESENT: Self = Self {
        function_read_units: costs::FUNCTION_READ_UNITS,
        index_shards: 1,
        log_shards: 1,
        eventual_reads: false,
        asks_only_for_the_rest: true,
        backoff_ms: limits::SDK_BACKOFF_MS,
        log_time_ms: TimeBudget::PRODUCT.log_write.as_millis() as u64,
        workspaces_at_a_time: counter::WORKSPACES_AT_A_TIME,
    };
}

/// What is simulated.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case {
    pub(super) load: Load,
    pub(super) quotas: Quotas,
    pub(super) design: Design,
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
    /// Its name in the page.
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

/// The results of a simulation. Counts are of calls that came while it was measured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Results {
    /// Calls that came.
    pub(super) offered: u64,
    /// Calls that were answered with what the function returned, log or not.
    pub(super) answered: u64,
    /// Calls that API Gateway answered with 429.
    pub(super) turned_away_by_gateway: u64,
    /// Calls that were answered with 503.
    pub(super) throttled: u64,
    /// Answered calls whose execution has no log.
    pub(super) without_log: u64,
    /// Median of the answered calls in milliseconds, without the gateway's own.
    pub(super) p50_ms: u64,
    /// Their 99th percentile.
    pub(super) p99_ms: u64,
    /// Read units used a second.
    pub(super) read_units: u64,
    /// Write units used a second in the table.
    pub(super) table_units: u64,
    /// Write units used a second in the index.
    pub(super) index_units: u64,
    /// Milliseconds that usage was late at most. It grows for as long as counting can't keep up.
    pub(super) usage_late_ms: u64,
    /// Logs that were written and not counted when the load ended.
    pub(super) uncounted: u64,
    /// The limit that refused first.
    pub(super) refused_first: Option<Limit>,
    /// The limit that refused most often.
    pub(super) refused_most: Option<Limit>,
}

impl Results {
    /// Answered calls with a log, in percent.
    pub(super) fn percent_logged(&self) -> u64 {
        self.percent(self.answered - self.without_log)
    }

    /// `part` of the calls that came, in rounded percent; 0 if none came.
    pub(super) fn percent(&self, part: u64) -> u64 {
        (part * 100 + self.offered / 2).checked_div(self.offered).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_rounded_and_0_of_nothing() {
        let percent = |part, offered| Results { offered, ..Results::default() }.percent(part);
        assert_eq!((percent(1, 3), percent(2, 3), percent(0, 0)), (33, 67, 0));
    }

    #[test]
    fn a_table_has_the_partitions_that_its_writes_need() {
        assert_eq!((Quotas::NEW_ACCOUNT.partitions, Quotas::GROWN.partitions), (4, 40));
    }
}
