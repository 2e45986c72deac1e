//! From an API Gateway event to a handler, and from what came of it to an answer.

mod base;
mod body;
pub mod cors;
mod description;
mod error;
mod etag;
mod gateway_response;
mod idempotency;
mod middleware;
mod owner;
mod page;
mod path;
mod resource;
mod size;
mod version;

use std::any::Any;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode, Uri};
use lambda_http::lambda_runtime::{self, LambdaEvent};
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, Service};
use serde::Serialize;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::normalize_path::NormalizePathLayer;

use self::cors::Cors;
use self::owner::SignIn;
use crate::config::Config;
use crate::error::Error;

pub use base::BaseUrl;
pub use body::MAX_BODY_BYTES;
pub use description::{
    BodyErrors, CommonErrors, IdempotencyErrors, OfCall, OfUrl, OwnerErrors, PathErrors,
    QueryErrors, QuotaErrors, VersionErrors, errors as described_errors,
};
pub use error::{ErrorBody, status_of};
pub use etag::{IfNoneMatch, Unchanged, tagged};
pub use gateway_response::UserResponse;
pub use idempotency::{IdempotentJson, intent, replayed};
pub use middleware::RequestStart;
pub use page::{Array, ListQuery, described_link, log_filter, parameters_of_list};
pub use path::Path;
pub use resource::{CreatedResponse, WithEtag};
pub use size::{RESPONSE_CAPACITY, fits_into_response};
pub use version::IfMatch;

/// Answers Lambda's invocations with `router` until Lambda ends the process.
///
/// # Errors
/// Where the Lambda Runtime API can't be reached.
pub async fn serve(config: &Config, router: Router) -> Result<(), lambda_http::Error> {
    lambda_runtime::run(lambda(config, router)).await
}

/// `router` as a Lambda: an API Gateway event of payload 2.0 in, its answer out.
///
/// Every answer has the contract's error form and cross-origin headers,
/// whatever part of this made it.
pub fn lambda(
    config: &Config,
    router: Router,
) -> impl Service<
    LambdaEvent<LambdaRequest>,
    Response = impl Serialize + use<>,
    Error = std::convert::Infallible,
    Future: Send,
> + use<> {
    let cors = Arc::new(Cors::for_origins(config.allowed_origins.clone()));
    let sign_in = SignIn(config.sign_in);
    let router = router
        .route_layer(from_fn(middleware::remember_route))
        .fallback(nothing_here)
        .method_not_allowed_fallback(other_method);
    let app = ServiceBuilder::new()
        .map_response(gateway_response::GatewayResponse)
        .map_request(|request: lambda_http::Request| request.map(Body::new))
        .map_request(move |mut request: axum::extract::Request| {
            request.extensions_mut().insert(sign_in);
            request
        })
        .layer(from_fn_with_state(cors, middleware::surround))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(NormalizePathLayer::trim_trailing_slash())
        .service(router);
    ServiceBuilder::new().map_request(with_encoded_path).service(Adapter::from(app))
}

async fn nothing_here(uri: Uri) -> Error {
    Error::NotFound(format!("there is nothing at {}", uri.path()))
}

/// The router adds `Allow` to either answer.
async fn other_method(method: Method) -> Result<StatusCode, Error> {
    if method == Method::OPTIONS {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(Error::MethodNotAllowed(format!(
        "{method} is not a method of this path; Allow lists those"
    )))
}

/// A panic is a fault of ours. Its message is in our log, by the panic hook.
fn panicked(_: Box<dyn Any + Send>) -> Response {
    Error::internal("a handler panicked").into_response()
}

fn with_encoded_path(mut event: LambdaEvent<LambdaRequest>) -> LambdaEvent<LambdaRequest> {
    if let LambdaRequest::ApiGatewayV2(request) = &mut event.payload {
        if let Some(path) = &mut request.raw_path {
            *path = path::encoded_path(path);
        }
        if let Some(query) = &mut request.raw_query_string {
            *query = path::encoded_query(query);
        }
        // lambda_http makes a URL of this, and panics where that is none.
        let scheme = request.headers.get("x-forwarded-proto").map(|value| value.as_bytes());
        if !matches!(scheme, None | Some(b"http" | b"https")) {
            request.headers.remove("x-forwarded-proto");
        }
    }
    event
}
