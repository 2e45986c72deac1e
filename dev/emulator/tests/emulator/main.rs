//! The emulator, through the clients of AWS.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod engine;
mod stores;
mod test_engine;
