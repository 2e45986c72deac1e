//! The builds Lambda: forms, tasks, deployments.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod build;
mod deploy;
mod env;
mod tasks;
