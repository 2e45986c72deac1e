//! Nothing lost, nothing twice, nobody in: the Lambdas together over embedded stores and an engine,
//! against a model, faults, races, repeats, load and size. What they try stands in
//! `docs/reliability.md`, which they write.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod api;
mod faults;
mod model;
mod overload;
mod races;
mod repeats;
mod report;
mod scale;
mod whole;
