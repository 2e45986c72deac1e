//! What the builder answers, with a package index of the test.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

#[path = "../support/mod.rs"]
mod support;

mod install;
mod limits;
mod messages;
mod resolve;
mod source_distributions;
mod uv_program;
