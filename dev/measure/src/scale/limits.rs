//! AWS's limits that decide how much the backend can do.
//!
//! Defaults are those of a region like us-east-1. New accounts and some regions have less. Each
//! number has its source.

/// Read units a second that one partition of a table or of an index gives.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html>
pub(super) const PARTITION_READS: u64 = 3_000;

/// Write units a second that one partition of a table or of an index takes.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html>
///
/// DynamoDB splits a hot partition, also between the sort keys of one partition key. But a single
/// item stays in one partition, and if sort keys only grow, all writes are after the last split.
/// That growing keys do not profit is from memory; the page below says that splitting usually helps.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/throttling-key-range-limit-exceeded-mitigation.html>
pub(super) const PARTITION_WRITES: u64 = 1_000;

/// Seconds of unused capacity that DynamoDB may keep for a burst. It does not promise that.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/burst-adaptive-capacity.html>
///
/// AWS also says that a burst doesn't raise the limit of a partition. The simulation assumes that.
/// <https://repost.aws/knowledge-center/dynamodb-spiky-workloads-short-intervals>
pub(super) const BURST_SECONDS: u64 = 300;

/// Read units a second that a new on-demand table, or index, gives at once.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html>
pub(super) const NEW_TABLE_READS: u64 = 12_000;

/// Write units a second that a new on-demand table, or index, takes at once.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html>
pub(super) const NEW_TABLE_WRITES: u64 = 4_000;

/// Read units, and as many write units, a second that a table in on-demand mode may use
/// before somebody asks AWS for more. That an index has as many of its own is from memory.
/// <https://docs.amazonaws.cn/en_us/amazondynamodb/latest/developerguide/Limits.html>
pub(super) const TABLE_UNITS: u64 = 40_000;

/// Executions at the same time in an account and region, of all functions together.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub(super) const CONCURRENT_EXECUTIONS: u64 = 1_000;

/// Executions that must stay unreserved. From memory of AWS's documentation, not looked up.
pub(super) const UNRESERVED_EXECUTIONS: u64 = 100;

/// Synchronous invocations a second for each concurrent execution of the account.
/// <https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html>
pub(super) const INVOCATIONS_PER_CONCURRENCY: u64 = 10;

/// Execution environments that one function may gain at once.
/// <https://docs.aws.amazon.com/lambda/latest/dg/scaling-behavior.html>
pub(super) const NEW_ENVIRONMENTS: u64 = 1_000;

/// Seconds in which [`NEW_ENVIRONMENTS`] refill.
/// <https://docs.aws.amazon.com/lambda/latest/dg/scaling-behavior.html>
pub(super) const NEW_ENVIRONMENTS_SECONDS: u64 = 10;

/// Calls a second of Lambda's control plane in all, except for invocations, GetFunction and
/// GetPolicy. It can't be raised.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub(super) const CONTROL_PLANE_CALLS: u64 = 15;

/// Bytes of all zip files of all versions of an account's functions in a region: 75 GB.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub(super) const CODE_STORAGE_BYTES: u64 = 75 << 30;

/// Requests a second to all APIs of an account in a region; in some regions 2,500.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html>
pub(super) const GATEWAY_RATE: u64 = 10_000;

/// Requests that the account's APIs take at once; in some regions 1,250.
/// <https://docs.amazonaws.cn/en_us/apigateway/latest/developerguide/limits.md>
pub(super) const GATEWAY_BURST: u64 = 5_000;

/// Log groups of an account in a region.
/// <https://docs.amazonaws.cn/goto/WebAPI/logs-2014-03-28/CreateLogGroup>
pub(super) const LOG_GROUPS: u64 = 1_000_000;

/// Attempts of the SDK, by the backend's setting.
pub(super) const ATTEMPTS: u32 = 3;

/// Upper bound in milliseconds of the SDK's first pause after throttling, which is random. The bound
/// doubles for each further pause.
/// <https://docs.rs/aws-smithy-types/1.9.3/aws_smithy_types/retry/struct.RetryConfig.html>
pub(super) const SDK_BACKOFF_MS: u64 = 1_000;

/// Largest upper bound of a pause of the SDK, in milliseconds.
/// <https://docs.rs/aws-smithy-types/1.9.3/aws_smithy_types/retry/struct.RetryConfig.html>
pub(super) const SDK_MOST_BACKOFF_MS: u64 = 20_000;
