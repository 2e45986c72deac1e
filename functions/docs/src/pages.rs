//! The two pages that show the document, and what they load: all of it is ours.

use std::io::Read;

use axum::response::{Html, IntoResponse, Response};
use flate2::read::GzDecoder;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue};
use shared::error::Error;
use shared::http::Path;

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// A file that a page loads.
struct Asset {
    /// Its name, with a part that tells its contents.
    name: &'static str,
    gzip: &'static [u8],
}

/// Nothing from anywhere else, and nothing inline but styles: both libraries make
/// those as they go. ReDoc's search runs in a worker that it makes of a blob.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
                      img-src 'self' data:; font-src data:; connect-src 'self'; \
                      worker-src blob:; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// Swagger UI.
pub(crate) async fn docs() -> Response {
    page(include_str!(concat!(env!("OUT_DIR"), "/docs.html")))
}

/// ReDoc.
pub(crate) async fn redoc() -> Response {
    page(include_str!(concat!(env!("OUT_DIR"), "/redoc.html")))
}

fn page(html: &'static str) -> Response {
    let headers = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (CACHE_CONTROL, "no-cache"),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, Html(html)).into_response()
}

/// What a page loads. Its name changes with its contents, so it may be kept for good.
pub(crate) async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, Error> {
    let asset = ASSETS.iter().find(|asset| asset.name == name);
    let asset = asset.ok_or_else(|| Error::NotFound("the pages have no such file".into()))?;
    let kind = if name.ends_with(".css") { "text/css" } else { "text/javascript" };
    let described = [
        (CONTENT_TYPE, HeaderValue::from_static(kind)),
        (CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
        (VARY, HeaderValue::from_static("Accept-Encoding")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    if takes_gzip(&headers) {
        return Ok((described, [(CONTENT_ENCODING, "gzip")], asset.gzip).into_response());
    }
    let mut plain = Vec::new();
    GzDecoder::new(asset.gzip).read_to_end(&mut plain).map_err(Error::internal)?;
    Ok((described, plain).into_response())
}

/// Whether an `Accept-Encoding` names gzip, and not to refuse it.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let refused = |part: &str| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000");
        parts.next() == Some("gzip") && !parts.any(refused)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_to_who_takes_it() {
        let takes = |value: &'static str| {
            takes_gzip(&HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(value))]))
        };
        for value in ["gzip", "br, gzip;q=0.8", "gzip;q=1.0"] {
            assert!(takes(value), "{value}");
        }
        for value in ["", "br", "identity", "gzip;q=0", "br, gzip; q=0.0", "xgzip"] {
            assert!(!takes(value), "{value}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }
}
