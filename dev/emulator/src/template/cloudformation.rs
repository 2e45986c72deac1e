//! What CloudFormation knows without being told: pseudo-parameters, parameter
//! defaults, and which property names a resource.

use serde_json::Value;

use super::TemplateError;

pub(super) use crate::ids::ACCOUNT as ACCOUNT_ID;

/// The value of `AWS::Region` and its like.
pub(super) fn pseudo_parameter(name: &str, region: &str) -> Option<String> {
    let value = match name {
        "AWS::Region" => region,
        "AWS::AccountId" => ACCOUNT_ID,
        "AWS::Partition" => "aws",
        "AWS::StackName" => "local",
        "AWS::URLSuffix" => "amazonaws.com",
        _ => return None,
    };
    Some(value.to_owned())
}

/// A parameter's default; a list where its type says so.
pub(super) fn parameter_default(name: &str, parameter: &Value) -> Result<Value, TemplateError> {
    let place = format!("Parameters.{name}");
    let default =
        parameter.get("Default").ok_or_else(|| TemplateError::missing(&place, "Default"))?;
    let text = plain_text(default).ok_or_else(|| {
        TemplateError::at(
            format!("{place}.Default"),
            "is not one plain value",
            "write it as a text",
        )
    })?;
    let kind = parameter.get("Type").and_then(Value::as_str).unwrap_or("String");
    if kind == "CommaDelimitedList" || kind.starts_with("List<") {
        return Ok(Value::from(text.split(',').map(str::trim).collect::<Vec<_>>()));
    }
    if kind.starts_with("AWS::SSM::") {
        return Err(TemplateError::at(
            place,
            format!("has the type {kind}, whose values exist only on AWS"),
            "make it a String",
        ));
    }
    Ok(Value::String(text))
}

/// The property that `Ref` of a resource gives, for the kinds that exist locally.
pub(super) fn naming_property(resource: &Value) -> Option<&'static str> {
    match resource.get("Type").and_then(Value::as_str)? {
        "AWS::DynamoDB::Table" => Some("TableName"),
        "AWS::S3::Bucket" => Some("BucketName"),
        _ => None,
    }
}

/// A text, number or truth value as CloudFormation writes it into a text.
pub(super) fn plain_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(b) => Some(b.to_string()),
        _ => None,
    }
}
