//! The table and the bucket.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error::TemplateError;
use super::resolver::Resolver;

/// A table as DynamoDB's API takes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// `TableName`.
    pub name: String,
    /// The body of a `CreateTable` request.
    pub create_request: Value,
    /// The attribute with the time at which an item expires, in seconds since 1970.
    pub ttl_attribute: Option<String>,
}

/// Backups, encryption, deletion protection and tags mean nothing locally.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TableProperties {
    table_name: String,
    time_to_live_specification: Option<TimeToLive>,
    stream_specification: Option<Map<String, Value>>,
    #[serde(flatten)]
    other: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TimeToLive {
    attribute_name: String,
    enabled: bool,
}

/// Versioning, lifecycle, encryption and access rules mean nothing to the embedded S3, and
/// nothing in the code depends on them.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct BucketProperties {
    bucket_name: String,
}

/// The properties that `CreateTable` takes under the same name.
const CREATE_TABLE: [&str; 6] = [
    "AttributeDefinitions",
    "KeySchema",
    "GlobalSecondaryIndexes",
    "LocalSecondaryIndexes",
    "BillingMode",
    "ProvisionedThroughput",
];

/// The template's one `AWS::DynamoDB::Table`.
pub(super) fn table(resolver: &Resolver<'_>) -> Result<Table, TemplateError> {
    let properties: TableProperties = resolver.read(&only(resolver, "AWS::DynamoDB::Table")?)?;
    let mut request = properties.other;
    request.retain(|name, _| CREATE_TABLE.contains(&name.as_str()));
    request.insert("TableName".to_owned(), json!(properties.table_name));
    if let Some(mut stream) = properties.stream_specification {
        // The API needs it; CloudFormation leaves it out.
        stream.insert("StreamEnabled".to_owned(), json!(true));
        request.insert("StreamSpecification".to_owned(), stream.into());
    }
    let ttl = properties.time_to_live_specification.filter(|ttl| ttl.enabled);
    Ok(Table {
        name: properties.table_name,
        create_request: request.into(),
        ttl_attribute: ttl.map(|ttl| ttl.attribute_name),
    })
}

/// The name of the template's one `AWS::S3::Bucket`.
pub(super) fn bucket(resolver: &Resolver<'_>) -> Result<String, TemplateError> {
    let bucket: BucketProperties = resolver.read(&only(resolver, "AWS::S3::Bucket")?)?;
    Ok(bucket.bucket_name)
}

/// The place of the one resource's properties.
fn only(resolver: &Resolver<'_>, kind: &str) -> Result<String, TemplateError> {
    match resolver.resources(kind)[..] {
        [(id, _)] => Ok(format!("Resources.{id}.Properties")),
        ref found => {
            let problem = format!("has {} resources of the type {kind}, not one", found.len());
            Err(TemplateError::at("Resources", problem))
        }
    }
}
