//! The Lambda that resolves and installs packages.

use std::convert::Infallible;

use builder::{Answer, Builder, Request, Settings};
use lambda_runtime::{LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let builder = Builder::new(Settings::from_env());
    let handle = async |event: LambdaEvent<Request>| -> Result<Answer, Infallible> {
        Ok(builder.handle(event.payload).await.unwrap_or_else(|failure| end(&failure)))
    };
    lambda_runtime::run(service_fn(handle)).await
}

/// It may be that a process of the build goes on. Lambda starts the next build in a new environment.
#[expect(clippy::print_stderr, reason = "it is the Lambda's log")]
fn end(failure: &builder::Failure) -> ! {
    eprintln!("{failure}");
    std::process::exit(1)
}
