//! Checks of the sources as a whole.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod adapter;
mod layers;
mod metrics;
