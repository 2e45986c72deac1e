//! The table and the bucket.

use serde_json::{Map, Value, json};

use super::TemplateError;
use super::intrinsics::Resolver;

/// A table as DynamoDB's API takes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// `TableName`.
    pub name: String,
    /// The body of a `CreateTable` request.
    pub create_request: Value,
    /// The attribute that holds an item's end, in seconds since 1970.
    pub ttl_attribute: Option<String>,
}

/// What `CreateTable` takes of a template's table. Backups, encryption,
/// deletion protection and tags mean nothing locally.
const CREATE_TABLE: [&str; 7] = [
    "TableName",
    "AttributeDefinitions",
    "KeySchema",
    "GlobalSecondaryIndexes",
    "LocalSecondaryIndexes",
    "BillingMode",
    "ProvisionedThroughput",
];

/// The template's one `AWS::DynamoDB::Table`.
pub(super) fn table(resolver: &Resolver<'_>) -> Result<Table, TemplateError> {
    let (place, properties) = only(resolver, "AWS::DynamoDB::Table")?;
    let take = |name: &str| match properties.get(name) {
        Some(value) => resolver.resolve(value, &format!("{place}.{name}")),
        None => Ok(None),
    };
    let mut request = Map::new();
    for name in CREATE_TABLE {
        if let Some(value) = take(name)? {
            request.insert(name.to_owned(), value);
        }
    }
    for name in ["TableName", "AttributeDefinitions", "KeySchema"] {
        if !request.contains_key(name) {
            return Err(TemplateError::missing(&place, name));
        }
    }
    if let Some(Value::Object(mut stream)) = take("StreamSpecification")? {
        // CloudFormation's form leaves out what the API's form asks for.
        stream.insert("StreamEnabled".to_owned(), json!(true));
        request.insert("StreamSpecification".to_owned(), Value::Object(stream));
    }
    let ttl = take("TimeToLiveSpecification")?.filter(|ttl| ttl["Enabled"] != json!(false));
    Ok(Table {
        name: text(&request["TableName"], &format!("{place}.TableName"))?,
        ttl_attribute: match ttl {
            Some(ttl) => Some(text(
                &ttl["AttributeName"],
                &format!("{place}.TimeToLiveSpecification.AttributeName"),
            )?),
            None => None,
        },
        create_request: Value::Object(request),
    })
}

/// The name of the template's one `AWS::S3::Bucket`.
///
/// Versioning, lifecycle, encryption and access rules are left out on purpose:
/// the embedded S3 has none of them, and nothing that the code does with the
/// bucket depends on them.
pub(super) fn bucket(resolver: &Resolver<'_>) -> Result<String, TemplateError> {
    let (place, properties) = only(resolver, "AWS::S3::Bucket")?;
    let name =
        properties.get("BucketName").ok_or_else(|| TemplateError::missing(&place, "BucketName"))?;
    let place = format!("{place}.BucketName");
    text(&resolver.resolve(name, &place)?.unwrap_or(Value::Null), &place)
}

fn only<'t>(
    resolver: &Resolver<'t>,
    kind: &str,
) -> Result<(String, &'t Map<String, Value>), TemplateError> {
    match resolver.resources(kind)?[..] {
        [(id, resource)] => {
            let place = format!("Resources.{id}.Properties");
            match resource.get("Properties").and_then(Value::as_object) {
                Some(properties) => Ok((place, properties)),
                None => Err(TemplateError::missing(&format!("Resources.{id}"), "Properties")),
            }
        }
        ref found => Err(TemplateError::at(
            "Resources",
            format!("has {} resources of the type {kind}", found.len()),
            "the local stack needs exactly one",
        )),
    }
}

fn text(value: &Value, place: &str) -> Result<String, TemplateError> {
    let text = value.as_str().filter(|text| !text.is_empty());
    text.map(ToOwned::to_owned)
        .ok_or_else(|| TemplateError::at(place, "is not a text", "put a name there"))
}
