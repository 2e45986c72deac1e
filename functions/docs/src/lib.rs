//! What the API says of itself, and the answer to whatever no other Lambda takes.

use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

/// The routes of this Lambda.
pub fn router() -> Router {
    Router::new().route("/", get(root)).route("/health", get(health))
}

async fn root() -> Json<Value> {
    Json(json!({
        "status": "ok",
        "service": "FaaS Backend",
        "version": env!("CARGO_PKG_VERSION"),
    }))
}

async fn health() -> Json<Value> {
    Json(json!({ "status": "healthy" }))
}
