//! The HTTP API's cross-origin rules.

use serde_json::Value;
use shared::http::cors::Cors;

use super::TemplateError;
use super::intrinsics::Resolver;

/// The `CorsConfiguration` of the template's `AWS::Serverless::HttpApi`.
pub(super) fn read(resolver: &Resolver<'_>) -> Result<Option<Cors>, TemplateError> {
    let Some((id, api)) = resolver.resources("AWS::Serverless::HttpApi")?.into_iter().next() else {
        return Ok(None);
    };
    let place = format!("Resources.{id}.Properties.CorsConfiguration");
    let Some(raw) = api.get("Properties").and_then(|p| p.get("CorsConfiguration")) else {
        return Ok(None);
    };
    let Some(rules) = resolver.resolve(raw, &place)? else { return Ok(None) };
    if rules.get("AllowCredentials") != Some(&Value::Bool(true)) {
        return Err(TemplateError::at(
            format!("{place}.AllowCredentials"),
            "is not true",
            "the console sends credentials: set it to true",
        ));
    }
    let list = |name: &str| -> Result<Vec<String>, TemplateError> {
        let Some(value) = rules.get(name) else { return Ok(Vec::new()) };
        let items = value.as_array().map(|items| items.iter().map(Value::as_str).collect());
        let texts: Option<Vec<&str>> = items.unwrap_or_default();
        let texts = texts.filter(|_| value.is_array()).ok_or_else(|| {
            TemplateError::at(format!("{place}.{name}"), "is not a list of texts", "make it one")
        })?;
        Ok(texts.into_iter().map(ToOwned::to_owned).collect())
    };
    let origins = list("AllowOrigins")?;
    if origins.iter().any(|origin| origin.contains('*')) {
        return Err(TemplateError::at(
            format!("{place}.AllowOrigins"),
            "has a wildcard, which can't be combined with credentials",
            "list the origins",
        ));
    }
    Ok(Some(Cors {
        origins,
        methods: list("AllowMethods")?,
        request_headers: list("AllowHeaders")?,
        exposed_headers: list("ExposeHeaders")?,
        max_age: match rules.get("MaxAge") {
            None => 0,
            Some(age) => super::functions::whole_number(age, &format!("{place}.MaxAge"))?,
        },
    }))
}
