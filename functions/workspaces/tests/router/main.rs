//! The routes of workspaces.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod api;
mod quotas;
