//! The Lambda of `…/invoke` and of functions' public URLs.

use invocations::Invoker;
use shared::config::Config;
use shared::engine::Engine;
use shared::store::Store;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let config = Config::from_env()?;
    shared::logging::to_stdout(&config);
    let aws = shared::aws::load(&config);
    let invoker = Invoker::new(Store::new(&aws, &config), Engine::new(&aws, &config), &config);
    shared::http::serve(&config, invocations::router(invoker)).await
}
