//! Invocation keys, in their function's item, where a call finds them without another read.
//!
//! Each is an attribute under its own identifier, so that making one and revoking one are one write
//! each, which needs nothing to be read before. Another attribute counts them. The function's version
//! doesn't, since what clients read of a function doesn't show them.

use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValuesOnConditionCheckFailure as OnFailure, TransactWriteItem, Update,
};
use serde::{Deserialize, Serialize};

use super::function::why_refused;
use super::idempotency::already_completed;
use super::transaction::TransactionResult;
use super::update::visible_to;
use super::{IdempotencyRecord, Item, Store, keys};
use crate::domain::{
    Expected, FunctionId, InvocationKey, KeyId, NewInvocationKey, Owner, Quota, SecretHash,
    WorkspaceId,
};
use crate::error::Error;

/// A key as it stands in its attribute, as JSON.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct KeyRecord {
    #[serde(flatten)]
    key: InvocationKey,
    pub(super) hash: SecretHash,
}

/// A set of keys as they were once kept, all in one attribute. It is still read and revoked from.
const OLD_KEYS: &str = "invocationKeys";

impl KeyRecord {
    /// One that can't be read opens nothing.
    fn read(text: &str) -> Option<Self> {
        let record = serde_json::from_str(text).ok();
        if record.is_none() {
            tracing::error!("an invocation key can't be read");
        }
        record
    }
}

/// The keys in a function's item, which is left without them.
pub(super) fn taken_from(item: &mut Item) -> Vec<KeyRecord> {
    let old = item.remove(OLD_KEYS);
    let old = old.iter().filter_map(|old| old.as_ss().ok()).flatten();
    let mut keys: Vec<_> = old.filter_map(|text| KeyRecord::read(text)).collect();
    let new = item.extract_if(|name, _| name.parse::<KeyId>().is_ok());
    keys.extend(new.filter_map(|(_, value)| KeyRecord::read(value.as_s().ok()?)));
    keys
}

/// The element of the old set that is this key.
fn old_element(item: &Item, key: &KeyId) -> Option<String> {
    let is_it = |text: &&String| KeyRecord::read(text).is_some_and(|record| record.key.id == *key);
    item.get(OLD_KEYS)?.as_ss().ok()?.iter().find(is_it).cloned()
}

/// What is to become of a key.
enum Change {
    Make { record: String, most: u32 },
    Revoke,
    RevokeOld { element: String },
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
        claim: &IdempotencyRecord,
        ws: &WorkspaceId,
        id: &FunctionId,
        new: &NewInvocationKey,
    ) -> Result<bool, Error> {
        if claim.is_done {
            return Ok(true);
        }
        let added = self.add_key(owner, claim, ws, id, new).await;
        self.release_on_error(claim, added).await
    }

    async fn add_key(
        &self,
        owner: &Owner,
        claim: &IdempotencyRecord,
        ws: &WorkspaceId,
        id: &FunctionId,
        new: &NewInvocationKey,
    ) -> Result<bool, Error> {
        let record = KeyRecord { key: new.key.clone(), hash: new.secret.hash() };
        let record = serde_json::to_string(&record).map_err(Error::internal)?;
        let make = Change::Make { record, most: InvocationKey::MOST };
        let mut items = vec![
            self.workspace_is_there(owner, ws)?,
            self.change_key(owner, ws, id, &new.key.id, make)?,
        ];
        items.extend(self.mark_completed(claim)?);
        match self.transact("DynamoDB TransactWriteItems, create key", items).await? {
            TransactionResult::Committed => Ok(false),
            TransactionResult::Refused(refused) if already_completed(claim, &refused)? => Ok(true),
            TransactionResult::Refused(refused) => {
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
        let records = self.function_record(owner, ws, id).await?.invocation_keys;
        let mut keys: Vec<_> = records.into_iter().map(|record| record.key).collect();
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
        let mut change = Change::Revoke;
        loop {
            let is_new = matches!(change, Change::Revoke);
            let items = vec![
                self.workspace_is_there(owner, ws)?,
                self.change_key(owner, ws, id, key, change)?,
            ];
            let refused =
                match self.transact("DynamoDB TransactWriteItems, revoke key", items).await? {
                    TransactionResult::Committed => return Ok(()),
                    TransactionResult::Refused(refused) => refused,
                };
            let item = refused.iter().find_map(|refusal| refusal.item.as_ref());
            match item.and_then(|item| old_element(item, key)).filter(|_| is_new) {
                Some(element) => change = Change::RevokeOld { element },
                None => return Err(why_refused(owner, ws, id, refused, key.not_found().into())),
            }
        }
    }

    /// A part of a transaction that makes or revokes the key `key` of a function that `owner` can
    /// see.
    fn change_key(
        &self,
        owner: &Owner,
        ws: &WorkspaceId,
        id: &FunctionId,
        key: &KeyId,
        change: Change,
    ) -> Result<TransactWriteItem, Error> {
        let mut condition = visible_to(owner, &Expected::Any);
        let number = |number: i64| AttributeValue::N(number.to_string());
        let (attribute, update, further, values) = match change {
            Change::Make { record, most } => (
                key.to_string(),
                "SET #key = :record ADD keyCount :by",
                "(attribute_not_exists(keyCount) OR keyCount < :most)",
                vec![
                    (":record", AttributeValue::S(record)),
                    (":most", number(most.into())),
                    (":by", number(1)),
                ],
            ),
            Change::Revoke => (
                key.to_string(),
                "REMOVE #key ADD keyCount :by",
                "attribute_exists(#key)",
                vec![(":by", number(-1))],
            ),
            Change::RevokeOld { element } => (
                OLD_KEYS.to_owned(),
                "DELETE #key :old",
                "contains(#key, :element)",
                vec![
                    (":old", AttributeValue::Ss(vec![element.clone()])),
                    (":element", AttributeValue::S(element)),
                ],
            ),
        };
        condition.names.insert("#key".into(), attribute);
        condition.condition.push_str(&format!(" AND {further}"));
        condition.values.extend(values.into_iter().map(|(name, value)| (name.to_owned(), value)));
        let update = Update::builder()
            .table_name(&*self.table)
            .set_key(Some(keys::function(ws, id).into_item()))
            .update_expression(update)
            .condition_expression(condition.condition)
            .set_expression_attribute_names(Some(condition.names))
            .set_expression_attribute_values(Some(condition.values))
            .return_values_on_condition_check_failure(OnFailure::AllOld)
            .build()
            .map_err(Error::internal)?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}
