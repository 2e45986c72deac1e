//! The Lambda of `/ and of whatever nothing else answers`.

use shared::config::Config;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let config = Config::from_env()?;
    shared::logging::to_stdout(config.log_level);
    shared::http::serve(&config, docs::router()).await
}
