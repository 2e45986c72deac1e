//! The command line of `cargo local`.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::builder::NonEmptyStringValueParser;
use clap::{Parser, Subcommand};
use shared::config::Config;
use shared::domain::Owner;
use shared::store::Store;
use tokio::signal::unix::{SignalKind, signal};

use crate::migration::{self, Migration};
use crate::process::Launcher;
use crate::stack::{Options, SignIn, Stack};
use crate::{bound, endpoints, terminal, workspace};

/// Runs FaaS Backend on this machine: the API, its Lambdas, DynamoDB and S3.
#[derive(Debug, Parser)]
#[command(name = "cargo local", bin_name = "cargo local")]
pub struct Cli {
    /// Port of the API; 0 takes any free one.
    #[arg(long, default_value_t = 8000)]
    port: u16,
    /// Folder that keeps the data [default: .local in the project].
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<PathBuf>,
    /// Keep the data in memory and forget them at the end.
    #[arg(long, conflicts_with = "data")]
    ephemeral: bool,
    /// Issuer of the tokens that the API then asks for, as API Gateway would.
    #[arg(long, value_name = "URL", requires_all = ["jwt_audience", "jwks"])]
    jwt_issuer: Option<String>,
    /// Audience, or client id, that a token must name; several separated by commas.
    #[arg(long, value_name = "NAME", value_delimiter = ',', requires = "jwt_issuer")]
    jwt_audience: Vec<String>,
    /// File with the issuer's public keys, a JSON Web Key Set.
    #[arg(long, value_name = "FILE", requires = "jwt_issuer")]
    jwks: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Sub>,
}

#[derive(Debug, Subcommand)]
enum Sub {
    /// Print the environment that other programs need to use a running stack's
    /// DynamoDB, S3 and Lambda: eval "$(cargo local env)".
    Env,
    /// Bring a table of the earlier backend to the present form: the one that the
    /// environment names, as it does for the Lambdas.
    Migrate {
        /// Say what would be done, and change nothing.
        #[arg(long)]
        dry_run: bool,
        /// Subject of the tokens of whoever is to own the workspaces. It can't be changed later.
        #[arg(long, value_name = "SUBJECT", value_parser = NonEmptyStringValueParser::new())]
        #[arg(required_unless_present_any = ["anonymous", "dry_run"])]
        owner: Option<String>,
        /// The workspaces are to be nobody's, for an API that is open to everybody.
        #[arg(long, conflicts_with = "owner")]
        anonymous: bool,
        /// Days from now on that logs are kept [default: EXECUTION_LOG_DAYS, else 30].
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=3653))]
        log_days: Option<u32>,
    },
    #[command(name = bound::SUBCOMMAND, hide = true)]
    BoundTo {
        parent: u32,
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
}

impl Cli {
    /// Does what the command line says, and returns when that is done.
    pub fn run(self) -> ExitCode {
        if let Some(Sub::BoundTo { parent, command }) = &self.command {
            return failed(bound::become_bound(*parent, command));
        }
        if let Some(Sub::Migrate { dry_run, owner, log_days, .. }) = self.command {
            return match tokio::runtime::Runtime::new() {
                Ok(runtime) => runtime.block_on(migrate(dry_run, owner, log_days)),
                Err(problem) => failed(problem),
            };
        }
        let current = std::env::current_dir().unwrap_or_default();
        let root = workspace::root(&current);
        let data = self.data.clone().unwrap_or_else(|| root.join(".local"));
        if matches!(self.command, Some(Sub::Env)) {
            return match endpoints::export_lines(&data) {
                Ok(lines) => print(lines.trim_end()),
                Err(problem) => failed(problem),
            };
        }
        let audience = self.jwt_audience;
        let sign_in = self.jwt_issuer.zip(self.jwks);
        let options = Options {
            root,
            port: self.port,
            data: (!self.ephemeral).then_some(data),
            sign_in: sign_in.map(|(issuer, keys)| SignIn { issuer, audience, keys }),
            watch: true,
            launcher: Launcher::Bound,
            binaries: None,
        };
        match tokio::runtime::Runtime::new() {
            Ok(runtime) => runtime.block_on(serve(options, &current)),
            Err(problem) => failed(problem),
        }
    }
}

async fn migrate(dry_run: bool, owner: Option<String>, log_days: Option<u32>) -> ExitCode {
    let config = match Config::from_env() {
        Ok(config) => config,
        Err(problem) => return failed(problem),
    };
    let options = migration::Options {
        dry_run,
        owner: owner.map_or_else(Owner::anonymous, |subject| Owner::of_subject(&subject)),
        log_days: log_days.unwrap_or(config.execution_log_days),
    };
    let aws = shared::aws::load(&config);
    let dynamodb = aws_sdk_dynamodb::Client::new(&aws);
    let store = Store::new(&aws, &config);
    match Migration::new(store, dynamodb, &config.table, options).run().await {
        Ok(report) => match print(report.to_string().trim_end()) {
            ExitCode::SUCCESS if report.has_failures() => ExitCode::FAILURE,
            printed => printed,
        },
        Err(problem) => failed(problem),
    }
}

async fn serve(options: Options, current: &Path) -> ExitCode {
    let begun = Instant::now();
    let mut told_to_stop = match Stop::listen() {
        Ok(stop) => stop,
        Err(problem) => return failed(problem),
    };
    let stack = tokio::select! {
        started = Stack::start(options) => match started {
            Ok(stack) => stack,
            Err(problem) => return failed(problem),
        },
        // Dropping the unfinished start ends what it had begun.
        () = told_to_stop.told() => return ExitCode::SUCCESS,
    };
    let ready = begun.elapsed().as_secs_f64();
    let summary = stack.summary(current);
    if print(&format!("{summary}\nReady in {ready:.1} s. Ctrl-C stops it.")) != ExitCode::SUCCESS {
        return ExitCode::FAILURE;
    }
    told_to_stop.told().await;
    terminal::say("stopping");
    tokio::select! {
        () = stack.stop() => {}
        // Whoever presses Ctrl-C twice does not want to wait.
        () = told_to_stop.told() => {}
    }
    ExitCode::SUCCESS
}

/// The signals that end the stack: Ctrl-C, `kill`, and a closed terminal.
struct Stop {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

impl Stop {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn told(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}

fn print(text: &str) -> ExitCode {
    let mut stdout = io::stdout().lock();
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => failed(format_args!("stdout can't be written: {problem}")),
    }
}

fn failed(problem: impl std::fmt::Display) -> ExitCode {
    terminal::say(format_args!("error: {problem}"));
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
        assert!(Cli::try_parse_from(["local", "--ephemeral", "--data", "x"]).is_err());
        let cli = Cli::try_parse_from(["local", "--port", "0", "--ephemeral"]).unwrap();
        assert!(cli.ephemeral && cli.port == 0 && cli.data.is_none());
        let issuer = ["local", "--jwt-issuer", "https://id.test"];
        assert!(Cli::try_parse_from(issuer).is_err(), "without audience and keys");
        assert!(Cli::try_parse_from(["local", "--jwks", "keys.json"]).is_err());
        assert!(Cli::try_parse_from(["local", "migrate", "--owner", ""]).is_err());
        assert!(Cli::try_parse_from(["local", "migrate", "--log-days", "0"]).is_err());
        assert!(Cli::try_parse_from(["local", "migrate"]).is_err(), "whose are they?");
        assert!(Cli::try_parse_from(["local", "migrate", "--anonymous"]).is_ok());
        let cli = Cli::try_parse_from(["local", "migrate", "--dry-run"]).unwrap();
        assert!(matches!(cli.command, Some(Sub::Migrate { dry_run: true, owner: None, .. })));
        let cli = Cli::try_parse_from(["local", "bound-to", "7", "--", "a", "--b"]).unwrap();
        assert!(matches!(cli.command, Some(Sub::BoundTo { parent: 7, .. })));
    }
}
