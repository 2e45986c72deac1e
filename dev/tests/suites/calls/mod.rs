//! Calls of functions, deployed and run for real.

mod closed;
mod costs;
mod env;
mod examples;
mod hostile;
mod outcomes;
mod urls;
