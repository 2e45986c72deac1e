//! Changing some attributes of an item, and only if they really change.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure as OnFailure,
};
use serde::Serialize;

use super::keys::Key;
use super::transaction::retry_on_conflict;
use super::{Item, Store};
use crate::aws::failure::failure;
use crate::domain::{Expected, Owner};
use crate::error::Error;

/// What is to change in an item.
#[derive(Debug, Default)]
pub(super) struct Changes {
    required: Item,
    side_effects: Item,
    removed: Vec<&'static str>,
}

/// A condition or an update in DynamoDB's language, with what it names.
#[derive(Clone, Debug, Default)]
pub(super) struct Expression {
    pub(super) update: String,
    pub(super) condition: String,
    pub(super) names: HashMap<String, String>,
    pub(super) values: HashMap<String, AttributeValue>,
}

impl Changes {
    /// Sets `attribute`. The item changes if any of these differs.
    pub(super) fn require<T: Serialize>(
        &mut self,
        attribute: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.required.insert(attribute.into(), attribute_value(value)?);
        Ok(())
    }

    /// Sets an attribute for each field of `patch` that has a value, by the field's name. The item
    /// changes if any of them differs.
    pub(super) fn require_all<T: Serialize>(&mut self, patch: &T) -> Result<(), Error> {
        let item: Item = serde_dynamo::to_item(patch).map_err(Error::internal)?;
        self.required.extend(item.into_iter().filter(|(_, value)| !value.is_null()));
        Ok(())
    }

    /// Sets `attribute` if the item changes at all; alone it is no change.
    pub(super) fn side_effect<T: Serialize>(
        &mut self,
        attribute: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.side_effects.insert(attribute.into(), attribute_value(value)?);
        Ok(())
    }

    /// Takes `attribute` away if the item changes at all.
    pub(super) fn remove(&mut self, attribute: &'static str) {
        self.removed.push(attribute);
    }

    /// Whether nothing is required.
    pub(super) fn is_empty(&self) -> bool {
        self.required.is_empty()
    }

    /// Whether `item` already is as required.
    pub(super) fn are_made_in(&self, item: &Item) -> bool {
        self.required.iter().all(|(name, value)| item.get(name) == Some(value))
    }

    /// The item that `old` becomes.
    pub(super) fn applied_to(&self, old: &Item) -> Result<Item, Error> {
        let mut new = old.clone();
        for (name, value) in self.required.iter().chain(&self.side_effects) {
            new.insert(name.to_string(), value.clone());
        }
        new.retain(|name, _| !self.removed.contains(&name.as_str()));
        new.insert("version".into(), attribute_value(&(version_of(old) + 1))?);
        Ok(new)
    }

    /// The update, on the condition that the item is there for `owner`, in an
    /// expected version.
    pub(super) fn expression(&self, owner: &Owner, expected: &Expected) -> Expression {
        let mut expression = visible_to(owner, expected);
        let mut sets = Vec::new();
        for (name, value) in self.required.iter().chain(&self.side_effects) {
            sets.push(format!("#{name} = :{name}"));
            expression.names.insert(format!("#{name}"), name.to_string());
            expression.values.insert(format!(":{name}"), value.clone());
        }
        expression.values.insert(":one".into(), AttributeValue::N("1".into()));
        expression.update = format!("SET {} ADD version :one", sets.join(", "));
        if !self.removed.is_empty() {
            expression.update.push_str(&format!(" REMOVE {}", self.removed.join(", ")));
        }
        expression
    }

    /// The condition that any of what is required differs.
    fn differs(&self) -> String {
        let each: Vec<_> = self.required.keys().map(|name| format!("#{name} <> :{name}")).collect();
        each.join(" OR ")
    }
}

/// The condition that an item is there for `owner`, in an expected version.
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
            let number = AttributeValue::N(version.to_string());
            expression.values.insert(format!(":expected{i}"), number);
        }
        let expected = match names.as_slice() {
            // A version is never absent where the owner isn't, so this never holds.
            [] => " AND attribute_not_exists(version)".to_owned(),
            names => format!(" AND version IN ({})", names.join(", ")),
        };
        expression.condition.push_str(&expected);
    }
    expression
}

/// Whether `item` is there for `owner`: neither somebody else's nor deleted.
pub(super) fn is_visible_to(owner: &Owner, item: &Item) -> bool {
    owner_of(item) == Some(owner.as_str()) && !item.contains_key("deletedAt")
}

/// To whom `item` belongs.
pub(super) fn owner_of(item: &Item) -> Option<&str> {
    item.get("owner").and_then(|value| value.as_s().ok()).map(String::as_str)
}

/// The version of an item.
pub(super) fn version_of(item: &Item) -> u64 {
    item.get("version").and_then(|v| v.as_n().ok()?.parse().ok()).unwrap_or_default()
}

impl Store {
    /// Makes `changes` to the item at `key`, if it is there for `owner`, and
    /// gives it as it is then; `None` where it isn't there.
    ///
    /// One call, and safe to repeat: the second time finds the item as required.
    ///
    /// # Errors
    /// [`Error::PreconditionFailed`] where its version isn't expected.
    pub(super) async fn update(
        &self,
        what: &'static str,
        key: Key,
        owner: &Owner,
        expected: &Expected,
        changes: &Changes,
    ) -> Result<Option<Item>, Error> {
        let expression = changes.expression(owner, expected);
        let condition = format!("{} AND ({})", expression.condition, changes.differs());
        let key = key.into_item();
        let attempt = || async {
            self.dynamodb
                .update_item()
                .table_name(&*self.table)
                .set_key(Some(key.clone()))
                .update_expression(&expression.update)
                .condition_expression(&condition)
                .set_expression_attribute_names(Some(expression.names.clone()))
                .set_expression_attribute_values(Some(expression.values.clone()))
                .return_values(ReturnValue::AllNew)
                .return_values_on_condition_check_failure(OnFailure::AllOld)
                .send()
                .await
        };
        match retry_on_conflict(attempt).await {
            Ok(output) => Ok(output.attributes),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    let Some(item) = failed.item().filter(|item| is_visible_to(owner, item)) else {
                        return Ok(None);
                    };
                    // As required already: perhaps by an attempt of ours whose answer was
                    // lost. RFC 9110, 13.1.1, lets that count as success.
                    if changes.are_made_in(item) {
                        return Ok(Some(item.clone()));
                    }
                    Err(Error::PreconditionFailed)
                }
                _ => Err(failure(what)(error)),
            },
        }
    }
}

fn attribute_value<T: Serialize>(value: &T) -> Result<AttributeValue, Error> {
    serde_dynamo::to_attribute_value(value).map_err(Error::internal)
}
