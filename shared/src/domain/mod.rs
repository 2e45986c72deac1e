//! What the product is about, knowing neither AWS nor HTTP.
//!
//! A value of these types is valid: each is made by a constructor or a
//! `TryFrom` that refuses what breaks a rule of the contract, so nothing
//! behind them checks again.

mod code;
mod execution;
mod field;
mod function;
mod id;
mod idempotency;
mod invocation_key;
mod log;
mod owner;
mod page;
mod quotas;
mod settings;
mod syntax;
mod text;
mod time;
mod usage;
mod version;
mod workspace;

pub use code::Code;
pub use execution::{Execution, ExecutionResult, Failure, Reply, ReplyBody};
pub use field::{Fields, ValidationError};
pub use function::{CreateFunction, Function, FunctionSettings, PatchFunction, SettingsInSchemas};
pub use id::{FunctionId, KeyId, LogId, WorkspaceId};
pub use idempotency::{
    CreationSeed, Fingerprint, IdempotencyKey, IdempotentRequest, Salt, new_salt,
};
pub use invocation_key::{
    Access, CreateInvocationKey, InvocationKey, NewInvocationKey, Secret, SecretHash,
};
pub use log::{ExecutionLog, ExecutionStatus, Level, LogFilter};
pub use owner::Owner;
pub use page::{Limit, Limits, List, Page, PageBuilder, PageRequest, RESPONSE_BUDGET};
pub use quotas::{Quota, Quotas};
pub use settings::{
    Auth, EnvironmentVariables, HttpMethod, HttpMethods, Memory, Runtime, Status, Timeout,
};
pub use text::{Description, Name};
pub use time::{Clock, Timestamp};
pub use usage::{HourlyUsage, Usage};
pub use version::{Expected, Versioned};
pub use workspace::{CreateWorkspace, PatchWorkspace, Workspace};
