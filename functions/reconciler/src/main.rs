//! The reconciler's Lambda.

use lambda_runtime::{LambdaEvent, service_fn};
use reconciler::Reconciler;
use shared::config::Config;
use shared::engine::Engine;
use shared::store::Store;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = Config::from_env()?;
    shared::logging::to_stdout(&config);
    let aws = shared::aws::load(&config);
    let reconciler = Reconciler::new(Store::new(&aws, &config), Engine::new(&aws, &config));
    let handle = |event: LambdaEvent<_>| reconciler.handle(event.payload, event.context.deadline());
    lambda_runtime::run(service_fn(handle)).await
}
