//! A Lambda for the tests of `local`, controlled by its events.

use std::path::Path;
use std::time::Duration;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    if std::env::var_os("REFUSE_TO_START").is_some() {
        return Err("this one was told not to start".into());
    }
    lambda_runtime::run(service_fn(answer)).await
}

async fn answer(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let mut payload = event.payload;
    // Over HTTP the command is the body of the event.
    let body = payload["body"].as_str().and_then(|body| serde_json::from_str::<Value>(body).ok());
    if let Some(command) = body.filter(|body| body["do"].is_string()) {
        payload = command;
    }
    match payload["do"].as_str() {
        Some("crash") => std::process::exit(7),
        Some("fail") => Err("told to fail".into()),
        Some("hang") => std::future::pending().await,
        Some("large") => Ok(json!("x".repeat(7_000_000))),
        Some("describe") => Ok(json!({
            "pid": std::process::id(),
            "variables": std::env::vars_os()
                .map(|(name, _)| name.to_string_lossy().into_owned())
                .collect::<Vec<_>>(),
            "requestId": event.context.request_id,
            "arn": event.context.invoked_function_arn,
        })),
        // Writes a file when it begins, and continues when there is a file `go`.
        Some("wait") => {
            let folder = Path::new(payload["folder"].as_str().unwrap_or_default());
            std::fs::write(folder.join(payload["me"].to_string()), "")?;
            while !folder.join("go").exists() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            Ok(json!({"pid": std::process::id()}))
        }
        Some("answer") => Ok(payload["answer"].take()),
        // An HTTP event is returned as the body of a 200.
        _ => Ok(payload),
    }
}
