//! How the backend behaves past one machine: what breaks first, at what number, and what helps.
//!
//! `simulation` plays cases, `plan` answers what needs none, and [`page()`] shows both to a reader.
//! The same input gives the same page on every machine.

mod call;
mod capacity;
mod counting;
mod limits;
mod model;
mod page;
mod plan;
mod simulation;

use testkit::page::Page;

/// The page that tells it.
pub const PAGE: Page = Page { path: "docs/scale.md", command: "cargo measure scale" };

pub use model::Costs;
pub use page::page;
