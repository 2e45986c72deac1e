//! Measures the cost of the API: calls, capacity units, instructions, bytes and time.
//!
//! `cargo measure` writes `docs/cost.md` and `docs/scale.md`. Tests check what doesn't depend on
//! the machine.

pub mod binaries;
pub mod cli;
pub mod cost;
pub mod instructions;
pub mod latency;
pub mod memory;
pub mod prices;
pub mod recording;
pub mod scale;
pub mod size;
pub mod start;
pub mod times;
