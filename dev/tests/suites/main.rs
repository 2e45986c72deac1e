//! Tests of all Lambdas together, over embedded stores and the emulator's engine.
//!
//! | suite | what it checks | settings (default) |
//! | --- | --- | --- |
//! | `calls` | responses, logs and cost of function calls, hostile functions, `examples/` | `HOSTILE_BYTES` (167772160): output of a function that prints much |
//! | `consistency` | no tests: the invariants that other suites check | |
//! | `description` | `openapi.json`, isolation of owners, permissions of roles | |
//! | `errors` | panics | |
//! | `faults` | every fault in every AWS call | `FAULTS` (short form): `all`, or one command or scenario |
//! | `idempotency` | retries with an `Idempotency-Key` | |
//! | `migration` | migration of a table of the legacy backend | |
//! | `model` | random requests against a model of the API | `MODEL_CASES` (24), `MODEL_SEED` (1) |
//! | `overload` | more load than AWS accepts | |
//! | `races` | linearizability of concurrent requests | `RACE_CASES` (30), `RACE_SEED` (1) |
//! | `routes` | routers, CORS and gateway agree with `template.yaml` | |
//! | `scale` | large workspaces, functions and lists | `SCALE` (4): percent of the full size |
//! | `snapshots` | files generated from `template.yaml` and `openapi.json` | |
//! | `stream` | reconciler and counter | |
//!
//! One suite: `cargo test --workspace --test suites faults`. Suites write their results into
//! `docs/reliability.md` with `UPDATE_EXPECT=1`, and fail where the page says anything else but for numbers.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod calls;
mod consistency;
mod description;
mod errors;
mod faults;
mod gate;
mod idempotency;
mod migration;
mod model;
mod overload;
mod races;
mod routes;
mod scale;
mod snapshots;
mod stream;

use testkit::page::Page;

/// The text in an environment variable.
#[expect(clippy::disallowed_methods, reason = "a setting of the tests, not of the product")]
fn text_setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

/// A number in an environment variable.
fn setting(name: &str) -> Option<u64> {
    text_setting(name).map(|text| text.parse().unwrap())
}

/// The page with generated sections.
const REPORT: Page = Page {
    path: "docs/reliability.md",
    command: "UPDATE_EXPECT=1 cargo test --workspace --test suites",
};
