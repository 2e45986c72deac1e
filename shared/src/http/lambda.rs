//! A router as an AWS Lambda behind API Gateway.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::middleware::{from_fn, from_fn_with_state};
use http::{Method, StatusCode, Uri};
use lambda_http::lambda_runtime::{self, LambdaEvent};
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, Service};
use serde::Serialize;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::normalize_path::NormalizePathLayer;

use super::gateway_response::GatewayResponse;
use super::{error, middleware, path, request_metrics};
use crate::config::Config;
use crate::error::Error;

/// Serves `router` until AWS Lambda ends the process.
///
/// # Errors
/// Where the Lambda Runtime API can't be reached.
pub async fn serve(config: &Config, router: Router) -> Result<(), lambda_http::Error> {
    lambda_runtime::run(lambda(config, router)).await
}

/// `router` as a Lambda: takes API Gateway events of payload format 2.0, and returns its responses.
///
/// All responses have the API's error form and CORS headers, including 404, 405 and panics.
pub fn lambda(
    config: &Config,
    router: Router,
) -> impl Service<
    LambdaEvent<LambdaRequest>,
    Response = impl Serialize + use<>,
    Error = std::convert::Infallible,
    Future: Send,
> + use<> {
    let settings = Arc::new(middleware::Settings::new(config));
    let router = router
        .route_layer(from_fn(request_metrics::record_route))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed);
    let app = ServiceBuilder::new()
        .map_response(GatewayResponse)
        .map_request(|request: lambda_http::Request| request.map(Body::new))
        .layer(from_fn_with_state(settings, middleware::handle))
        .layer(CatchPanicLayer::custom(error::panicked))
        .layer(NormalizePathLayer::trim_trailing_slash())
        .service(router);
    ServiceBuilder::new().map_request(sanitize).service(Adapter::from(app))
}

async fn not_found(uri: Uri) -> Error {
    Error::NotFound(format!("there is nothing at {}", uri.path()))
}

/// The router adds `Allow` to either response.
async fn method_not_allowed(method: Method) -> Result<StatusCode, Error> {
    if method == Method::OPTIONS {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(Error::MethodNotAllowed(format!(
        "{method} is not a method of this path; Allow lists those"
    )))
}

/// Changes what `lambda_http` cannot make a URL of: it would panic.
fn sanitize(mut event: LambdaEvent<LambdaRequest>) -> LambdaEvent<LambdaRequest> {
    if let LambdaRequest::ApiGatewayV2(request) = &mut event.payload {
        if let Some(path) = &mut request.raw_path {
            *path = path::encode_path(path);
        }
        if let Some(query) = &mut request.raw_query_string {
            *query = path::encode_query(query);
        }
        let scheme = request.headers.get("x-forwarded-proto").map(|value| value.as_bytes());
        if !matches!(scheme, None | Some(b"http" | b"https")) {
            request.headers.remove("x-forwarded-proto");
        }
    }
    event
}
