//! The whole of FaaS Backend on one machine, for development: `cargo local`,
//! and what the Lambdas' own tests need of it.
//!
//! DynamoDB and S3 are embedded, the gateway reads its routes from
//! `template.yaml`, and every request is answered by the real Lambda binary.

mod asked;
pub mod bound;
pub mod builder;
pub mod cli;
pub mod data_folder;
pub mod endpoints;
pub mod engine;
pub mod event;
pub mod faults;
pub mod gateway;
pub mod ids;
pub mod instance;
pub mod meter;
pub mod migration;
pub mod permissions;
pub mod pool;
pub mod process;
pub mod pump;
pub mod route;
pub mod runtime_api;
pub mod stack;
pub mod statement;
pub mod stores;
pub mod stream;
pub mod template;
pub mod terminal;
pub mod testbed;
pub mod watcher;
pub mod worker;
pub mod workspace;
