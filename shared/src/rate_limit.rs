//! The limit of requests per second and owner.

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use tokio::time::timeout;

use crate::domain::Owner;
use crate::error::Error;
use crate::store::Store;

/// `router` with a limit of requests per second for each owner. A request is counted in `store` before
/// its body is read.
pub fn per_owner(router: Router, store: &Store) -> Router {
    router.route_layer(from_fn_with_state(store.clone(), count))
}

async fn count(
    State(store): State<Store>,
    owner: Owner,
    request: Request,
    next: Next,
) -> Result<Response, Error> {
    let admitted = timeout(store.time_budget().admission, store.admit(&owner)).await;
    admitted.map_err(|_| Error::Unavailable("counting a request: out of time".into()))??;
    Ok(next.run(request).await)
}
