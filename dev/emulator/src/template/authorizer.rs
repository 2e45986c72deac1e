//! Who signs people in, and which routes ask for that.

use std::collections::BTreeSet;

use serde_json::Value;

use super::TemplateError;
use super::intrinsics::Resolver;
use crate::route::Route;

const BODY: &str = "/Properties/DefinitionBody";

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

/// The authorizer of the template's `AWS::Serverless::HttpApi`; `None` where it has none
/// with these parameters.
pub(super) fn read(resolver: &Resolver<'_>) -> Result<Option<Authorizer>, TemplateError> {
    let Some((id, api)) = resolver.resources("AWS::Serverless::HttpApi")?.into_iter().next() else {
        return Ok(None);
    };
    let place = format!("Resources.{id}{}", BODY.replace('/', "."));
    let Some(schemes) = api.pointer(&format!("{BODY}/components/securitySchemes")) else {
        return Ok(None);
    };
    let schemes_place = format!("{place}.components.securitySchemes");
    let Some(schemes) = resolver.resolve(schemes, &schemes_place)? else { return Ok(None) };
    let scheme = schemes.as_object().and_then(|schemes| schemes.values().next());
    let tokens = scheme
        .and_then(|scheme| scheme.pointer("/x-amazon-apigateway-authorizer/jwtConfiguration"));
    let issuer = tokens.and_then(|tokens| tokens["issuer"].as_str());
    let audience = tokens.and_then(|tokens| tokens["audience"].as_array());
    let (Some(issuer), Some(audience)) = (issuer, audience) else {
        return Err(TemplateError::at(
            schemes_place,
            "is not one scheme with an issuer and a list of audiences",
            "give it an x-amazon-apigateway-authorizer with a jwtConfiguration",
        ));
    };
    let mut paths = BTreeSet::new();
    let items = api.pointer(&format!("{BODY}/paths")).and_then(Value::as_object);
    for (path, item) in items.into_iter().flatten() {
        let Some(security) = item.pointer("/x-amazon-apigateway-any-method/security") else {
            continue;
        };
        let security = resolver.resolve(security, &format!("{place}.paths.{path}"))?;
        if security.is_some_and(|security| security.as_array().is_some_and(|all| !all.is_empty())) {
            paths.insert(path.clone());
        }
    }
    Ok(Some(Authorizer {
        issuer: issuer.to_owned(),
        audience: audience.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect(),
        paths,
    }))
}
