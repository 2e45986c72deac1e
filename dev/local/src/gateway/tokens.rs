//! Tokens, checked as API Gateway's JWT authorizer does.

use http::HeaderMap;
use http::header::AUTHORIZATION;
use jiff::Timestamp;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Map, Value};

use super::error::GatewayError;
use emulator::route::Route;
use emulator::template::Authorizer;

/// API Gateway takes RSA signatures only.
const ALGORITHMS: [Algorithm; 3] = [Algorithm::RS256, Algorithm::RS384, Algorithm::RS512];

/// Checks tokens, with the keys of their issuer.
#[derive(Clone, Debug)]
pub struct Tokens {
    authorizer: Authorizer,
    keys: JwkSet,
}

impl Tokens {
    /// `keys` replace those that API Gateway would fetch from the issuer.
    pub fn new(authorizer: Authorizer, keys: JwkSet) -> Self {
        Self { authorizer, keys }
    }

    /// Whether `route` needs a token.
    pub(super) fn guards(&self, route: &Route) -> bool {
        self.authorizer.guards(route)
    }

    /// The claims of a request's token as texts, as events have them; `None` where `route` needs
    /// no token.
    pub(super) fn check(
        &self,
        route: &Route,
        headers: &HeaderMap,
    ) -> Result<Option<Map<String, Value>>, GatewayError> {
        if !self.guards(route) {
            return Ok(None);
        }
        let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let header = header.unwrap_or_default();
        let token = header.strip_prefix("Bearer ").unwrap_or(header);
        self.claims(token).map(Some).ok_or_else(GatewayError::unauthorized)
    }

    fn claims(&self, token: &str) -> Option<Map<String, Value>> {
        let header = decode_header(token).ok().filter(|header| ALGORITHMS.contains(&header.alg))?;
        let key = DecodingKey::from_jwk(self.keys.find(&header.kid?)?).ok()?;
        let mut validation = Validation::new(header.alg);
        validation.validate_nbf = true;
        validation.leeway = 0;
        // Checked below: the crate would accept a token without an issuer, and does not know that
        // a client id may replace the audience.
        validation.validate_aud = false;
        let claims: Map<String, Value> = decode(token, &key, &validation).ok()?.claims;
        let now = Timestamp::now().as_second();
        let is_in_the_future = |time: &Value| time.as_f64().is_none_or(|time| time > now as f64);
        if claims.get("iss").and_then(Value::as_str) != Some(&*self.authorizer.issuer)
            || claims.get("iat").is_some_and(is_in_the_future)
        {
            return None;
        }
        let audience = claims.get("aud").or_else(|| claims.get("client_id"))?;
        let audiences = match audience {
            Value::Array(several) => several.iter().collect(),
            one => vec![one],
        };
        let is_ours = |name: &Value| {
            name.as_str().is_some_and(|name| self.authorizer.audience.iter().any(|a| a == name))
        };
        audiences.into_iter().any(is_ours).then(|| {
            claims.iter().map(|(name, value)| (name.clone(), Value::String(text(value)))).collect()
        })
    }
}

/// A claim as an event has it: lists without commas, in brackets.
fn text(claim: &Value) -> String {
    match claim {
        Value::String(text) => text.clone(),
        Value::Array(several) => {
            format!("[{}]", several.iter().map(text).collect::<Vec<_>>().join(" "))
        }
        other => other.to_string(),
    }
}
