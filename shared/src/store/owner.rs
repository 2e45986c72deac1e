//! What is counted of an owner: workspaces, and the requests of a second.

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};

use super::{Store, keys};
use crate::aws::failure::failure;
use crate::domain::{Owner, Quota};
use crate::error::Error;

/// How long the count of a second is kept, in seconds: for longer than clocks differ.
const KEEP_SECONDS: i64 = 3600;

impl Store {
    /// Counts a request of `owner` among those of this second, where there is a limit to them.
    ///
    /// Without one this costs no call; with one it is one write unit a request.
    ///
    /// # Errors
    /// [`Error::Quota`] over the limit.
    pub async fn admit(&self, owner: &Owner) -> Result<(), Error> {
        let Some(most) = self.quotas.requests_per_second else { return Ok(()) };
        let second = self.now().epoch_seconds();
        let number = |value: i64| AttributeValue::N(value.to_string());
        let counted = self
            .dynamodb
            .update_item()
            .table_name(&*self.table)
            .set_key(Some(keys::requests_of_second(owner, second).into_item()))
            .update_expression("ADD requests :one SET expiresAt = :end")
            .condition_expression("attribute_not_exists(requests) OR requests < :most")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":end", number(second + KEEP_SECONDS))
            .expression_attribute_values(":most", number(most.into()))
            .send()
            .await;
        match counted {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => {
                Err(Error::Quota(Quota::RequestsPerSecond(most)))
            }
            Err(error) => Err(failure("DynamoDB UpdateItem, requests")(error)),
        }
    }

    /// A write that counts a new workspace of `owner`, if there may be one more.
    pub(super) fn count_new_workspace(&self, owner: &Owner) -> Result<TransactWriteItem, Error> {
        let most = AttributeValue::N(self.quotas.workspaces.to_string());
        let condition = "attribute_not_exists(workspaces) OR workspaces < :most";
        self.count_workspaces(owner, 1, Some((condition, most)))
    }

    /// A write that counts one more workspace of `owner`, whatever is allowed.
    pub(super) fn count_adopted_workspace(
        &self,
        owner: &Owner,
    ) -> Result<TransactWriteItem, Error> {
        self.count_workspaces(owner, 1, None)
    }

    /// A write that counts one workspace of `owner` less.
    pub(super) fn count_deleted_workspace(
        &self,
        owner: &Owner,
    ) -> Result<TransactWriteItem, Error> {
        self.count_workspaces(owner, -1, None)
    }

    fn count_workspaces(
        &self,
        owner: &Owner,
        by: i8,
        condition: Option<(&str, AttributeValue)>,
    ) -> Result<TransactWriteItem, Error> {
        let mut update = Update::builder()
            .table_name(&*self.table)
            .set_key(Some(keys::owner_count(owner).into_item()))
            .update_expression("ADD workspaces :by")
            .expression_attribute_values(":by", AttributeValue::N(by.to_string()));
        if let Some((condition, most)) = condition {
            update =
                update.condition_expression(condition).expression_attribute_values(":most", most);
        }
        let update = update.build().map_err(Error::internal)?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}
