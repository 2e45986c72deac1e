//! The routes of functions and their invocation keys.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod api;
mod env;
mod keys;
mod races;
