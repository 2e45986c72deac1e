//! How the backend behaves past one machine: which limit is met first, at which load, and what
//! helps.
//!
//! `simulation` runs cases, `plan` is arithmetic, and [`page()`] writes both. The same input gives
//! the same page on every machine.

mod call;
mod capacity;
pub mod costs;
mod counting;
mod limits;
mod model;
mod page;
mod plan;
mod simulation;

use testkit::page::Page;

/// The page with the results.
pub const PAGE: Page = Page { path: "docs/scale.md", command: "cargo measure scale" };

pub use page::page;
