//! Cross-origin resource sharing: which origins may read responses in a browser.
//!
//! `docs/decisions/050-libraries-for-http.md` says why this is not `tower-http`'s.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

/// The CORS rules of an API.
///
/// Responses to an allowed origin repeat it and allow credentials, which excludes wildcards. Responses
/// to any other origin have no `Access-Control-*` header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cors {
    /// Allowed origins, as browsers send them: `http://localhost:3000`.
    pub origins: Vec<String>,
    /// Allowed methods.
    pub methods: Vec<String>,
    /// Allowed request headers.
    pub request_headers: Vec<String>,
    /// Response headers that scripts may read.
    pub exposed_headers: Vec<String>,
    /// How long a browser may cache a preflight response, in seconds.
    pub max_age: u32,
}

impl Cors {
    /// The rules of this API. Only the origins are configurable.
    ///
    /// API Gateway's rules in `template.yaml` must be equal; a test compares them.
    pub fn for_origins(origins: Vec<String>) -> Self {
        let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        Self {
            origins,
            methods: owned(&["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]),
            request_headers: owned(&[
                "Content-Type",
                "Authorization",
                "Idempotency-Key",
                "If-Match",
                "If-None-Match",
                "X-Api-Key",
            ]),
            exposed_headers: owned(&[
                "Location",
                "Link",
                "ETag",
                "Idempotency-Replayed",
                "Retry-After",
                "Allow",
                "X-Execution-Id",
                "WWW-Authenticate",
            ]),
            max_age: 3600,
        }
    }

    /// Sets the CORS headers of a response that is not a preflight's, and replaces those of a user's
    /// function.
    pub fn apply(&self, request: &HeaderMap, response: &mut HeaderMap) {
        for name in [
            ACCESS_CONTROL_ALLOW_ORIGIN,
            ACCESS_CONTROL_ALLOW_CREDENTIALS,
            ACCESS_CONTROL_EXPOSE_HEADERS,
        ] {
            response.remove(name);
        }
        let varies = response
            .get_all(VARY)
            .iter()
            .any(|v| v.as_bytes().eq_ignore_ascii_case(ORIGIN.as_str().as_bytes()));
        if !varies {
            response.append(VARY, HeaderValue::from_static("Origin"));
        }
        if let Some(origin) = self.allowed(request) {
            response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            response.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
            insert_list(response, ACCESS_CONTROL_EXPOSE_HEADERS, &self.exposed_headers);
        }
    }

    /// Sets the CORS headers of a preflight response.
    pub fn apply_preflight(&self, request: &HeaderMap, response: &mut HeaderMap) {
        self.apply(request, response);
        response.remove(ACCESS_CONTROL_EXPOSE_HEADERS);
        if self.allowed(request).is_some() {
            insert_list(response, ACCESS_CONTROL_ALLOW_METHODS, &self.methods);
            insert_list(response, ACCESS_CONTROL_ALLOW_HEADERS, &self.request_headers);
            response.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(self.max_age));
        }
    }

    fn allowed(&self, request: &HeaderMap) -> Option<HeaderValue> {
        let origin = request.get(ORIGIN)?;
        self.origins
            .iter()
            .any(|allowed| allowed.as_bytes() == origin.as_bytes())
            .then(|| origin.clone())
    }
}

/// Whether a request is a CORS preflight. `OPTIONS` alone isn't.
pub(super) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

fn insert_list(headers: &mut HeaderMap, name: HeaderName, values: &[String]) {
    // Only a broken configuration makes an invalid value. Without the header, browsers refuse access.
    if let Ok(value) = HeaderValue::from_str(&values.join(",")) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(origin: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(ORIGIN, HeaderValue::from_static(origin))])
    }

    #[test]
    fn an_allowed_origin_is_repeated_with_credentials() {
        let cors = Cors::for_origins(vec!["http://localhost:3000".into()]);
        let mut response = HeaderMap::new();
        cors.apply(&request("http://localhost:3000"), &mut response);
        assert_eq!(response[ACCESS_CONTROL_ALLOW_ORIGIN], "http://localhost:3000");
        assert_eq!(response[ACCESS_CONTROL_ALLOW_CREDENTIALS], "true");
        assert_eq!(response[VARY], "Origin");
        assert!(!response.contains_key(ACCESS_CONTROL_ALLOW_METHODS));
    }

    #[test]
    fn responses_to_other_origins_have_no_cors_headers() {
        let cors = Cors::for_origins(vec!["http://localhost:3000".into()]);
        for origin in ["http://localhost:30000", "http://evil.example", "null"] {
            let mut response = HeaderMap::new();
            response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            cors.apply_preflight(&request(origin), &mut response);
            assert_eq!(response.len(), 1, "only Vary: {response:?}");
            assert_eq!(response[VARY], "Origin");
        }
    }

    #[test]
    fn a_preflight_response_has_methods_headers_and_max_age() {
        let cors = Cors::for_origins(vec!["http://localhost:3000".into()]);
        let mut response = HeaderMap::new();
        cors.apply_preflight(&request("http://localhost:3000"), &mut response);
        assert_eq!(response[ACCESS_CONTROL_MAX_AGE], "3600");
        let methods = response[ACCESS_CONTROL_ALLOW_METHODS].to_str().expect("ASCII");
        assert!(methods.split(',').any(|m| m == "PATCH"), "{methods}");
        let headers = response[ACCESS_CONTROL_ALLOW_HEADERS].to_str().expect("ASCII");
        assert!(headers.split(',').any(|h| h == "Content-Type"), "{headers}");
    }
}
