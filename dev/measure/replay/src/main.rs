//! Asks a recorded request again and again: `replay FILE WHAT TIMES`. What this takes, less what
//! fewer times take, is what requests alone take.

use std::error::Error;

use replay::{Player, StreamRecord};
use shared::config::Config;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, what, times] = &arguments[..] else { return Err("replay FILE WHAT TIMES".into()) };
    let times: u64 = times.parse()?;
    let all: Vec<StreamRecord> = serde_json::from_str(&std::fs::read_to_string(file)?)?;
    let recorded = all.iter().find(|one| one.what == *what);
    let recorded = recorded.ok_or_else(|| format!("{file} has no request {what}"))?;
    let config = Config::from_env()?;
    shared::logging::to_stdout(&config);
    Player::new(&config, recorded).play(times).await;
    Ok(())
}
