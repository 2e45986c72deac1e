//! Routes of the health check and the documentation, and the default route.

mod health;
mod openapi;
mod pages;

use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use shared::engine::Engine;
use shared::http::CommonErrors;
use shared::store::Store;
use utoipa::{OpenApi, ToSchema};

use health::{Health, Services};

/// The routes of this Lambda.
pub fn router(store: Store, engine: Engine) -> Router {
    Router::new()
        .route("/", get(root))
        .route("/health", get(health::health))
        .route("/openapi.json", get(openapi::document))
        .route("/docs", get(pages::swagger_ui))
        .route("/docs/{file}", get(pages::asset))
        .route("/redoc", get(pages::redoc))
        .with_state(Services { store, engine })
}

/// The OpenAPI description of these routes and of the API as a whole. The pages are not part of it.
#[derive(Debug, OpenApi)]
#[openapi(
    info(title = "FaaS Backend", description = ABOUT, license(name = "MIT", identifier = "MIT")),
    servers((url = "/")),
    tags(
        (name = "Workspaces", description = "Where a team keeps its functions."),
        (name = "Functions", description = "Python functions, deployed as they are changed."),
        (name = "Invocation keys", description = "Secrets that open a function whose `auth` is `key`."),
        (name = "Invocations", description = "Calling functions."),
        (name = "Logs", description = "What came of each execution."),
        (name = "Builds", description = "Sources that the console builds and deploys."),
        (name = "Service", description = "The API itself."),
    ),
    paths(root, health::health),
    components(schemas(Root, Health)),
)]
pub struct Description;

/// The description of the API.
const ABOUT: &str = "\
A control plane for functions: put Python functions into workspaces, call them by URL, and read \
their executions, logs and 24-hour figures.

- Bodies are JSON in UTF-8. Unknown fields are ignored. Times are RFC 3339 in UTC.
- Every error has one form, and its message is a sentence for a person; its `requestId` finds the \
request in our log. A method that a path doesn't take is answered with 405 and `Allow`. What API \
Gateway refuses before it reaches the API (429, and 413 over 10 MB) is `{\"message\": \"…\"}` instead.
- A list without `limit` is as long as one answer can carry. Where more follows, a `Link` header \
with `rel=\"next\"` leads on.
- A single resource comes with an `ETag`. With `If-Match`, a change is refused with 412 if somebody \
else was faster.
- A slash at the end of a path is the same resource; `HEAD` answers as `GET` without the body.";

/// Name and version of the API.
#[derive(Serialize, ToSchema)]
struct Root {
    /// Always `ok`.
    status: &'static str,
    /// The API's name.
    service: &'static str,
    /// The version that answers.
    version: &'static str,
}

/// Which API is this?
///
/// Its name and version.
#[utoipa::path(
    get, path = "/", operation_id = "getRoot", tag = "Service",
    responses((status = 200, description = "Name and version.", body = Root), CommonErrors),
)]
async fn root() -> Json<Root> {
    Json(Root { status: "ok", service: "FaaS Backend", version: env!("CARGO_PKG_VERSION") })
}
