//! The product's types and rules. They know neither AWS nor HTTP.
//!
//! A value of these types is valid. Constructors and `TryFrom` refuse what breaks a rule of the
//! contract, and so does deserialization, so no other layer checks again.

mod base64_text;
mod build;
mod code;
mod deployment;
mod digest;
mod environment;
mod error;
mod execution;
mod field;
mod file_path;
mod files;
mod form;
mod function;
mod id;
mod idempotency;
mod inline_metadata;
mod invocation_key;
mod log;
mod log_line;
mod main_file;
mod owner;
mod packages;
mod page;
mod processor_time;
mod project;
mod project_files;
mod quotas;
mod requirement;
mod requirements;
mod settings;
mod syntax;
mod text;
mod time;
mod upload;
mod usage;
mod version;
mod workspace;
mod zip_archive;

pub use build::{
    Archive, Build, FileName, ImageRef, SourceDigest, SourceFile, Task, TaskId, TaskStatus,
};
pub use code::Code;
pub use deployment::DeploymentState;
pub use digest::sha256_of_parts;
pub use environment::EnvironmentVariables;
pub use error::{
    AccessDenied, InvalidField, InvalidId, InvalidJson, NoRandomness, NotFound, ValidationError,
};
pub use execution::{Execution, ExecutionResult, Failure, Reply, ReplyBody, ResourceUse};
pub use field::Fields;
pub use file_path::FilePath;
pub use files::{FilesSummary, FunctionFiles, NewFiles, source_sha256};
pub use form::{EntryPoint, Form, FormSetting, Handler};
pub use function::{
    CreateFunction, Detected, Function, FunctionSettings, PatchFunction, SettingsInSchemas,
    SourceChange,
};
pub use id::{FunctionId, KeyId, LogId, WorkspaceId};
pub use idempotency::{
    CreationSeed, Fingerprint, IdempotencyKey, IdempotentRequest, Salt, new_salt,
};
pub use invocation_key::{
    Access, CreateInvocationKey, InvocationKey, NewInvocationKey, Secret, SecretHash,
};
pub use log::{ExecutionLog, ExecutionStatus, Level, LogFilter};
pub use log_line::LogLine;
pub use main_file::MainFile;
pub use owner::Owner;
pub use packages::{
    Dependencies, DependencyStatus, Layer, LayerKey, Lock, LockedPackage, MAX_UNZIPPED_BYTES,
    Packages, PresignedPut, RequiredPackages, RequirementsDigest, RequirementsSetting,
};
pub use page::{Capacity, InvalidCursor, Limit, Limits, List, Page, PageBuilder, PageRequest};
pub use processor_time::{ProcessorTime, ProcessorTimePoint, UsedProcessorTime};
pub use project::Project;
pub use project_files::ProjectFiles;
pub use quotas::{Quota, Quotas};
pub use requirements::Requirements;
pub use settings::{Auth, HttpMethod, HttpMethods, Memory, Runtime, Status, Timeout};
pub use text::{Description, Name};
pub use time::{Clock, Timestamp};
pub use upload::{NewUpload, Upload, UploadId};
pub use usage::{HourlyUsage, Usage};
pub use version::{Expected, Versioned};
pub use workspace::{CreateWorkspace, PatchWorkspace, Workspace};
