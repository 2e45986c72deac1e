//! Creating, listing and revoking the invocation keys of a function.

use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValuesOnConditionCheckFailure as OnFailure, Update,
};

use super::Store;
use super::expression::visible_to;
use super::function::refusal;
use super::idempotency::{Completion, IdempotencyRecord, already_completed};
use super::item::number;
use super::keys;
use super::record::{InvocationKeyRecord, LEGACY_KEYS, legacy_element};
use super::transaction::{Tag, TransactionItem, TransactionResult};
use crate::domain::{
    Expected, FunctionId, InvocationKey, KeyId, NewInvocationKey, Owner, Quota, WorkspaceId,
};
use crate::error::Error;

/// A change to the keys of a function.
enum KeyChange {
    Create {
        record: String,
        most: u32,
    },
    Revoke,
    /// Revokes the key of this element of [`LEGACY_KEYS`].
    RevokeLegacy {
        element: String,
    },
}

impl Store {
    /// Adds a key to a function, unless an earlier request has.
    ///
    /// # Errors
    /// [`Error::NotFound`] where this owner doesn't see the function or its workspace;
    /// [`Error::Quota`] where it has [`InvocationKey::MOST`] keys.
    pub async fn create_invocation_key(
        &self,
        owner: &Owner,
        claim: &IdempotencyRecord,
        ws: &WorkspaceId,
        id: &FunctionId,
        new: &NewInvocationKey,
    ) -> Result<Completion, Error> {
        self.complete(claim, self.put_key(owner, claim, ws, id, new)).await
    }

    async fn put_key(
        &self,
        owner: &Owner,
        claim: &IdempotencyRecord,
        ws: &WorkspaceId,
        id: &FunctionId,
        new: &NewInvocationKey,
    ) -> Result<Completion, Error> {
        let record = InvocationKeyRecord { key: new.key.clone(), hash: new.secret.hash() };
        let record = serde_json::to_string(&record).map_err(Error::internal)?;
        let create = KeyChange::Create { record, most: InvocationKey::MOST };
        let mut items = vec![
            self.check_workspace(owner, ws)?,
            self.change_key(owner, ws, id, &new.key.id, create)?,
        ];
        items.extend(self.mark_completed(claim)?);
        match self.transact("DynamoDB TransactWriteItems, create key", items).await? {
            TransactionResult::Committed => Ok(Completion::New),
            TransactionResult::Refused(refusals) if already_completed(claim, &refusals)? => {
                Ok(Completion::Replayed)
            }
            TransactionResult::Refused(refusals) => {
                let quota = Error::Quota(Quota::InvocationKeys(InvocationKey::MOST));
                Err(refusal(owner, ws, id, &refusals, quota))
            }
        }
    }

    /// The keys of a function, in creation order.
    ///
    /// # Errors
    /// [`Error::NotFound`] where this owner doesn't see the function or its workspace.
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

    /// Revokes a key of a function: from then on it opens nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`] where this owner doesn't see the function, its workspace or the key.
    pub async fn revoke_invocation_key(
        &self,
        owner: &Owner,
        ws: &WorkspaceId,
        id: &FunctionId,
        key: &KeyId,
    ) -> Result<(), Error> {
        let mut change = KeyChange::Revoke;
        loop {
            let is_first = matches!(change, KeyChange::Revoke);
            let items = vec![
                self.check_workspace(owner, ws)?,
                self.change_key(owner, ws, id, key, change)?,
            ];
            let refusals =
                match self.transact("DynamoDB TransactWriteItems, revoke key", items).await? {
                    TransactionResult::Committed => return Ok(()),
                    TransactionResult::Refused(refusals) => refusals,
                };
            let item = refusals.item(Tag::Function);
            match item.and_then(|item| legacy_element(item, key)).filter(|_| is_first) {
                Some(element) => change = KeyChange::RevokeLegacy { element },
                None => return Err(refusal(owner, ws, id, &refusals, key.not_found().into())),
            }
        }
    }

    /// A write that creates or revokes `key` of a function that `owner` sees.
    fn change_key(
        &self,
        owner: &Owner,
        ws: &WorkspaceId,
        id: &FunctionId,
        key: &KeyId,
        change: KeyChange,
    ) -> Result<TransactionItem, Error> {
        let mut condition = visible_to(owner, &Expected::Any);
        let (attribute, update, further, values) = match change {
            KeyChange::Create { record, most } => (
                key.to_string(),
                "SET #key = :record ADD keyCount :by",
                "(attribute_not_exists(keyCount) OR keyCount < :most)",
                vec![
                    (":record", AttributeValue::S(record)),
                    (":most", number(most)),
                    (":by", number(1)),
                ],
            ),
            KeyChange::Revoke => (
                key.to_string(),
                "REMOVE #key ADD keyCount :by",
                "attribute_exists(#key)",
                vec![(":by", number(-1))],
            ),
            KeyChange::RevokeLegacy { element } => (
                LEGACY_KEYS.to_owned(),
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
            .return_values_on_condition_check_failure(OnFailure::AllOld);
        TransactionItem::update(Tag::Function, update)
    }
}
