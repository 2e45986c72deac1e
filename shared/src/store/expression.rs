//! Conditions and updates in DynamoDB's expression language.

use std::collections::HashMap;
use std::error::Error as StdError;

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;

use super::item::{Item, attribute_value, number, version_of};
use crate::aws::failure::failure;
use crate::domain::{Expected, Owner};
use crate::error::Error;

/// An update and its condition, with the names and values that they refer to.
#[derive(Clone, Debug, Default)]
pub(super) struct Expression {
    pub(super) update: String,
    pub(super) condition: String,
    pub(super) names: HashMap<String, String>,
    pub(super) values: HashMap<String, AttributeValue>,
}

/// The changes of a patch to an item.
#[derive(Debug, Default)]
pub(super) struct Changes {
    required: Item,
    side_effects: Item,
    removed: Vec<&'static str>,
}

impl Changes {
    /// Sets `attribute`. The item changes if any required attribute differs.
    pub(super) fn require<T: Serialize>(
        &mut self,
        attribute: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.required.insert(attribute.into(), attribute_value(value)?);
        Ok(())
    }

    /// Sets an attribute for each field of `patch` that has a value, by the field's name.
    pub(super) fn require_all<T: Serialize>(&mut self, patch: &T) -> Result<(), Error> {
        let item: Item = serde_dynamo::to_item(patch).map_err(Error::internal)?;
        self.required.extend(item.into_iter().filter(|(_, value)| !value.is_null()));
        Ok(())
    }

    /// Sets `attribute` if a required attribute changes.
    pub(super) fn side_effect<T: Serialize>(
        &mut self,
        attribute: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.side_effects.insert(attribute.into(), attribute_value(value)?);
        Ok(())
    }

    /// Removes `attribute` if a required attribute changes.
    pub(super) fn remove(&mut self, attribute: &'static str) {
        self.removed.push(attribute);
    }

    /// Whether nothing is required.
    pub(super) fn is_empty(&self) -> bool {
        self.required.is_empty()
    }

    /// Whether `item` already has all required values.
    pub(super) fn are_made_in(&self, item: &Item) -> bool {
        self.required.iter().all(|(name, value)| item.get(name) == Some(value))
    }

    /// The item that `old` becomes.
    pub(super) fn applied_to(&self, old: &Item) -> Item {
        let mut new = old.clone();
        for (name, value) in self.required.iter().chain(&self.side_effects) {
            new.insert(name.to_string(), value.clone());
        }
        new.retain(|name, _| !self.removed.contains(&name.as_str()));
        new.insert("version".into(), number(version_of(old) + 1));
        new
    }

    /// The update, on the condition that `owner` sees the item and it has an expected version.
    pub(super) fn expression(&self, owner: &Owner, expected: &Expected) -> Expression {
        let mut expression = visible_to(owner, expected);
        let mut sets = Vec::new();
        for (name, value) in self.required.iter().chain(&self.side_effects) {
            sets.push(format!("#{name} = :{name}"));
            expression.names.insert(format!("#{name}"), name.to_string());
            expression.values.insert(format!(":{name}"), value.clone());
        }
        expression.values.insert(":one".into(), number(1));
        expression.update = format!("SET {} ADD version :one", sets.join(", "));
        if !self.removed.is_empty() {
            expression.update.push_str(&format!(" REMOVE {}", self.removed.join(", ")));
        }
        expression
    }

    /// The condition that any required attribute differs.
    pub(super) fn differs(&self) -> String {
        let each: Vec<_> = self.required.keys().map(|name| format!("#{name} <> :{name}")).collect();
        each.join(" OR ")
    }
}

/// The condition that `owner` sees an item and it has an expected version.
pub(super) fn visible_to(owner: &Owner, expected: &Expected) -> Expression {
    let mut expression = Expression {
        condition: "#owner = :owner AND attribute_not_exists(deletedAt)".into(),
        names: HashMap::from([("#owner".to_owned(), "owner".to_owned())]),
        values: HashMap::from([(":owner".to_owned(), AttributeValue::S(owner.to_string()))]),
        ..Expression::default()
    };
    if let Expected::OneOf(versions) = expected {
        let mut names = Vec::new();
        for (i, version) in versions.iter().enumerate() {
            names.push(format!(":expected{i}"));
            expression.values.insert(format!(":expected{i}"), number(version));
        }
        let expected = match names.as_slice() {
            // Never holds: an item with an owner has a version.
            [] => " AND attribute_not_exists(version)".to_owned(),
            names => format!(" AND version IN ({})", names.join(", ")),
        };
        expression.condition.push_str(&expected);
    }
    expression
}

/// Whether a write was refused because its condition did not hold.
pub(super) fn is_failed_condition(error: &impl ProvideErrorMetadata) -> bool {
    error.code() == Some("ConditionalCheckFailedException")
}

/// What the update `what` was refused for: the item for which its condition does not hold, if there is
/// one. Any other failure is an error.
pub(super) fn refused_item(
    error: SdkError<UpdateItemError, HttpResponse>,
    what: &'static str,
) -> Result<Option<Item>, Error> {
    match error.as_service_error() {
        Some(UpdateItemError::ConditionalCheckFailedException(refused)) => Ok(refused.item.clone()),
        _ => Err(failure(what)(error)),
    }
}

/// The result of the write `what` that has nothing to do where its condition doesn't hold.
pub(super) fn ignore_failed_condition<T, E>(
    sent: Result<T, SdkError<E, HttpResponse>>,
    what: &'static str,
) -> Result<(), Error>
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    match sent {
        Err(error) if !is_failed_condition(&error) => Err(failure(what)(error)),
        _ => Ok(()),
    }
}
