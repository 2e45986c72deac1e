//! The pages that the measurements write.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod cost;
mod replay;
mod scale;
