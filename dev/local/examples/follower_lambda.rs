//! A Lambda for the tests of `local` that follows the table's stream: it writes
//! down what it is given, a line of JSON for each invocation.

use std::io::Write;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(follow)).await
}

async fn follow(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let file = std::env::var_os("WRITE_TO").ok_or("WRITE_TO is not set")?;
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(file)?;
    writeln!(file, "{}", event.payload)?;
    Ok(json!({"batchItemFailures": []}))
}
