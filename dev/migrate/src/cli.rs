//! The command line of `cargo migrate`.

use std::io::{self, Write};

use clap::Parser;
use clap::builder::NonEmptyStringValueParser;
use shared::config::Config;
use shared::domain::Owner;
use shared::store::Store;

use crate::{Migration, Options, Report};

/// Brings a table of the legacy backend to the present form. TABLE_NAME names the table, as for
/// the Lambdas.
#[derive(Debug, Parser)]
#[command(name = "cargo migrate", bin_name = "cargo migrate")]
pub struct Cli {
    /// Report what would be done, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// The subject (`sub`) of the owner's tokens. The owner of a workspace can't be changed later.
    #[arg(long, value_name = "SUBJECT", value_parser = NonEmptyStringValueParser::new())]
    #[arg(required_unless_present_any = ["anonymous", "dry_run"])]
    owner: Option<String>,
    /// The owner is `anonymous`, for an API without sign-in.
    #[arg(long, conflicts_with = "owner")]
    anonymous: bool,
    /// Days from now that logs are kept [default: EXECUTION_LOG_DAYS, else 30].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=3653))]
    log_days: Option<u32>,
}

impl Cli {
    /// Runs the command, and prints the report.
    ///
    /// # Errors
    /// If the environment is incomplete, the table can't be read, or stdout is closed.
    pub async fn run(self) -> Result<Report, Box<dyn std::error::Error>> {
        let config = Config::from_env()?;
        let options = Options {
            dry_run: self.dry_run,
            owner: self.owner.map_or_else(Owner::anonymous, |subject| Owner::of_subject(&subject)),
            log_days: self.log_days.unwrap_or(config.execution_log_days),
        };
        let aws = shared::aws::load(&config);
        let dynamodb = aws_sdk_dynamodb::Client::new(&aws);
        let store = Store::new(&aws, &config);
        let report = Migration::new(store, dynamodb, &config.table, options).run().await?;
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{}", report.to_string().trim_end())?;
        stdout.flush()?;
        Ok(report)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_required_unless_anonymous_or_dry_run() {
        let parsed = |arguments: &[&str]| {
            Cli::try_parse_from([&["migrate"], arguments].concat()).map_err(|e| e.kind())
        };
        assert!(parsed(&["--owner", ""]).is_err());
        assert!(parsed(&["--log-days", "0", "--anonymous"]).is_err());
        assert!(parsed(&[]).is_err());
        assert!(parsed(&["--anonymous"]).is_ok());
        let dry = parsed(&["--dry-run"]).unwrap();
        assert!(dry.dry_run && dry.owner.is_none());
    }
}
