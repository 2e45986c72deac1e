//! A signed-in API: what the local gateway asks of tokens, as API Gateway would, with
//! the echo Lambda behind it. The keys beside this file are for this test alone.

use std::path::Path;

use crate::client::{ORIGIN, json, send, sent};
use crate::echo::{options, options_with};
use emulator::project;
use emulator::template::{DEFAULT_REGION, Template};
use http::{Method, Request};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use local::stack::{Options, SignIn, Stack};
use serde_json::{Value, json};

const ISSUER: &str = "https://id.test";

const KEYS: &str = "dev/local/tests/local/sign_in/keys.json";

/// Who signs people in.
fn sign_in(issuer: &str, keys: &str) -> Option<SignIn> {
    let audience = vec!["console".into(), "other".into()];
    let keys = project::source_root().join(keys);
    Some(SignIn { issuer: issuer.into(), audience, keys })
}

async fn start() -> Stack {
    Stack::start(Options { sign_in: sign_in(ISSUER, KEYS), ..options() }).await.unwrap()
}

/// Claims that are taken.
fn claims() -> Value {
    let now = Timestamp::now().as_second();
    json!({
        "iss": ISSUER, "aud": ["console"], "sub": "ada", "exp": now + 60, "nbf": now - 60,
        "groups": ["a", "b"], "verified": true,
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

fn token(claims: &Value) -> String {
    signed(Algorithm::RS256, "issuer", "test", claims)
}

fn signed(algorithm: Algorithm, key: &str, kid: &str, claims: &Value) -> String {
    let place = project::source_root().join("dev/local/tests/local/sign_in");
    let bytes = |file: &str| std::fs::read(Path::new(&place).join(file)).unwrap();
    let key = match algorithm {
        // The trick with a public key as a secret that everybody knows.
        Algorithm::HS256 => EncodingKey::from_secret(&bytes("keys.json")),
        _ => EncodingKey::from_rsa_der(&bytes(&format!("{key}.der"))),
    };
    let mut header = Header::new(algorithm);
    header.kid = Some(kid.into());
    encode(&header, claims, &key).unwrap()
}

/// A token that nobody signed.
fn unsigned() -> String {
    let part = |value: Value| {
        use base64::Engine as _;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string())
    };
    let header = json!({"alg": "none", "kid": "test"});
    format!("{}.{}.", part(header), part(claims()))
}

async fn asked(stack: &Stack, path: &str, authorization: &str) -> http::Response<bytes::Bytes> {
    let request = Request::builder().method(Method::GET).uri(format!("{}{path}", stack.url()));
    let request = request.header("Origin", ORIGIN);
    let request = match authorization {
        "" => request,
        value => request.header("Authorization", value),
    };
    sent(request, "").await
}

#[tokio::test]
async fn a_valid_token_gets_through_and_its_claims_with_it() {
    let stack = start().await;
    let tokens = [
        token(&claims()),
        token(&with("aud", json!("other"))),
        signed(Algorithm::RS512, "issuer", "test", &claims()),
        // Cognito's access tokens name their client, and no audience.
        token(&{
            let mut claims = without("aud");
            claims["client_id"] = json!("console");
            claims
        }),
    ];
    for token in &tokens {
        for authorization in [format!("Bearer {token}"), token.clone()] {
            let answer = asked(&stack, "/api/workspaces/ws-1/logs", &authorization).await;
            assert_eq!(answer.status(), 200, "{}", String::from_utf8_lossy(answer.body()));
            let claims = &json(&answer)["requestContext"]["authorizer"]["jwt"]["claims"];
            assert_eq!(claims["sub"], "ada");
            assert_eq!(claims["groups"], "[a b]");
            assert_eq!(claims["verified"], "true");
        }
    }
}

#[tokio::test]
async fn every_other_token_is_refused_and_the_console_may_read_that() {
    let stack = start().await;
    let now = Timestamp::now().as_second();
    let refused = [
        ("no token", String::new()),
        ("no token in it", "Bearer ".into()),
        ("no JWT", "Bearer a.b.c".into()),
        ("a password", "Basic YTpi".into()),
        ("expired", token(&with("exp", json!(now - 1)))),
        ("without an end", token(&without("exp"))),
        ("not yet valid", token(&with("nbf", json!(now + 60)))),
        ("wrong audience", token(&with("aud", json!(["somebody"])))),
        ("no audience", token(&without("aud"))),
        ("no issuer", token(&without("iss"))),
        ("an issuer that is no text", token(&with("iss", json!([ISSUER])))),
        ("made in the future", token(&with("iat", json!(now + 60)))),
        ("wrong issuer", token(&with("iss", json!("https://id.test.evil")))),
        ("unsigned", unsigned()),
        ("another key", signed(Algorithm::RS256, "stranger", "test", &claims())),
        ("an unknown key", signed(Algorithm::RS256, "stranger", "theirs", &claims())),
        ("a public key as a secret", signed(Algorithm::HS256, "issuer", "test", &claims())),
        ("changed", token(&claims()).replacen('.', ".e30", 1)),
    ];
    for (what, authorization) in &refused {
        for path in ["/api/workspaces", "/api/workspaces/ws-1/", "/api/workspaces/a/b/c"] {
            let answer = asked(&stack, path, authorization).await;
            assert_eq!(answer.status(), 401, "{what}");
            assert_eq!(answer.headers()["access-control-allow-origin"], ORIGIN, "{what}");
            assert_eq!(answer.headers()["www-authenticate"], "Bearer", "{what}");
            assert_eq!(json(&answer)["error"]["code"], "UNAUTHORIZED", "{what}");
        }
    }
}

#[tokio::test]
async fn what_is_not_below_api_asks_nobody_and_preflights_go_through() {
    let stack = start().await;
    for path in ["/", "/health", "/docs", "/openapi.json", "/invoke/ws-1/fn-1/x", "/nothing"] {
        let answer = send(Method::GET, &format!("{}{path}", stack.url()), "").await;
        assert_eq!(answer.status(), 200, "{path}");
        assert_eq!(json(&answer)["requestContext"]["authorizer"], Value::Null, "{path}");
    }
    let preflight = Request::options(format!("{}/api/workspaces", stack.url()))
        .header("Origin", ORIGIN)
        .header("Access-Control-Request-Method", "PATCH")
        .header("Access-Control-Request-Headers", "authorization");
    let preflight = sent(preflight, "").await;
    assert_eq!(preflight.status(), 204, "it holds no token, and has a route of its own");
    let allowed = preflight.headers()["access-control-allow-headers"].to_str().unwrap();
    assert!(allowed.contains("Authorization"), "{allowed}");
}

#[tokio::test]
async fn every_route_below_api_has_the_authorizer_and_the_lambdas_know_it() {
    let path = project::source_root().join("template.yaml");
    let parameters =
        [("JwtIssuer", ISSUER.to_owned()), ("JwtAudience", "console,other".to_owned())];
    let template = Template::read_with(&path, DEFAULT_REGION, &parameters).unwrap();
    let authorizer = template.authorizer.unwrap();
    assert_eq!(authorizer.issuer, ISSUER);
    assert_eq!(authorizer.audience, ["console", "other"]);
    for function in &template.functions {
        assert_eq!(function.environment["JWT_ISSUER"], ISSUER);
        for route in &function.routes {
            let is_api = route.key().starts_with("ANY /api/");
            assert_eq!(authorizer.guards(route), is_api, "{}", route.key());
        }
    }
    let open = Template::read(&path, DEFAULT_REGION).unwrap();
    assert_eq!(open.authorizer, None);
    assert!(open.functions.iter().all(|function| function.environment["JWT_ISSUER"].is_empty()));
}

#[tokio::test]
async fn a_preflight_that_meets_the_authorizer_is_refused_as_on_aws() {
    let (mut options, _root) = options_with("Method: OPTIONS", "Method: GET");
    options.sign_in = sign_in(ISSUER, KEYS);
    let stack = Stack::start(options).await.unwrap();
    let preflight = Request::options(format!("{}/api/workspaces", stack.url()))
        .header("Origin", ORIGIN)
        .header("Access-Control-Request-Method", "PATCH");
    assert_eq!(sent(preflight, "").await.status(), 401);
}

#[tokio::test]
async fn what_would_leave_the_api_open_or_closed_to_all_is_told() {
    for (issuer, keys, sentence) in [
        (ISSUER, "dev/local/tests/local/nothing.json", "--jwks takes"),
        (ISSUER, "README.md", "--jwks takes"),
        ("", KEYS, "no authorizer: it is empty"),
    ] {
        let options = Options { sign_in: sign_in(issuer, keys), ..options() };
        let told = Stack::start(options).await.unwrap_err().to_string();
        assert!(told.contains(sentence), "{told}");
    }
}
