//! The whole of FaaS Backend on one machine, for development: `cargo local`.
//!
//! The gateway reads its routes from `template.yaml`, and every request is answered by the real
//! Lambda binary, over the services of [`emulator`].

mod background;
pub mod builder;
pub mod cli;
pub mod endpoints;
pub mod event;
pub mod gateway;
mod lambdas;
mod rebuilding;
pub mod stack;
pub mod watcher;
