//! A Lambda as a test asks it: with API Gateway's events, and answers to look at.

use std::collections::BTreeMap;

use axum::Router;
use lambda_http::Service;
use lambda_http::lambda_runtime::{Context, LambdaEvent};
use serde_json::{Value, json};
use shared::config::Config;

use crate::permissions::{Permissions, acting_as};
use emulator::project;

/// A Lambda in this process: events in, answers out, without the Runtime API between.
#[derive(Clone, Debug)]
pub struct Lambda {
    name: &'static str,
    config: Config,
    permissions: Permissions,
    router: Router,
}

impl Lambda {
    pub(super) fn new(
        name: &'static str,
        config: Config,
        permissions: Permissions,
        router: Router,
    ) -> Self {
        Self { name, config, permissions, router }
    }

    /// The answer to `event`.
    ///
    /// # Panics
    /// Where the event is none, the answer isn't one that API Gateway takes, or the Lambda's role
    /// lacks a permission: in a test all are its failure.
    pub async fn answer(&self, event: Event) -> Answer {
        let payload = serde_json::from_value(event.0).expect("an API Gateway event");
        let mut lambda = shared::http::lambda(&self.config, self.router.clone());
        let answer = lambda.call(LambdaEvent::new(payload, Context::default()));
        let Ok(answer) = acting_as(self.name, answer).await;
        self.permissions.assert_kept();
        let answer = serde_json::to_value(answer).expect("an answer is JSON");
        Answer::read(&answer)
    }
}

/// An API Gateway event of payload 2.0.
#[derive(Clone, Debug)]
pub struct Event(Value);

impl Event {
    /// The event of `events/{name}.json`.
    ///
    /// # Panics
    /// Where there is no such file, or it isn't JSON.
    pub fn fixture(name: &str) -> Self {
        let path = project::source_root().join("events").join(format!("{name}.json"));
        let text = std::fs::read_to_string(&path)
            .unwrap_or_else(|e| panic!("{} can't be read: {e}", path.display()));
        Self(serde_json::from_str(&text).expect("an event is JSON"))
    }

    /// A request that has no fixture of its own.
    pub fn new(method: &str, path: &str) -> Self {
        Self::fixture("get-workspace").at(path).method(method)
    }

    /// The same at `path`, which may have a query.
    #[must_use]
    pub fn at(mut self, path: &str) -> Self {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        self.0["rawPath"] = json!(path);
        self.0["requestContext"]["http"]["path"] = json!(path);
        self.0["rawQueryString"] = json!(query);
        self
    }

    /// The same with another method.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        self.0["requestContext"]["http"]["method"] = json!(method);
        self
    }

    /// The same with `body`.
    #[must_use]
    pub fn text(mut self, body: impl Into<String>) -> Self {
        self.0["body"] = json!(body.into());
        self
    }

    /// The same with `body` as JSON.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.text(body.to_string())
    }

    /// The same with a header, or without it where `value` is `None`.
    #[must_use]
    pub fn header(mut self, name: &str, value: Option<&str>) -> Self {
        let Some(headers) = self.0["headers"].as_object_mut() else { return self };
        match value {
            Some(value) => headers.insert(name.to_owned(), json!(value)),
            None => headers.remove(name),
        };
        self
    }

    /// The same with these cookies, each `name=value`.
    #[must_use]
    pub fn cookies(mut self, cookies: &[String]) -> Self {
        if !cookies.is_empty() {
            self.0["cookies"] = json!(cookies);
        }
        self
    }

    /// The same from somebody whose token the gateway has checked.
    #[must_use]
    pub fn from(mut self, subject: &str) -> Self {
        let token = json!({"claims": {"sub": subject}, "scopes": null});
        self.0["requestContext"]["authorizer"] = json!({ "jwt": token });
        self
    }

    /// The same with a body of `bytes`, as API Gateway passes what is no text.
    #[must_use]
    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        use base64::Engine as _;
        self.0["isBase64Encoded"] = json!(true);
        self.text(base64::engine::general_purpose::STANDARD.encode(bytes))
    }

    /// The request's method and path.
    pub fn target(&self) -> (&str, &str) {
        let [method, path] = [&self.0["requestContext"]["http"]["method"], &self.0["rawPath"]];
        (method.as_str().unwrap_or_default(), path.as_str().unwrap_or_default())
    }

    /// The event as it travels.
    pub fn into_value(self) -> Value {
        self.0
    }

    /// The body that the event carries, parsed.
    ///
    /// # Panics
    /// Where it carries none, or no JSON.
    pub fn body(&self) -> Value {
        let text = self.0["body"].as_str().expect("the event has a body");
        serde_json::from_str(text).expect("the event's body is JSON")
    }
}

/// An answer, as API Gateway would pass it on.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers, by their lower-case names; several cookies are joined with commas.
    pub headers: BTreeMap<String, String>,
    /// Its body, as it travels.
    pub body: String,
    is_base64: bool,
}

impl Answer {
    fn read(answer: &Value) -> Self {
        let headers = answer["headers"].as_object().into_iter().flatten();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut headers: BTreeMap<_, _> =
            headers.map(|(name, value)| (name.clone(), text(value))).collect();
        let cookies: Vec<_> =
            answer["cookies"].as_array().into_iter().flatten().map(text).collect();
        if !cookies.is_empty() {
            headers.insert("set-cookie".to_owned(), cookies.join(", "));
        }
        Self {
            status: answer["statusCode"].as_u64().and_then(|s| u16::try_from(s).ok()).unwrap_or(0),
            headers,
            body: text(&answer["body"]),
            is_base64: answer["isBase64Encoded"] == json!(true),
        }
    }

    /// The body, parsed.
    ///
    /// # Panics
    /// Where it isn't JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|e| panic!("{} has no JSON body ({e}): {}", self.status, self.body))
    }

    /// The body's bytes.
    ///
    /// # Panics
    /// Where it says that it is base64, and isn't.
    pub fn bytes(&self) -> Vec<u8> {
        use base64::Engine as _;
        if !self.is_base64 {
            return self.body.clone().into_bytes();
        }
        base64::engine::general_purpose::STANDARD.decode(&self.body).expect("base64")
    }

    /// A header's value, or the empty string.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The target of `Link: …; rel="next"`, if there is one.
    pub fn next(&self) -> Option<&str> {
        self.header("link").strip_prefix('<')?.strip_suffix(">; rel=\"next\"")
    }

    /// Holds the answer against the contract's error form, and gives its message.
    ///
    /// # Panics
    /// Where it is not an error of this status and code in that form, or a
    /// browser could not read it.
    pub fn assert_error(&self, status: u16, code: &str) -> String {
        assert_eq!(self.status, status, "{}", self.body);
        let body = self.json();
        let error = &body["error"];
        assert_eq!(error["code"], code, "{body}");
        assert_eq!(body.as_object().map(|b| b.len()), Some(1), "{body}");
        let known = ["code", "message", "details", "requestId"];
        for field in error.as_object().into_iter().flatten().map(|(field, _)| field) {
            assert!(known.contains(&field.as_str()), "{field} in {body}");
        }
        assert!(!error["requestId"].as_str().unwrap_or_default().is_empty(), "{body}");
        assert_eq!(self.header("content-type"), "application/json");
        self.assert_shared();
        let message = error["message"].as_str().unwrap_or_default();
        assert!(!message.is_empty(), "{body}");
        message.to_owned()
    }

    /// Holds the answer against the contract's cross-origin headers, for the fixtures' origin.
    ///
    /// # Panics
    /// Where a browser could not read it.
    pub fn assert_shared(&self) {
        assert_eq!(self.header("access-control-allow-origin"), "http://localhost:5173");
        assert_eq!(self.header("access-control-allow-credentials"), "true");
        assert!(self.header("vary").to_ascii_lowercase().contains("origin"), "{:?}", self.headers);
    }
}
