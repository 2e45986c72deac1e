//! The routes of the workspaces Lambda.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod api;
mod quotas;
