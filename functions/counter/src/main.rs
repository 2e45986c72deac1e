//! The counter's Lambda.

use counter::Counter;
use lambda_runtime::{LambdaEvent, service_fn};
use shared::config::Config;
use shared::store::Store;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = Config::from_env()?;
    shared::logging::to_stdout(&config);
    let counter = Counter::new(Store::new(&shared::aws::load(&config), &config));
    let handle = |event: LambdaEvent<_>| counter.handle(event.payload);
    lambda_runtime::run(service_fn(handle)).await
}
