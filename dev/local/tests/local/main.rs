//! `cargo local`, and the processes that it starts.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod builder;
mod client;
mod die_with_parent;
mod echo;
mod event_source;
mod packages;
mod quick_start;
mod running;
mod sign_in;
mod stack;
mod worker_pool;
