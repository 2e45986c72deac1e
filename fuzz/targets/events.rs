//! Events of API Gateway, as JSON, through `shared::http::lambda`.
//!
//! What only the gateway writes is written anew: no client can say that.
#![no_main]

use std::sync::LazyLock;

use axum::Router;
use libfuzzer_sys::fuzz_target;

static ROUTER: LazyLock<Router> = LazyLock::new(fuzz::routes::router);

fuzz_target!(|data: &[u8]| {
    let Ok(event) = serde_json::from_slice(data) else { return };
    if let Some(event) = fuzz::gateway::as_the_gateway_sends(event) {
        fuzz::gateway::ask_ours(&ROUTER, &event);
    }
});
