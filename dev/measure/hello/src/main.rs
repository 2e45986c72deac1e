//! The least that a Lambda in Rust can be, which ours are measured against.

use lambda_http::{Error, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(async |_| Ok::<_, Error>("hello"))).await
}
