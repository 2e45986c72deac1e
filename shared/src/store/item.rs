//! Items of the table, and the attributes that several kinds of them have.

use std::collections::HashMap;
use std::fmt::Display;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;

use super::keys::SK;
use crate::domain::Owner;
use crate::error::Error;

/// An item, as DynamoDB's client has it.
pub(super) type Item = HashMap<String, AttributeValue>;

/// The value of a string attribute.
pub(super) fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name).and_then(|value| value.as_s().ok()).map(String::as_str)
}

/// A number attribute.
pub(super) fn number(value: impl Display) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// `value` as an attribute.
pub(super) fn attribute_value<T: Serialize>(value: &T) -> Result<AttributeValue, Error> {
    serde_dynamo::to_attribute_value(value).map_err(Error::internal)
}

/// The owner of an item.
pub(super) fn owner_of(item: &Item) -> Option<&str> {
    text(item, "owner")
}

/// The version of an item, which counts its writes by clients.
pub(super) fn version_of(item: &Item) -> u64 {
    item.get("version").and_then(|v| v.as_n().ok()?.parse().ok()).unwrap_or_default()
}

/// Whether an item is marked as deleted: it is not purged yet, and no caller sees it.
pub(super) fn is_deleted(item: &Item) -> bool {
    item.contains_key("deletedAt")
}

/// Whether `owner` sees `item`: it is theirs and not deleted.
pub(super) fn is_visible_to(owner: &Owner, item: &Item) -> bool {
    owner_of(item) == Some(owner.as_str()) && !is_deleted(item)
}

/// The records that `read` makes of `items`, one at a time: decompressed, a megabyte of items may
/// be a thousand times as large.
///
/// An unreadable item is logged and left out: a list must not fail for an item that another
/// program has put into the table.
pub(super) fn readable<T>(
    items: Option<Vec<Item>>,
    read: impl Fn(Item) -> Result<T, Error>,
) -> impl Iterator<Item = T> {
    let record = move |item: Item| {
        let key = text(&item, SK).unwrap_or_default().to_owned();
        let logged = |error: &Error| {
            tracing::error!(key, cause = error.causes(), "an item can't be read");
        };
        read(item).inspect_err(logged).ok()
    };
    items.unwrap_or_default().into_iter().filter_map(record)
}
