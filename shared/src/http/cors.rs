//! Cross-origin rules: who may read our answers from a browser.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ORIGIN,
    VARY,
};
use http::{HeaderMap, HeaderValue};

/// The cross-origin rules of one API.
///
/// An allowed origin is echoed with credentials, so a wildcard can't be said;
/// any other origin gets no cross-origin header at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cors {
    /// Origins that may read answers, as browsers send them: `http://localhost:3000`.
    pub origins: Vec<String>,
    /// Methods that a preflight allows.
    pub methods: Vec<String>,
    /// Request headers that a preflight allows.
    pub request_headers: Vec<String>,
    /// Response headers that a page's script may read.
    pub exposed_headers: Vec<String>,
    /// For how many seconds a browser may remember a preflight.
    pub max_age: u32,
}

impl Cors {
    /// What every Lambda of this API answers with; only the origins are configuration.
    ///
    /// `template.yaml` says the same to API Gateway, and a test compares the two.
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

    /// Puts the headers of an ordinary answer on `response`, replacing any that stand there.
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

    /// Puts the headers of a preflight's answer on `response`.
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

fn insert_list(headers: &mut HeaderMap, name: http::HeaderName, values: &[String]) {
    // A list that can't be a header value would come from a broken
    // configuration; it is left out, and the browser then refuses to share.
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
    fn an_allowed_origin_is_echoed_with_credentials() {
        let cors = Cors::for_origins(vec!["http://localhost:3000".into()]);
        let mut response = HeaderMap::new();
        cors.apply(&request("http://localhost:3000"), &mut response);
        assert_eq!(response[ACCESS_CONTROL_ALLOW_ORIGIN], "http://localhost:3000");
        assert_eq!(response[ACCESS_CONTROL_ALLOW_CREDENTIALS], "true");
        assert_eq!(response[VARY], "Origin");
        assert!(!response.contains_key(ACCESS_CONTROL_ALLOW_METHODS));
    }

    #[test]
    fn a_foreign_origin_gets_nothing_and_loses_what_stood_there() {
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
    fn a_preflight_names_methods_headers_and_an_age() {
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
