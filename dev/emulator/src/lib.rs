//! AWS on this machine, for development: DynamoDB, S3 and its stream, Lambda over the host's
//! Python, event source mappings, the Lambda Runtime API, and `template.yaml` as AWS would read it.

mod background;
pub mod data_folder;
pub mod die_with_parent;
pub mod engine;
pub mod event_source;
pub mod ids;
pub mod instance;
pub mod process;
pub mod project;
pub mod route;
pub mod runtime_api;
pub mod stores;
pub mod stream;
pub mod template;
pub mod terminal;
pub mod worker;
pub mod worker_pool;
