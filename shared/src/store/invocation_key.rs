//! Invocation keys, in their function's item, where a call finds them without another read.
//!
//! They are a set of texts: adding one is one write that needs nothing to be there before, and
//! to add or remove one twice is the same as once. The function's version doesn't count them,
//! since what clients read of a function doesn't show them.

use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValuesOnConditionCheckFailure as OnFailure, TransactWriteItem, Update,
};
use serde::{Deserialize, Serialize};

use super::function::why_refused;
use super::idempotency::was_done;
use super::transaction::Outcome;
use super::update::visible_to;
use super::{Claim, Store, keys};
use crate::domain::{
    Expected, FunctionId, InvocationKey, KeyId, NewInvocationKey, Owner, Quota, SecretHash,
    WorkspaceId,
};
use crate::error::Error;

/// A key as it stands in the set, as JSON.
#[derive(Debug, Deserialize, Serialize)]
struct KeyRecord {
    #[serde(flatten)]
    key: InvocationKey,
    hash: SecretHash,
}

impl KeyRecord {
    /// The record in an element of the set of a function. One that can't be read opens nothing.
    fn read(id: &FunctionId, element: &str) -> Option<Self> {
        let record = serde_json::from_str(element);
        record
            .inspect_err(|_| tracing::error!(function = %id, "an invocation key can't be read"))
            .ok()
    }
}

/// What the keys in a function's set may be compared with.
pub(super) fn hashes(id: &FunctionId, elements: &[String]) -> Vec<SecretHash> {
    let records = elements.iter().filter_map(|element| KeyRecord::read(id, element));
    records.map(|record| record.hash).collect()
}

impl Store {
    /// Adds a key to a function; nothing, where that is done. Whether an earlier request did it.
    ///
    /// # Errors
    /// [`Error::NotFound`] where the function, or its workspace, isn't there for this owner;
    /// [`Error::Quota`] where it has [`InvocationKey::MOST`] keys.
    pub async fn create_invocation_key(
        &self,
        owner: &Owner,
        claim: &Claim,
        ws: &WorkspaceId,
        id: &FunctionId,
        new: &NewInvocationKey,
    ) -> Result<bool, Error> {
        if claim.is_done {
            return Ok(true);
        }
        let added = self.add_key(owner, claim, ws, id, new).await;
        self.settle(claim, added).await
    }

    async fn add_key(
        &self,
        owner: &Owner,
        claim: &Claim,
        ws: &WorkspaceId,
        id: &FunctionId,
        new: &NewInvocationKey,
    ) -> Result<bool, Error> {
        let record = KeyRecord { key: new.key.clone(), hash: new.secret.hash() };
        let element = serde_json::to_string(&record).map_err(Error::internal)?;
        let most = AttributeValue::N(InvocationKey::MOST.to_string());
        let condition = "(attribute_not_exists(invocationKeys) OR size(invocationKeys) < :most)";
        let mut items = vec![
            self.workspace_is_there(owner, ws)?,
            self.update_keys(owner, ws, id, "ADD", element, Some((condition, most)))?,
        ];
        items.extend(self.fulfil(claim)?);
        match self.transact("DynamoDB TransactWriteItems, create key", items).await? {
            Outcome::Committed => Ok(false),
            Outcome::Refused(refused) if was_done(claim, &refused)? => Ok(true),
            Outcome::Refused(refused) => {
                let most = Error::Quota(Quota::InvocationKeys(InvocationKey::MOST));
                Err(why_refused(owner, ws, id, refused, most))
            }
        }
    }

    /// The keys of a function, in the order in which they were made.
    ///
    /// # Errors
    /// [`Error::NotFound`] where the function, or its workspace, isn't there for this owner.
    pub async fn invocation_keys(
        &self,
        owner: &Owner,
        ws: &WorkspaceId,
        id: &FunctionId,
    ) -> Result<Vec<InvocationKey>, Error> {
        let elements = self.function_record(owner, ws, id).await?.invocation_keys;
        let records = elements.iter().filter_map(|element| KeyRecord::read(id, element));
        let mut keys: Vec<InvocationKey> = records.map(|record| record.key).collect();
        keys.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        Ok(keys)
    }

    /// Takes a key from a function: from then on nobody gets in with it.
    ///
    /// # Errors
    /// [`Error::NotFound`] where the function, its workspace or the key isn't there for this owner.
    pub async fn revoke_invocation_key(
        &self,
        owner: &Owner,
        ws: &WorkspaceId,
        id: &FunctionId,
        key: &KeyId,
    ) -> Result<(), Error> {
        let elements = self.function_record(owner, ws, id).await?.invocation_keys;
        let is_it =
            |element: &String| KeyRecord::read(id, element).is_some_and(|r| r.key.id == *key);
        let element = elements.into_iter().find(is_it).ok_or_else(|| key.not_found())?;
        let items = vec![
            self.workspace_is_there(owner, ws)?,
            self.update_keys(owner, ws, id, "DELETE", element, None)?,
        ];
        match self.transact("DynamoDB TransactWriteItems, revoke key", items).await? {
            Outcome::Committed => Ok(()),
            // Deleted since it was read, and its keys with it.
            Outcome::Refused(_) => Err(id.not_found()),
        }
    }

    /// A part of a transaction that adds `element` to the keys of a function that `owner` can
    /// see, or deletes it from them, on a further condition on `:most` if there is one.
    fn update_keys(
        &self,
        owner: &Owner,
        ws: &WorkspaceId,
        id: &FunctionId,
        how: &str,
        element: String,
        further: Option<(&str, AttributeValue)>,
    ) -> Result<TransactWriteItem, Error> {
        let mut condition = visible_to(owner, &Expected::Any);
        condition.values.insert(":keys".into(), AttributeValue::Ss(vec![element]));
        if let Some((further, most)) = further {
            condition.condition.push_str(&format!(" AND {further}"));
            condition.values.insert(":most".into(), most);
        }
        let update = Update::builder()
            .table_name(&*self.table)
            .set_key(Some(keys::function(ws, id).into_item()))
            .update_expression(format!("{how} invocationKeys :keys"))
            .condition_expression(condition.condition)
            .set_expression_attribute_names(Some(condition.names))
            .set_expression_attribute_values(Some(condition.values))
            .return_values_on_condition_check_failure(OnFailure::AllOld)
            .build()
            .map_err(Error::internal)?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}
