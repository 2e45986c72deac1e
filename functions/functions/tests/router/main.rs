//! The routes of the functions Lambda.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod api;
mod env;
mod keys;
mod races;
