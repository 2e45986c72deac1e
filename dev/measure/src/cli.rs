//! The command line of `cargo measure`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use deployment::Deployment;
use emulator::terminal::say;

use crate::cost::{self, BACKGROUND_ITEMS, PAGE};
use crate::prices::Prices;
use crate::{binaries, instructions, latency, memory, recording, scale, size, start};

/// Measures what requests cost, and writes the tables of docs/cost.md and docs/scale.md.
#[derive(Debug, Parser)]
#[command(name = "cargo measure", bin_name = "cargo measure")]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
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
    /// Memory and time of the Lambda that calls functions, for the largest requests and the nastiest.
    Memory,
    /// Instructions of a request, with services that answer from memory. Needs valgrind.
    Instructions,
}

impl Cli {
    /// Runs the command.
    pub async fn run(self) -> ExitCode {
        match self.command {
            Command::Cost { prices } => {
                let api = Deployment::on_disk(|quotas| quotas).await;
                let costs = cost::costs(&api, BACKGROUND_ITEMS[0]).await;
                PAGE.write("calls", &cost::table(&costs));
                PAGE.write("dollars", &cost::bill(&costs, &prices));
            }
            Command::Scale { prices } => scale::PAGE.write("scale", &scale::page(&prices)),
            Command::Size => return size(),
            Command::Start => {
                let names = [&binaries::LAMBDAS[..], &[binaries::HELLO]].concat();
                PAGE.write("start", &start::table(&binaries::build(&names)).await);
            }
            Command::Latency { peer, rounds } => {
                let binaries = binaries::build(&binaries::LAMBDAS);
                let table = latency::table(&binaries, peer.as_deref(), rounds).await;
                PAGE.write("latency", &table);
            }
            Command::Memory => {
                PAGE.write("memory", &memory::table(&binaries::build(&[memory::LAMBDA])).await);
            }
            Command::Instructions => {
                let (_, requests) = recording::record().await;
                let replay = &binaries::build(&[binaries::REPLAY])[binaries::REPLAY];
                PAGE.write("instructions", &instructions::table(replay, &requests));
            }
        }
        say("the page is written");
        ExitCode::SUCCESS
    }
}

fn size() -> ExitCode {
    let (table, too_large) = size::table(&PAGE.read("size"));
    say(table.trim_end());
    too_large.iter().for_each(say);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        PAGE.write("size", &table);
        return ExitCode::SUCCESS;
    }
    if too_large.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
