//! Changing some attributes of one item, in one call, only if they really change.

use std::collections::HashMap;

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure as OnFailure,
};
use backon::Retryable;
use serde::Serialize;

use super::keys::Key;
use super::transaction::patience;
use super::{Item, Store, failure::failure};
use crate::domain::Owner;
use crate::error::Error;

/// What is to change in an item.
#[derive(Debug, Default)]
pub(super) struct Changes {
    asked: HashMap<&'static str, AttributeValue>,
    following: HashMap<&'static str, AttributeValue>,
    dropped: Vec<&'static str>,
}

impl Changes {
    /// Sets `attribute` if there is a value. The item changes if any of these differs.
    pub(super) fn set<T: Serialize>(
        &mut self,
        attribute: &'static str,
        value: &Option<T>,
    ) -> Result<(), Error> {
        if let Some(value) = value {
            self.asked.insert(attribute, attribute_value(value)?);
        }
        Ok(())
    }

    /// Sets `attribute` if the item changes at all; alone it is no change.
    pub(super) fn follow<T: Serialize>(
        &mut self,
        attribute: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.following.insert(attribute, attribute_value(value)?);
        Ok(())
    }

    /// Takes `attribute` away if the item changes at all.
    pub(super) fn drop(&mut self, attribute: &'static str) {
        self.dropped.push(attribute);
    }

    /// Whether nothing is asked.
    pub(super) fn is_empty(&self) -> bool {
        self.asked.is_empty()
    }

    /// The item that `old` becomes.
    fn applied_to(&self, old: &Item) -> Item {
        let mut new = old.clone();
        for (name, value) in self.asked.iter().chain(&self.following) {
            new.insert(name.to_string(), value.clone());
        }
        new.retain(|name, _| !self.dropped.contains(&name.as_str()));
        new
    }
}

/// What became of an item.
#[derive(Debug)]
pub(super) enum Updated {
    /// It was changed.
    Changed {
        /// As it was.
        old: Item,
        /// As it is.
        new: Item,
    },
    /// It was already as asked.
    Unchanged(Item),
    /// There is none, or none of this owner's.
    Missing,
}

impl Store {
    /// Makes `changes` to the item at `key`, if it is `owner`'s and any of them changes it.
    ///
    /// One call, and safe to repeat: the second time finds the item as asked.
    pub(super) async fn update(
        &self,
        what: &'static str,
        key: Key,
        owner: &Owner,
        changes: &Changes,
    ) -> Result<Updated, Error> {
        let mut names = HashMap::from([("#owner".to_owned(), "owner".to_owned())]);
        let mut values = HashMap::from([
            (":owner".to_owned(), AttributeValue::S(owner.to_string())),
            (":one".to_owned(), AttributeValue::N("1".into())),
        ]);
        let mut sets = Vec::new();
        for (name, value) in changes.asked.iter().chain(&changes.following) {
            sets.push(format!("#{name} = :{name}"));
            names.insert(format!("#{name}"), name.to_string());
            values.insert(format!(":{name}"), value.clone());
        }
        let differs: Vec<_> =
            changes.asked.keys().map(|name| format!("#{name} <> :{name}")).collect();
        let mut expression = format!("SET {} ADD version :one", sets.join(", "));
        if !changes.dropped.is_empty() {
            expression.push_str(&format!(" REMOVE {}", changes.dropped.join(", ")));
        }
        let condition = format!(
            "#owner = :owner AND attribute_not_exists(deletedAt) AND ({})",
            differs.join(" OR ")
        );
        let key = key.into_item();
        let attempt = || async {
            self.dynamodb
                .update_item()
                .table_name(&*self.table)
                .set_key(Some(key.clone()))
                .update_expression(&expression)
                .condition_expression(&condition)
                .set_expression_attribute_names(Some(names.clone()))
                .set_expression_attribute_values(Some(values.clone()))
                .return_values(ReturnValue::AllOld)
                .return_values_on_condition_check_failure(OnFailure::AllOld)
                .send()
                .await
        };
        let sent = attempt
            .retry(patience())
            .when(|e| e.code() == Some("TransactionConflictException"))
            .await;
        match sent {
            Ok(output) => {
                let old = output.attributes.unwrap_or_default();
                let new = changes.applied_to(&old);
                Ok(Updated::Changed { old, new })
            }
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    Ok(match failed.item() {
                        Some(item) if belongs(item, owner) => Updated::Unchanged(item.clone()),
                        _ => Updated::Missing,
                    })
                }
                _ => Err(failure(what)(error)),
            },
        }
    }
}

fn belongs(item: &Item, owner: &Owner) -> bool {
    let of_owner =
        item.get("owner").and_then(|v| v.as_s().ok()).is_some_and(|o| o == owner.as_str());
    of_owner && !item.contains_key("deletedAt")
}

fn attribute_value<T: Serialize>(value: &T) -> Result<AttributeValue, Error> {
    serde_dynamo::to_attribute_value(value).map_err(Error::internal)
}
