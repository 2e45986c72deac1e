//! A package index for tests: packages that a test makes, served as PyPI serves its own, and a store
//! that takes what is PUT.
//!
//! It answers on a free port of 127.0.0.1, from its own threads, until it is dropped.
//!
//! | path | what |
//! | --- | --- |
//! | `/simple/{name}/` | the files of a package, as JSON (PEP 691) with upload times (PEP 700) |
//! | `/files/{file name}` | one file |
//! | `/objects/{key}` | takes a PUT, and keeps it |
//! | `/refused/{key}` | answers a PUT with 403 |

mod distribution;
mod http;
mod index;
mod store;
mod tar;

pub use distribution::{Distribution, Sdist, Wheel};
pub use index::PackageIndex;
pub use store::Object;
