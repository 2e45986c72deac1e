//! `cargo local`: the whole of FaaS Backend on one machine.

use std::process::ExitCode;

use clap::Parser;
use local::cli::Cli;

fn main() -> ExitCode {
    Cli::parse().run()
}
