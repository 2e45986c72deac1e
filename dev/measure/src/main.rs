//! `cargo measure`: measures what requests cost, and writes the tables of `docs`.

use std::process::ExitCode;

use clap::Parser;
use measure::cli::Cli;

#[tokio::main]
async fn main() -> ExitCode {
    Cli::parse().run().await
}
