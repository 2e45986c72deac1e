//! `cargo migrate`: brings a table of the legacy backend to the present form.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use migrate::cli::Cli;

#[tokio::main]
async fn main() -> ExitCode {
    match Cli::parse().run().await {
        Ok(report) if report.has_failures() => ExitCode::FAILURE,
        Ok(_) => ExitCode::SUCCESS,
        Err(problem) => {
            // With stderr closed there is nowhere to report that.
            let _ = writeln!(std::io::stderr().lock(), "error: {problem}");
            ExitCode::FAILURE
        }
    }
}
