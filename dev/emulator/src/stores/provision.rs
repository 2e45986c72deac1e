//! Creates the template's table and bucket if they are missing.

use std::io;
use std::path::Path;

use dynoxide::Database;
use dynoxide::errors::DynoxideError;
use serde_json::{Value, json};

use super::error::StoresError;
use crate::template::Template;

/// Creates the table, or checks that the existing one is as the template says. `place` names the
/// data in error messages.
pub(super) fn table(
    database: &Database,
    template: &Template,
    place: &str,
) -> Result<(), StoresError> {
    let table = &template.table;
    let named = json!({"TableName": table.name});
    match database.describe_table(request(&named, "describe the table")?) {
        Ok(found) => {
            let found = serde_json::to_value(found)
                .map_err(|e| StoresError::dynamodb("describe the table", e))?;
            if let Some(difference) = difference(&table.create_request, &found["Table"]) {
                return Err(StoresError::OtherTemplate {
                    table: table.name.clone(),
                    place: place.to_owned(),
                    difference,
                });
            }
        }
        Err(DynoxideError::ResourceNotFoundException(_)) => {
            database
                .create_table(request(&table.create_request, "create the template's table")?)
                .map_err(|e| StoresError::dynamodb("create the template's table", e))?;
        }
        Err(problem) => return Err(StoresError::dynamodb("describe the table", problem)),
    }
    let Some(attribute) = &table.ttl_attribute else { return Ok(()) };
    let ttl = database
        .describe_time_to_live(request(&named, "describe time to live")?)
        .map_err(|e| StoresError::dynamodb("describe time to live", e))?;
    if ttl.time_to_live_description.attribute_name.as_ref() == Some(attribute) {
        return Ok(());
    }
    let update = json!({
        "TableName": table.name,
        "TimeToLiveSpecification": {"AttributeName": attribute, "Enabled": true},
    });
    database
        .update_time_to_live(request(&update, "set time to live")?)
        .map_err(|e| StoresError::dynamodb("set time to live", e))?;
    Ok(())
}

/// Adds an index of the stream's records to the database file.
///
/// The embedded DynamoDB never deletes a record, and scans all of them for each write and each
/// read of the stream: with 10,000 records that takes 10 ms. It does not know the index; SQLite
/// uses it for the same statements.
pub(super) fn stream_index(file: &Path) -> rusqlite::Result<()> {
    let number = "CAST(sequence_number AS INTEGER)";
    let database = rusqlite::Connection::open(file)?;
    database.execute_batch(&format!(
        "CREATE INDEX IF NOT EXISTS local_stream_newest
             ON _stream_records (table_name, {number});
         CREATE INDEX IF NOT EXISTS local_stream_order
             ON _stream_records (table_name, shard_id, {number});"
    ))
}

/// Creates the bucket, which is a folder to the embedded S3.
pub(super) fn bucket(s3_folder: &Path, name: &str) -> io::Result<()> {
    std::fs::create_dir_all(s3_folder.join(name))
}

fn request<T: serde::de::DeserializeOwned>(
    body: &Value,
    operation: &'static str,
) -> Result<T, StoresError> {
    // From text, as the embedded DynamoDB reads requests.
    serde_json::from_str(&body.to_string()).map_err(|e| StoresError::dynamodb(operation, e))
}

/// The first difference between two descriptions of a table, in words.
fn difference(wanted: &Value, found: &Value) -> Option<String> {
    for part in ["KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes"] {
        let (wanted, found) = (normalized(&wanted[part]), normalized(&found[part]));
        if wanted != found {
            let (wanted, found) = (Value::Array(wanted), Value::Array(found));
            return Some(format!("{part} is {found} there and {wanted} in template.yaml"));
        }
    }
    None
}

/// A list of keys, attributes or indexes, sorted, without what a description adds.
fn normalized(list: &Value) -> Vec<Value> {
    let kept =
        ["IndexName", "AttributeName", "AttributeType", "KeyType", "KeySchema", "Projection"];
    let mut items: Vec<Value> = list
        .as_array()
        .into_iter()
        .flatten()
        .map(|item| kept.iter().map(|name| ((*name).to_owned(), item[*name].clone())).collect())
        .map(|mut item: serde_json::Map<String, Value>| {
            item.retain(|_, value| !value.is_null());
            Value::Object(item)
        })
        .collect();
    items.sort_by_key(Value::to_string);
    items
}
