//! Whether an owner may ask at all now: where requests and what is counted of them meet.

use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;

use crate::domain::Owner;
use crate::error::Error;
use crate::store::Store;

/// How long a request may be held up by being counted: what it does afterwards has the rest of its
/// time.
const ADMISSION_TIME: Duration = Duration::from_secs(1);

/// `router` for owners who keep within their requests a second, by what `store` counts. Nothing of
/// a request is read before.
pub fn rate_limit(router: Router, store: &Store) -> Router {
    router.route_layer(from_fn_with_state(store.clone(), admit))
}

async fn admit(
    State(store): State<Store>,
    owner: Owner,
    request: Request,
    next: Next,
) -> Result<Response, Error> {
    let admitted = tokio::time::timeout(ADMISSION_TIME, store.admit(&owner)).await;
    admitted.map_err(|_| Error::Unavailable("counting a request: out of time".into()))??;
    Ok(next.run(request).await)
}
