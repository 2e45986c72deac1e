//! Nothing lost, nothing twice, nobody in: the Lambdas together over embedded stores and an engine,
//! against a model, faults, races, repeats, load and size. What they try stands in
//! `docs/reliability.md`, which they write.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod calls;
mod consistency;
mod description;
mod errors;
mod faults;
mod migration;
mod model;
mod overload;
mod races;
mod repeats;
mod routes;
mod scale;
mod snapshots;
mod stream;

use testkit::page::Page;

/// What these tests write.
const REPORT: Page = Page {
    path: "docs/reliability.md",
    command: "UPDATE_EXPECT=1 cargo test --workspace --test suites",
};
