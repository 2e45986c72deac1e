//! Swagger UI and ReDoc. Both pages load files of this Lambda only.

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
    /// Its name, which contains a hash of its contents.
    name: &'static str,
    gzip: &'static [u8],
}

/// Only files of this host, and no inline code but styles, which both libraries generate. ReDoc's search
/// runs in a worker from a blob.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
                      img-src 'self' data:; font-src data:; connect-src 'self'; \
                      worker-src blob:; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// Swagger UI.
pub(crate) async fn swagger_ui() -> Response {
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

/// A file of a page. Its name changes with its contents, so browsers may cache it forever.
pub(crate) async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, Error> {
    let asset = ASSETS.iter().find(|asset| asset.name == name);
    let asset = asset.ok_or_else(|| Error::NotFound("the pages have no such file".into()))?;
    let content_type = if name.ends_with(".css") { "text/css" } else { "text/javascript" };
    let headers_of_asset = [
        (CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
        (VARY, HeaderValue::from_static("Accept-Encoding")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    if accepts_gzip(&headers) {
        return Ok((headers_of_asset, [(CONTENT_ENCODING, "gzip")], asset.gzip).into_response());
    }
    let mut plain = Vec::new();
    GzDecoder::new(asset.gzip).read_to_end(&mut plain).map_err(Error::internal)?;
    Ok((headers_of_asset, plain).into_response())
}

/// Whether `Accept-Encoding` has gzip, with a quality above 0.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let is_zero = |part: &str| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000");
        parts.next() == Some("gzip") && !parts.any(is_zero)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_where_accept_encoding_has_it() {
        let accepts = |value: &'static str| {
            accepts_gzip(&HeaderMap::from_iter([(
                ACCEPT_ENCODING,
                HeaderValue::from_static(value),
            )]))
        };
        for value in ["gzip", "br, gzip;q=0.8", "gzip;q=1.0"] {
            assert!(accepts(value), "{value}");
        }
        for value in ["", "br", "identity", "gzip;q=0", "br, gzip; q=0.0", "xgzip"] {
            assert!(!accepts(value), "{value}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }
}
