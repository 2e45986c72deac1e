//! The command line of `cargo measure`.

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use emulator::terminal::say;
use tokio::runtime::Runtime;

use crate::cost::{self, NEIGHBOURS, PAGE};
use crate::prices::Prices;
use crate::scale::{self, PAGE as SCALE};
use crate::{binaries, instructions, latency, recording, size, start};
use deployment::Deployment;

/// Measures what the API costs, and writes it into docs.
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
        prices: AskedPrices,
    },
    /// What breaks first past this machine, at what number, by a simulation of the figures above.
    Scale {
        #[command(flatten)]
        prices: AskedPrices,
    },
    /// How large the zips of what is built in target/lambda are. Fails where one is larger than the
    /// page says, but for 3 %; with UPDATE_EXPECT=1, the page is written instead.
    Size,
    /// How long each Lambda takes from the start of its process to its first answer.
    Start,
    /// What a request takes through the local stack, beside the call of storage that it is made of.
    Latency {
        /// The URL of something else that is to be asked beside it.
        #[arg(long, value_name = "URL")]
        peer: Option<String>,
        /// How often each has its turn of 80 requests.
        #[arg(long, value_name = "N", default_value_t = 50)]
        rounds: usize,
    },
    /// How many instructions a request takes, with services that answer from memory. Needs
    /// valgrind.
    Instructions,
}

/// Prices in US dollars; those not given are of us-east-1.
#[derive(Args, Clone, Copy, Debug)]
struct AskedPrices {
    /// A million write units of DynamoDB.
    #[arg(long, value_name = "USD", default_value_t = Prices::default().write_units)]
    write_units: f64,
    /// A million read units of DynamoDB.
    #[arg(long, value_name = "USD", default_value_t = Prices::default().read_units)]
    read_units: f64,
    /// A million objects written to S3.
    #[arg(long, value_name = "USD", default_value_t = Prices::default().puts)]
    puts: f64,
    /// A million objects read from S3.
    #[arg(long, value_name = "USD", default_value_t = Prices::default().gets)]
    gets: f64,
    /// A million requests to an HTTP API.
    #[arg(long, value_name = "USD", default_value_t = Prices::default().requests)]
    requests: f64,
    /// A million invocations of Lambda functions.
    #[arg(long, value_name = "USD", default_value_t = Prices::default().invocations)]
    invocations: f64,
    /// A second of a Lambda function with a gigabyte, on arm64.
    #[arg(long, value_name = "USD", default_value_t = Prices::default().gigabyte_second)]
    gigabyte_second: f64,
    /// A gigabyte of log lines in CloudWatch.
    #[arg(long, value_name = "USD", default_value_t = Prices::default().log_gigabyte)]
    log_gigabyte: f64,
    /// A gigabyte in the table for a month.
    #[arg(long, value_name = "USD", default_value_t = Prices::default().table_gigabyte_month)]
    table_gigabyte_month: f64,
}

impl From<AskedPrices> for Prices {
    fn from(asked: AskedPrices) -> Self {
        Self {
            write_units: asked.write_units,
            read_units: asked.read_units,
            puts: asked.puts,
            gets: asked.gets,
            requests: asked.requests,
            invocations: asked.invocations,
            gigabyte_second: asked.gigabyte_second,
            log_gigabyte: asked.log_gigabyte,
            table_gigabyte_month: asked.table_gigabyte_month,
        }
    }
}

impl Cli {
    /// Does what the command line says.
    pub fn run(self) -> ExitCode {
        let runtime = match Runtime::new() {
            Ok(runtime) => runtime,
            Err(problem) => {
                say(format_args!("error: {problem}"));
                return ExitCode::FAILURE;
            }
        };
        match self.what {
            What::Cost { prices } => runtime.block_on(costs(prices.into())),
            What::Scale { prices } => {
                SCALE.write("scale", &scale::page(&scale::Costs::measured(), &prices.into()));
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
                let player = binaries::build(&[binaries::PLAYER]);
                let table = instructions::table(&player[binaries::PLAYER], &recorded);
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
    for neighbours in NEIGHBOURS {
        say(format_args!("asking for everything, with {neighbours} neighbours of each kind"));
        all.push(cost::costs(&api, neighbours).await);
    }
    PAGE.write("calls", &cost::table(&all[0]));
    PAGE.write("dollars", &cost::bill(&all[0], &prices));
    say(format_args!("{} is written", PAGE.path));
}
