//! The counts of an owner: workspaces, and requests per second.

use aws_sdk_dynamodb::types::{AttributeValue, Update};

use super::Store;
use super::expression::is_failed_condition;
use super::item::number;
use super::keys;
use super::transaction::{Tag, TransactionItem};
use crate::aws::failure::failure;
use crate::domain::{Owner, Quota};
use crate::error::Error;

/// How long the count of a second is kept, in seconds: longer than clocks differ.
const KEEP_SECONDS: i64 = 3600;

impl Store {
    /// Counts a request of `owner` against their requests per second.
    ///
    /// Makes no call without a limit, and one write unit per request with a limit.
    ///
    /// # Errors
    /// [`Error::Quota`] over the limit.
    pub async fn admit(&self, owner: &Owner) -> Result<(), Error> {
        let Some(most) = self.quotas.requests_per_second else { return Ok(()) };
        let second = self.now().epoch_seconds();
        let counted = self
            .dynamodb
            .update_item()
            .table_name(&*self.table)
            .set_key(Some(keys::requests_of_second(owner, second).into_item()))
            .update_expression("ADD requests :one SET expiresAt = :end")
            .condition_expression("attribute_not_exists(requests) OR requests < :most")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":end", number(second + KEEP_SECONDS))
            .expression_attribute_values(":most", number(most))
            .send()
            .await;
        match counted {
            Ok(_) => Ok(()),
            Err(error) if is_failed_condition(&error) => {
                Err(Error::Quota(Quota::RequestsPerSecond(most)))
            }
            Err(error) => Err(failure("DynamoDB UpdateItem, requests")(error)),
        }
    }

    /// A write that counts a new workspace of `owner`, within their quota.
    pub(super) fn count_new_workspace(&self, owner: &Owner) -> Result<TransactionItem, Error> {
        let most = number(self.quotas.workspaces);
        let condition = "attribute_not_exists(workspaces) OR workspaces < :most";
        self.count_workspaces(owner, 1, Some((condition, most)))
    }

    /// A write that counts a migrated workspace of `owner`, whatever their quota.
    pub(super) fn count_migrated_workspace(&self, owner: &Owner) -> Result<TransactionItem, Error> {
        self.count_workspaces(owner, 1, None)
    }

    /// A write that counts one workspace of `owner` less.
    pub(super) fn count_deleted_workspace(&self, owner: &Owner) -> Result<TransactionItem, Error> {
        self.count_workspaces(owner, -1, None)
    }

    fn count_workspaces(
        &self,
        owner: &Owner,
        by: i8,
        condition: Option<(&str, AttributeValue)>,
    ) -> Result<TransactionItem, Error> {
        let mut update = Update::builder()
            .table_name(&*self.table)
            .set_key(Some(keys::owner_count(owner).into_item()))
            .update_expression("ADD workspaces :by")
            .expression_attribute_values(":by", number(by));
        if let Some((condition, most)) = condition {
            update =
                update.condition_expression(condition).expression_attribute_values(":most", most);
        }
        TransactionItem::update(Tag::WorkspaceCount, update)
    }
}
