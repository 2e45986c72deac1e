//! The command line of `cargo measure`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use emulator::terminal::say;
use tokio::runtime::Runtime;

use crate::cost::{self, BACKGROUND_ITEMS, PAGE};
use crate::prices::Prices;
use crate::scale::{self, PAGE as SCALE};
use crate::{binaries, instructions, latency, recording, size, start};
use deployment::Deployment;

/// Measures what requests cost, and writes the tables of docs/cost.md and docs/scale.md.
#[derive(Debug, Parser)]
#[command(name = "cargo measure", bin_name = "cargo measure")]
pub struct Cli {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Calls, depth, capacity units, bytes and dollars of each route.
    Cost {
        #[command(flatten)]
        prices: Prices,
    },
    /// The limit that is met first on AWS, and at which load, by a simulation.
    Scale {
        #[command(flatten)]
        prices: Prices,
    },
    /// Size of the zip of each Lambda built in target/lambda. Fails if one is more than 3 % larger
    /// than docs/cost.md says; with UPDATE_EXPECT=1, writes docs/cost.md instead.
    Size,
    /// Time of each Lambda from the start of its process to its first answer.
    Start,
    /// Time of a request through the local stack, beside that of its calls of storage.
    Latency {
        /// A URL to time beside it.
        #[arg(long, value_name = "URL")]
        peer: Option<String>,
        /// Number of rounds. In each, every kind of request has a turn of 80.
        #[arg(long, value_name = "N", default_value_t = 50)]
        rounds: usize,
    },
    /// Instructions of a request, with services that answer from memory. Needs valgrind.
    Instructions,
}

impl Cli {
    /// Runs the command.
    pub fn run(self) -> ExitCode {
        let runtime = match Runtime::new() {
            Ok(runtime) => runtime,
            Err(problem) => {
                say(format_args!("error: {problem}"));
                return ExitCode::FAILURE;
            }
        };
        match self.what {
            What::Cost { prices } => runtime.block_on(costs(prices)),
            What::Scale { prices } => {
                SCALE.write("scale", &scale::page(&prices));
                say(format_args!("{} is written", SCALE.path));
            }
            What::Size => return sizes(),
            What::Start => runtime.block_on(starts()),
            What::Latency { peer, rounds } => {
                let binaries = binaries::build(&binaries::LAMBDAS);
                let table = latency::table(&binaries, peer.as_deref(), rounds);
                PAGE.write("latency", &runtime.block_on(table));
            }
            What::Instructions => {
                let (_, recorded) = runtime.block_on(recording::record());
                let replay = binaries::build(&[binaries::REPLAY]);
                let table = instructions::table(&replay[binaries::REPLAY], &recorded);
                PAGE.write("instructions", &table);
            }
        }
        ExitCode::SUCCESS
    }
}

fn sizes() -> ExitCode {
    let (table, larger) = size::table(&PAGE.read("size"));
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        PAGE.write("size", &table);
    }
    say(table.trim_end());
    larger.iter().for_each(say);
    let is_well = larger.is_empty() || std::env::var_os("UPDATE_EXPECT").is_some();
    if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn starts() {
    let binaries = binaries::build(&[&binaries::LAMBDAS[..], &[binaries::HELLO]].concat());
    PAGE.write("start", &start::table(&binaries).await);
    say(format_args!("{} is written", PAGE.path));
}

async fn costs(prices: Prices) {
    let api = Deployment::on_disk(|quotas| quotas).await;
    let mut all = Vec::new();
    for items in BACKGROUND_ITEMS {
        say(format_args!("sending every request, with {items} background items of each kind"));
        all.push(cost::costs(&api, items).await);
    }
    PAGE.write("calls", &cost::table(&all[0]));
    PAGE.write("dollars", &cost::bill(&all[0], &prices));
    say(format_args!("{} is written", PAGE.path));
}
