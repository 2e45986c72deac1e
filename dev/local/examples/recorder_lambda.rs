//! A Lambda for the tests of `local` with an event source mapping: it writes
//! each event as a line of JSON.

use std::io::Write;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(record)).await
}

async fn record(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let file = std::env::var_os("WRITE_TO").ok_or("WRITE_TO is not set")?;
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(file)?;
    writeln!(file, "{}", event.payload)?;
    Ok(json!({"batchItemFailures": []}))
}
