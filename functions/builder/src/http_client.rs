//! The two requests that the builder sends itself.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::http::{Request, Response};
use aws_smithy_types::body::SdkBody;
use http_body_util::BodyExt;
use tokio::time::timeout;

/// How long a request may take with its body: some 50 MB at 1 MB a second.
const LIMIT: Duration = Duration::from_secs(60);

/// The body that a GET is answered with.
///
/// # Errors
/// What went wrong, without the URL.
pub(crate) async fn get(url: &str) -> Result<Vec<u8>, String> {
    let request = http::Request::get(url).body(SdkBody::empty());
    let response = send(request).await?;
    if !response.status().is_success() {
        return Err(format!("the answer has the status {}", response.status()));
    }
    let body = timeout(LIMIT, response.into_body().collect()).await;
    let body = body.map_err(|_| "the answer takes too long".to_owned())?;
    body.map(|body| body.to_bytes().to_vec()).map_err(|e| sources(e.as_ref()))
}

/// Sends a PUT. A body of known length goes with `content-length`.
///
/// # Errors
/// What went wrong, without the URL, which may hold a signature.
pub(crate) async fn put(
    url: &str,
    headers: &BTreeMap<String, String>,
    body: Vec<u8>,
) -> Result<(), String> {
    let mut request = http::Request::put(url).header(http::header::CONTENT_LENGTH, body.len());
    let others = headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("content-length"));
    for (name, value) in others {
        request = request.header(name, value);
    }
    let response = send(request.body(SdkBody::from(body))).await?;
    if response.status().is_success() {
        return Ok(());
    }
    Err(format!("the store answers with the status {}", response.status()))
}

async fn send(request: Result<http::Request<SdkBody>, http::Error>) -> Result<Response, String> {
    let request = request.map_err(|e| sources(&e))?;
    let request = Request::try_from(request).map_err(|e| sources(&e))?;
    // A process sends one or two requests in its life, so that it keeps no client.
    let connector = Connector::builder().tls_provider(Provider::Rustls(CryptoMode::Ring)).build();
    let response = timeout(LIMIT, connector.call(request)).await;
    let response = response.map_err(|_| "there is no answer in time".to_owned())?;
    response.map_err(|e| sources(&e))
}

/// An error and those that caused it.
fn sources(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
