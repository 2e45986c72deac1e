//! The HTTP API: its cross-origin rules and its authorizer.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;
use shared::http::cors::Cors;

use super::error::TemplateError;
use super::resolver::Resolver;
use crate::route::Route;

/// The JWT authorizer of the HTTP API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorizer {
    /// The issuer that a token must name.
    pub issuer: String,
    /// The audiences of which a token must name one.
    pub audience: Vec<String>,
    paths: BTreeSet<String>,
}

impl Authorizer {
    /// Whether `route` takes only requests with a token.
    pub fn guards(&self, route: &Route) -> bool {
        route.key().strip_prefix("ANY ").is_some_and(|path| self.paths.contains(path))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Properties {
    cors_configuration: Option<CorsConfiguration>,
    #[serde(default)]
    definition_body: DefinitionBody,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[derive(Default)]
struct CorsConfiguration {
    allow_origins: Vec<String>,
    allow_methods: Vec<String>,
    allow_headers: Vec<String>,
    expose_headers: Vec<String>,
    max_age: u32,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct DefinitionBody {
    components: Components,
    paths: BTreeMap<String, BTreeMap<String, Value>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Components {
    security_schemes: BTreeMap<String, SecurityScheme>,
}

#[derive(Deserialize)]
struct SecurityScheme {
    #[serde(rename = "x-amazon-apigateway-authorizer")]
    authorizer: SchemeAuthorizer,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SchemeAuthorizer {
    jwt_configuration: JwtConfiguration,
}

#[derive(Deserialize)]
struct JwtConfiguration {
    issuer: String,
    audience: Vec<String>,
}

/// The rules of the template's `AWS::Serverless::HttpApi`, if it has any.
pub(super) fn read(
    resolver: &Resolver<'_>,
) -> Result<(Option<Cors>, Option<Authorizer>), TemplateError> {
    let Some((id, _)) = resolver.resources("AWS::Serverless::HttpApi").into_iter().next() else {
        return Ok((None, None));
    };
    let Properties { cors_configuration, definition_body } =
        resolver.read(&format!("Resources.{id}.Properties"))?;
    let cors = cors_configuration.map(|rules| Cors {
        origins: rules.allow_origins,
        methods: rules.allow_methods,
        request_headers: rules.allow_headers,
        exposed_headers: rules.expose_headers,
        max_age: rules.max_age,
    });
    let asks_for_token = |methods: &BTreeMap<String, Value>| {
        let method = methods.get("x-amazon-apigateway-any-method");
        method.and_then(|method| method["security"].as_array()).is_some_and(|all| !all.is_empty())
    };
    let schemes = definition_body.components.security_schemes;
    let authorizer = schemes.into_values().next().map(|scheme| {
        let JwtConfiguration { issuer, audience } = scheme.authorizer.jwt_configuration;
        let guarded = definition_body.paths.iter().filter(|(_, methods)| asks_for_token(methods));
        Authorizer { issuer, audience, paths: guarded.map(|(path, _)| path.clone()).collect() }
    });
    Ok((cors, authorizer))
}
