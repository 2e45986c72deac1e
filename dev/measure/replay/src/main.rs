//! `replay FILE WHAT TIMES` sends the request WHAT of FILE so many times. The difference between
//! two numbers of times is what requests alone take, without the start of the process.

use std::error::Error;

use replay::{RecordedRequest, Replay};
use shared::config::Config;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, what, times] = &arguments[..] else { return Err("replay FILE WHAT TIMES".into()) };
    let times: u64 = times.parse()?;
    let all: Vec<RecordedRequest> = serde_json::from_str(&std::fs::read_to_string(file)?)?;
    let request = all.iter().find(|request| request.what == *what);
    let request = request.ok_or_else(|| format!("{file} has no request {what}"))?;
    let config = Config::from_env()?;
    shared::logging::to_stdout(&config);
    Replay::new(&config, request).run(times).await;
    Ok(())
}
