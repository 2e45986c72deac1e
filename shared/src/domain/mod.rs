//! What the product is about, knowing neither AWS nor HTTP.
//!
//! A value of these types is valid: each is made by a constructor or a
//! `TryFrom` that refuses what breaks a rule of the contract, so nothing
//! behind them checks again.

mod code;
mod execution;
mod field;
mod figures;
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
mod version;
mod workspace;

pub use code::Code;
pub use execution::{Ending, Execution, Failure, Reply, ReplyBody};
pub use field::{Fields, Refused};
pub use figures::{Figures, Hours};
pub use function::{CreateFunction, Function, PatchFunction};
pub use id::{FunctionId, KeyId, LogId, WorkspaceId};
pub use idempotency::{Fingerprint, IdempotencyKey, Intent, Origin, Salt, new_salt};
pub use invocation_key::{
    Access, CreateInvocationKey, InvocationKey, NewInvocationKey, Secret, SecretHash,
};
pub use log::{ExecutionLog, Level, LogFilter, Outcome};
pub use owner::Owner;
pub use page::{Filling, Limit, Limits, List, Listing, Page, RESPONSE_BUDGET};
pub use quotas::{Quota, Quotas};
pub use settings::{
    Auth, EnvironmentVariables, HttpMethod, HttpMethods, Memory, Runtime, Status, Timeout,
};
pub use text::{Description, Name};
pub use time::{Clock, Timestamp};
pub use version::{Expected, Versioned};
pub use workspace::{CreateWorkspace, PatchWorkspace, Workspace};
