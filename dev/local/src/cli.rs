//! The command line of `cargo local`.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

use crate::endpoints;
use crate::stack::{Options, SignIn, Stack};
use emulator::die_with_parent;
use emulator::process::Launcher;
use emulator::project;
use emulator::terminal;

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
    #[command(name = die_with_parent::SUBCOMMAND, hide = true)]
    DieWithParent {
        parent: u32,
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
}

impl Cli {
    /// Runs the command.
    pub fn run(self) -> ExitCode {
        if let Some(Sub::DieWithParent { parent, command }) = &self.command {
            return failed(die_with_parent::exec(*parent, command));
        }
        let current = std::env::current_dir().unwrap_or_default();
        let root = project::find_root(&current);
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
            launcher: Launcher::DieWithParent,
            binaries: None,
        };
        match tokio::runtime::Runtime::new() {
            Ok(runtime) => runtime.block_on(serve(options, &current)),
            Err(problem) => failed(problem),
        }
    }
}

async fn serve(options: Options, current: &Path) -> ExitCode {
    let begun = Instant::now();
    let mut stop = match StopSignals::listen() {
        Ok(stop) => stop,
        Err(problem) => return failed(problem),
    };
    let stack = tokio::select! {
        started = Stack::start(options) => match started {
            Ok(stack) => stack,
            Err(problem) => return failed(problem),
        },
        // Dropping an unfinished start ends what it has started.
        () = stop.requested() => return ExitCode::SUCCESS,
    };
    let ready = begun.elapsed().as_secs_f64();
    let summary = stack.summary(current);
    if print(&format!("{summary}\nReady in {ready:.1} s. Ctrl-C stops it.")) != ExitCode::SUCCESS {
        return ExitCode::FAILURE;
    }
    stop.requested().await;
    terminal::say("stopping");
    tokio::select! {
        () = stack.stop() => {}
        // A second Ctrl-C does not wait.
        () = stop.requested() => {}
    }
    ExitCode::SUCCESS
}

/// The signals that end the stack: Ctrl-C, `kill`, and a closed terminal.
struct StopSignals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

impl StopSignals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn requested(&mut self) {
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
    fn arguments_that_need_or_exclude_each_other_are_checked() {
        Cli::command().debug_assert();
        assert!(Cli::try_parse_from(["local", "--ephemeral", "--data", "x"]).is_err());
        let cli = Cli::try_parse_from(["local", "--port", "0", "--ephemeral"]).unwrap();
        assert!(cli.ephemeral && cli.port == 0 && cli.data.is_none());
        let issuer = ["local", "--jwt-issuer", "https://id.test"];
        assert!(Cli::try_parse_from(issuer).is_err(), "without audience and keys");
        assert!(Cli::try_parse_from(["local", "--jwks", "keys.json"]).is_err());
        let cli = Cli::try_parse_from(["local", "die-with-parent", "7", "--", "a", "--b"]).unwrap();
        assert!(matches!(cli.command, Some(Sub::DieWithParent { parent: 7, .. })));
    }
}
