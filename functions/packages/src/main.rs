//! The Lambda that has the packages of functions installed.

use lambda_runtime::{LambdaEvent, service_fn};
use packages::Packages;
use shared::config::Config;
use shared::engine::Engine;
use shared::store::Store;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = Config::from_env()?;
    shared::logging::to_stdout(&config);
    let aws = shared::aws::load(&config);
    let packages = Packages::new(Store::new(&aws, &config), Engine::new(&aws, &config));
    // The error goes to Lambda alone, which repeats the event.
    let handle = async |event: LambdaEvent<_>| {
        packages.handle(event.payload).await.map_err(|error| error.causes())
    };
    lambda_runtime::run(service_fn(handle)).await
}
