//! `cargo measure`: what the API costs, written into `docs`.

use std::process::ExitCode;

use clap::Parser;
use measure::cli::Cli;

fn main() -> ExitCode {
    Cli::parse().run()
}
