//! The Lambda functions, the routes that lead to them, and the streams that they follow.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::TemplateError;
use super::cloudformation::plain_text;
use super::intrinsics::Resolver;
use super::mappings::{self, Mapping};
use super::policy::PolicyStatement;
use crate::route::Route;

/// One `AWS::Serverless::Function`, with `Globals.Function` beneath it.
#[derive(Clone, Debug)]
pub struct LambdaFunction {
    /// Its key under `Resources`.
    pub logical_id: String,
    /// The cargo binary that it is, from its build metadata.
    pub binary: String,
    /// Memory in MB; AWS's default is 128. Told to the function, not enforced.
    pub memory_mb: u32,
    /// How long one invocation may take; AWS's default is 3 seconds.
    pub timeout: Duration,
    /// `Environment.Variables`, resolved.
    pub environment: BTreeMap<String, String>,
    /// What its role allows it.
    pub statements: Vec<PolicyStatement>,
    /// The routes of the HTTP API that lead here.
    pub routes: Vec<Route>,
    /// How it follows the table's stream.
    pub mappings: Vec<Mapping>,
}

/// Every function of the template, in its order.
pub(super) fn read(resolver: &Resolver<'_>) -> Result<Vec<LambdaFunction>, TemplateError> {
    let functions = resolver.resources("AWS::Serverless::Function")?;
    if functions.is_empty() {
        return Err(TemplateError::at(
            "Resources",
            "has no AWS::Serverless::Function",
            "the local stack has nothing to run without one",
        ));
    }
    functions.into_iter().map(|(id, body)| function(resolver, id, body)).collect()
}

/// A whole number, written as a number or as a text.
pub(super) fn whole_number(value: &Value, place: &str) -> Result<u32, TemplateError> {
    plain_text(value)
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| TemplateError::at(place, "is not a whole number", "put one there"))
}

fn function(
    resolver: &Resolver<'_>,
    id: &str,
    body: &Value,
) -> Result<LambdaFunction, TemplateError> {
    let metadata = format!("Resources.{id}.Metadata.BuildProperties");
    let binary = body
        .pointer("/Metadata/BuildProperties/Binary")
        .and_then(Value::as_str)
        .ok_or_else(|| TemplateError::missing(&metadata, "Binary"))?;
    // A function's own property stands before the one under Globals.
    let layers = [
        (format!("Resources.{id}.Properties"), body.get("Properties")),
        ("Globals.Function".to_owned(), resolver.document().pointer("/Globals/Function")),
    ];
    let number = |name: &str, default: u32| -> Result<u32, TemplateError> {
        for (place, properties) in &layers {
            let place = format!("{place}.{name}");
            let Some(raw) = properties.and_then(|p| p.get(name)) else { continue };
            if let Some(value) = resolver.resolve(raw, &place)? {
                return whole_number(&value, &place);
            }
        }
        Ok(default)
    };
    let mut environment = BTreeMap::new();
    for (place, properties) in layers.iter().rev() {
        let place = format!("{place}.Environment.Variables");
        let Some(raw) = properties.and_then(|p| p.pointer("/Environment/Variables")) else {
            continue;
        };
        environment.extend(variables(resolver, raw, &place)?);
    }
    Ok(LambdaFunction {
        logical_id: id.to_owned(),
        binary: binary.to_owned(),
        memory_mb: number("MemorySize", 128)?,
        timeout: Duration::from_secs(number("Timeout", 3)?.into()),
        environment,
        statements: statements(resolver, body)?,
        routes: routes(resolver, id, body)?,
        mappings: mappings::read(resolver, id, body)?,
    })
}

/// What the function's own role allows it.
fn statements(
    resolver: &Resolver<'_>,
    body: &Value,
) -> Result<Vec<PolicyStatement>, TemplateError> {
    let role = body.pointer("/Properties/Role/Fn::GetAtt/0").and_then(Value::as_str);
    let Some(role) = role else { return Ok(Vec::new()) };
    let policies = resolver.document().pointer(&format!("/Resources/{role}/Properties/Policies"));
    let place = format!("Resources.{role}.Properties.Policies");
    let policies = policies.map(|policies| resolver.resolve(policies, &place)).transpose()?;
    let policies = policies.flatten().unwrap_or_default();
    let mut statements = Vec::new();
    for policy in policies.as_array().into_iter().flatten() {
        for statement in policy["PolicyDocument"]["Statement"].as_array().into_iter().flatten() {
            statements.push(PolicyStatement::read(statement.clone(), &place)?);
        }
    }
    Ok(statements)
}

fn variables(
    resolver: &Resolver<'_>,
    raw: &Value,
    place: &str,
) -> Result<Vec<(String, String)>, TemplateError> {
    let Some(Value::Object(variables)) = resolver.resolve(raw, place)? else {
        return Err(TemplateError::at(place, "is not a mapping", "write NAME: value lines"));
    };
    let mut named = Vec::new();
    for (name, value) in variables {
        let text = plain_text(&value).ok_or_else(|| {
            TemplateError::at(
                format!("{place}.{name}"),
                "is not one plain value",
                "an environment variable is a text: use Fn::Join for a list",
            )
        })?;
        named.push((name, text));
    }
    Ok(named)
}

fn routes(resolver: &Resolver<'_>, id: &str, body: &Value) -> Result<Vec<Route>, TemplateError> {
    let mut routes = Vec::new();
    let events = body.pointer("/Properties/Events").and_then(Value::as_object);
    for (name, event) in events.into_iter().flatten() {
        if event.get("Type").and_then(Value::as_str) != Some("HttpApi") {
            continue;
        }
        let place = format!("Resources.{id}.Properties.Events.{name}.Properties");
        let property = |key: &str| -> Result<Option<String>, TemplateError> {
            let Some(raw) = event.pointer(&format!("/Properties/{key}")) else { return Ok(None) };
            let value = resolver.resolve(raw, &format!("{place}.{key}"))?;
            Ok(value.as_ref().and_then(plain_text))
        };
        let key = match (property("Method")?, property("Path")?) {
            (_, Some(path)) if path == "$default" => path,
            (None, None) => "$default".to_owned(),
            (method, Some(path)) => {
                format!("{} {path}", method.as_deref().unwrap_or("ANY").to_ascii_uppercase())
            }
            (Some(_), None) => return Err(TemplateError::missing(&place, "Path")),
        };
        let route = Route::parse(&key).map_err(|problem| {
            TemplateError::at(&place, format!("has the route {key:?}: {problem}"), "correct it")
        })?;
        routes.push(route);
    }
    Ok(routes)
}
