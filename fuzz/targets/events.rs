//! Events of API Gateway in JSON, through `shared::http::lambda`.
//!
//! Fields that only the gateway sets are replaced: no client can choose them.
#![no_main]

use std::sync::LazyLock;

use axum::Router;
use libfuzzer_sys::fuzz_target;

static ROUTER: LazyLock<Router> = LazyLock::new(fuzz::routes::router);

fuzz_target!(|data: &[u8]| {
    let Ok(event) = serde_json::from_slice(data) else { return };
    if let Some(event) = fuzz::gateway::with_gateway_fields(event) {
        fuzz::gateway::send_to_routes(&ROUTER, &event);
    }
});
