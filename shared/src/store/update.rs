//! Changes to some attributes of one item.

use aws_sdk_dynamodb::types::{
    ReturnValue, ReturnValuesOnConditionCheckFailure as OnFailure, Update,
};

use super::Store;
use super::expression::{Changes, refused_item};
use super::item::{Item, is_visible_to};
use super::keys::Key;
use super::retry::retry_on_conflict;
use super::transaction::{Tag, TransactionItem};
use crate::domain::{Expected, Owner};
use crate::error::Error;

impl Store {
    /// Makes `changes` to the item at `key` if `owner` sees it, and returns the changed item; `None`
    /// where `owner` doesn't see it.
    ///
    /// One call. It is safe to repeat: the second attempt finds the required values in place.
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
        let error = match retry_on_conflict(attempt).await {
            Ok(output) => return Ok(output.attributes),
            Err(error) => error,
        };
        match refused_item(error, what)?.filter(|item| is_visible_to(owner, item)) {
            None => Ok(None),
            // As required already, perhaps by an attempt of ours whose response was lost. RFC 9110,
            // 13.1.1, lets that count as success.
            Some(item) if changes.are_made_in(&item) => Ok(Some(item)),
            Some(_) => Err(Error::PreconditionFailed),
        }
    }

    /// A write that makes `changes` to the item at `key`, if `owner` sees it and it has an expected
    /// version.
    pub(super) fn update_in_transaction(
        &self,
        tag: Tag,
        key: Key,
        owner: &Owner,
        expected: &Expected,
        changes: &Changes,
    ) -> Result<TransactionItem, Error> {
        let expression = changes.expression(owner, expected);
        let update = Update::builder()
            .table_name(&*self.table)
            .set_key(Some(key.into_item()))
            .update_expression(expression.update)
            .condition_expression(expression.condition)
            .set_expression_attribute_names(Some(expression.names))
            .set_expression_attribute_values(Some(expression.values))
            .return_values_on_condition_check_failure(OnFailure::AllOld);
        TransactionItem::update(tag, update)
    }
}
