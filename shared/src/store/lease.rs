//! Work that one process does for all: its result is an item, and who does it holds a lease.

use std::time::Duration;

use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure as OnFailure,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Store;
use super::expression::{ignore_failed_condition, is_failed_condition, refused_item};
use super::item::{Item, attribute_value, number};
use super::keys::Key;
use crate::aws::failure::failure;
use crate::error::Error;

/// The attribute of the result.
const RESULT: &str = "result";

/// What became of asking for a lease.
#[derive(Debug)]
pub enum Lease<T> {
    /// The caller has it, and does the work.
    Held,
    /// Somebody else has it.
    Busy,
    /// The work is done, with this result.
    Done(T),
}

impl Store {
    /// Asks for the lease of the work at `key` for the time `hold`. An `also` is a further condition
    /// on its item. Where it `expires_at` a time, in seconds since 1970, nobody has to delete it.
    pub(super) async fn lease<T: DeserializeOwned>(
        &self,
        key: Key,
        hold: Duration,
        also: Option<&str>,
        expires_at: Option<i64>,
    ) -> Result<Lease<T>, Error> {
        let now = self.now().epoch_milliseconds();
        let until = now + i64::try_from(hold.as_millis()).map_err(Error::internal)?;
        let free = "attribute_not_exists(#result) AND \
            (attribute_not_exists(busyUntil) OR busyUntil < :now)";
        let condition = [free].into_iter().chain(also).collect::<Vec<_>>().join(" AND ");
        let update = self
            .dynamodb
            .update_item()
            .table_name(&*self.table)
            .set_key(Some(key.into_item()))
            .update_expression(match expires_at {
                Some(_) => "SET busyUntil = :until, expiresAt = :expires",
                None => "SET busyUntil = :until",
            })
            .condition_expression(condition)
            .expression_attribute_names("#result", RESULT)
            .expression_attribute_values(":until", number(until))
            .expression_attribute_values(":now", number(now))
            .return_values_on_condition_check_failure(OnFailure::AllOld);
        let update = expires_at
            .iter()
            .fold(update, |update, at| update.expression_attribute_values(":expires", number(at)));
        let sent = update.send().await;
        let refused = match sent {
            Ok(_) => return Ok(Lease::Held),
            Err(error) => refused_item(error, "DynamoDB UpdateItem, lease")?,
        };
        Ok(match refused.and_then(|mut item| item.remove(RESULT)) {
            Some(result) => Lease::Done(read(result)?),
            None => Lease::Busy,
        })
    }

    /// Stores the result of the work at `key`, unless there is one, and gives up its lease. Returns
    /// the result that is stored: the first one.
    ///
    /// A result that `expires_at` a time, in seconds since 1970, may be stored without an item. Any
    /// other needs one: `None` where that is gone.
    pub(super) async fn finish<T: DeserializeOwned + Serialize>(
        &self,
        key: Key,
        result: &T,
        expires_at: Option<i64>,
    ) -> Result<Option<T>, Error> {
        let mut update = "SET #result = if_not_exists(#result, :result)".to_owned();
        let mut values = vec![(":result", attribute_value(result)?)];
        let mut condition = None;
        match expires_at {
            Some(at) => {
                update.push_str(", expiresAt = :expires");
                values.push((":expires", number(at)));
            }
            None => condition = Some(format!("attribute_exists({})", super::keys::PK)),
        }
        update.push_str(" REMOVE busyUntil");
        let values = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let sent = self
            .dynamodb
            .update_item()
            .table_name(&*self.table)
            .set_key(Some(key.into_item()))
            .update_expression(update)
            .set_condition_expression(condition)
            .expression_attribute_names("#result", RESULT)
            .set_expression_attribute_values(Some(values))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        let written = match sent {
            Ok(written) => written,
            Err(error) if is_failed_condition(&error) => return Ok(None),
            Err(error) => return Err(failure("DynamoDB UpdateItem, result")(error)),
        };
        let stored = written.attributes.and_then(|mut item: Item| item.remove(RESULT));
        stored.map(read).transpose()
    }

    /// Gives up a lease without a result, so that the next one who asks has it.
    pub(super) async fn give_up_lease(&self, key: Key) -> Result<(), Error> {
        let sent = self
            .dynamodb
            .update_item()
            .table_name(&*self.table)
            .set_key(Some(key.into_item()))
            .update_expression("REMOVE busyUntil")
            .condition_expression(format!("attribute_exists({})", super::keys::PK))
            .send()
            .await;
        ignore_failed_condition(sent, "DynamoDB UpdateItem, lease given up")
    }
}

fn read<T: DeserializeOwned>(value: AttributeValue) -> Result<T, Error> {
    serde_dynamo::from_attribute_value(value).map_err(Error::internal)
}
