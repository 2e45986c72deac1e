//! Calls of functions, deployed and run for real.

mod closed;
mod console;
mod costs;
mod env;
mod examples;
mod forms;
mod hostile;
mod outcomes;
mod packages;
mod urls;
