//! The Lambda of `/`, `/health`, the documentation, and the default route.

use shared::config::Config;
use shared::engine::Engine;
use shared::store::Store;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let config = Config::from_env()?;
    shared::logging::to_stdout(&config);
    let aws = shared::aws::load(&config);
    let router = docs::router(Store::new(&aws, &config), Engine::new(&aws, &config));
    shared::http::serve(&config, router).await
}
