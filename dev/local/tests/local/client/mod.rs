//! HTTP as the console speaks it.

use bytes::Bytes;
use http::{Method, Request, Response, request};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// One of the origins that are allowed unless something else is said.
pub(crate) const ORIGIN: &str = "http://localhost:3000";

/// Sends a request of the console.
pub(crate) async fn send(method: Method, url: &str, body: impl Into<Bytes>) -> Response<Bytes> {
    let request = Request::builder().method(method).uri(url).header("Origin", ORIGIN);
    sent(request.header("Content-Type", "application/json"), body).await
}

/// Sends any request.
pub(crate) async fn sent(request: request::Builder, body: impl Into<Bytes>) -> Response<Bytes> {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let response = client.request(request.body(Full::new(body.into())).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    Response::from_parts(parts, body.collect().await.unwrap().to_bytes())
}

/// The body, parsed.
pub(crate) fn json(response: &Response<Bytes>) -> Value {
    serde_json::from_slice(response.body()).unwrap()
}
