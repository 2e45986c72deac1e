//! The Lambda of `/api/v1`: builds, their tasks, and their deployment.

use shared::config::Config;
use shared::store::Store;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let config = Config::from_env()?;
    shared::logging::to_stdout(&config);
    let store = Store::new(&shared::aws::load(&config), &config);
    shared::http::serve(&config, builds::router(store)).await
}
