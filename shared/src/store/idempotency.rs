//! What clients want done once.
//!
//! Who begins with it claims it, by an item that says which identifier the new thing will have. The
//! transaction that makes the thing says so in that item too, so it is made once however often the
//! request comes, and whenever its first attempt arrives. What the answer was is not kept: it is
//! made again of the request, which is the same, and of the item.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValuesOnConditionCheckFailure as OnFailure, TransactWriteItem, Update,
};
use serde::{Deserialize, Serialize};
use ulid::Ulid;

use super::keys::{self, Key, PK};
use super::transaction::{Refusal, retry_on_conflict};
use super::{Item, Store};
use crate::aws::failure::failure;
use crate::domain::{
    CreationSeed, Fingerprint, IdempotentRequest, Owner, Salt, Timestamp, new_salt,
};
use crate::error::Error;

/// How long a claim is kept, in seconds: 24 hours.
const KEEP_SECONDS: i64 = 24 * 60 * 60;

/// For how long whoever claimed is given to finish, in milliseconds: a Lambda of ours is ended
/// after 29 seconds.
const ATTEMPT_TIME: i64 = 30_000;

/// The condition that a claim is still the attempt's.
const MINE: &str = "attempt = :attempt AND isDone = :no";

/// Where [`Store::mark_completed`] stands in a transaction: behind what is made, and what counts it or asks
/// for its parent.
const PLACE_OF_CLAIM: usize = 2;

/// A claim's item.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct IdempotencyItem {
    #[serde(rename = "PK")]
    pk: String,
    #[serde(rename = "SK")]
    sk: String,
    owner: String,
    body: Fingerprint,
    ulid: Ulid,
    at: Timestamp,
    salt: Salt,
    /// Whose turn it is.
    attempt: Ulid,
    /// Until when, in milliseconds since 1970.
    busy_until: i64,
    #[serde(default)]
    is_done: bool,
    /// When it is as if it weren't there, in seconds since 1970.
    expires_at: i64,
}

/// What was made, and whether an earlier request with the same intent made it.
#[derive(Clone, Debug, PartialEq)]
pub struct Created<T> {
    /// The new thing.
    pub made: T,
    /// Whether it was made before.
    pub is_replayed: bool,
}

/// The right to do once what a client wants, or the knowledge that it is done.
#[derive(Debug)]
pub struct IdempotencyRecord {
    /// What the new thing is made of.
    pub origin: CreationSeed,
    /// Whether the thing was made before.
    pub is_done: bool,
    /// Nowhere, if the client doesn't say that it wants this once.
    item: Option<(Key, Ulid)>,
}

impl IdempotencyRecord {
    /// Of whoever asks at `at` and doesn't say that they want it once.
    pub fn without_key(at: Timestamp) -> Self {
        Self { origin: CreationSeed::new(at), is_done: false, item: None }
    }
}

/// How a claim to something that can't be done again ended.
#[derive(Debug)]
pub enum IdempotencyState {
    /// It is ours to do.
    New(IdempotencyRecord),
    /// It was begun before, and nobody but its result can tell how that ended.
    Existing {
        /// What it was made of.
        origin: CreationSeed,
        /// Whether it may still be going on.
        is_going_on: bool,
    },
}

impl IdempotencyItem {
    fn new(owner: &Owner, intent: &IdempotentRequest, now: Timestamp) -> Result<Self, Error> {
        let key = keys::claim(intent);
        Ok(Self {
            pk: key.pk,
            sk: key.sk,
            owner: owner.to_string(),
            body: intent.body().clone(),
            ulid: Ulid::generate(),
            at: now,
            salt: new_salt()?,
            attempt: Ulid::generate(),
            busy_until: now.epoch_milliseconds() + ATTEMPT_TIME,
            is_done: false,
            expires_at: now.epoch_seconds() + KEEP_SECONDS,
        })
    }

    fn origin(&self, intent: &IdempotentRequest) -> CreationSeed {
        CreationSeed::of_request(intent, self.ulid, self.at, self.salt.clone())
    }

    fn claim(&self, intent: &IdempotentRequest) -> IdempotencyRecord {
        let item = Some((keys::claim(intent), self.attempt));
        IdempotencyRecord { origin: self.origin(intent), is_done: self.is_done, item }
    }

    fn is_going_on(&self, now: Timestamp) -> bool {
        !self.is_done && now.epoch_milliseconds() < self.busy_until
    }
}

impl Store {
    /// Claims the making of something new. What was begun before and not finished is taken over.
    ///
    /// Costs no call where there is no intent, and one where nobody has begun.
    ///
    /// # Errors
    /// [`Error::Invalid`] where the key came with another body; [`Error::InProgress`] while an
    /// earlier request is at it.
    pub async fn claim(
        &self,
        owner: &Owner,
        intent: Option<&IdempotentRequest>,
    ) -> Result<IdempotencyRecord, Error> {
        let Some(intent) = intent else { return Ok(IdempotencyRecord::without_key(self.now())) };
        let new = IdempotencyItem::new(owner, intent, self.now())?;
        let Some(earlier) = self.put_or_forget(intent, &new).await? else {
            return Ok(new.claim(intent));
        };
        if earlier.is_done {
            return Ok(earlier.claim(intent));
        }
        if earlier.is_going_on(self.now()) {
            return Err(Error::InProgress);
        }
        let mine = IdempotencyItem { attempt: new.attempt, ..earlier.clone() }.claim(intent);
        let taken = self.in_claim_time(self.take_over(intent, &earlier, &new)).await;
        if self.release_on_error(&mine, taken).await? { Ok(mine) } else { Err(Error::InProgress) }
    }

    /// Claims what can't be done again where it isn't known how it ended.
    ///
    /// # Errors
    /// [`Error::Invalid`] where the key came with another body.
    pub async fn claim_once(
        &self,
        owner: &Owner,
        intent: Option<&IdempotentRequest>,
    ) -> Result<IdempotencyState, Error> {
        let Some(intent) = intent else {
            return Ok(IdempotencyState::New(IdempotencyRecord::without_key(self.now())));
        };
        let new = IdempotencyItem::new(owner, intent, self.now())?;
        Ok(match self.put_or_forget(intent, &new).await? {
            None => IdempotencyState::New(new.claim(intent)),
            Some(earlier) => IdempotencyState::Existing {
                origin: earlier.origin(intent),
                is_going_on: earlier.is_going_on(self.now()),
            },
        })
    }

    /// Gives a claim back after `error`, so that the request can be sent again: whoever was
    /// refused begins anew, and where it isn't known what happened the next one goes on from there.
    ///
    /// Where this fails, the next request waits until this one's time is over.
    async fn release_claim(&self, claim: &IdempotencyRecord, error: &Error) {
        if !is_unknown(error) {
            return self.discard_claim(claim).await;
        }
        let Some((key, attempt)) = &claim.item else { return };
        let update = self.dynamodb.update_item().table_name(&*self.table);
        let update = update
            .set_key(Some(key.clone().into_item()))
            .update_expression("SET busyUntil = :over")
            .condition_expression(MINE)
            .expression_attribute_values(":over", AttributeValue::N("0".into()))
            .expression_attribute_values(":attempt", AttributeValue::S(attempt.to_string()))
            .expression_attribute_values(":no", AttributeValue::Bool(false));
        self.best_effort(update.send(), "DynamoDB UpdateItem, claim").await;
    }

    /// Takes a claim back to what nothing came of.
    ///
    /// Where this fails, the next request is told so once this one's time is over.
    pub async fn discard_claim(&self, claim: &IdempotencyRecord) {
        let Some((key, attempt)) = &claim.item else { return };
        let delete = self.dynamodb.delete_item().table_name(&*self.table);
        let delete = delete
            .set_key(Some(key.clone().into_item()))
            .condition_expression(MINE)
            .expression_attribute_values(":attempt", AttributeValue::S(attempt.to_string()))
            .expression_attribute_values(":no", AttributeValue::Bool(false));
        self.best_effort(delete.send(), "DynamoDB DeleteItem, claim").await;
    }

    /// Gives a claim back where what it was for came to an error.
    pub(super) async fn release_on_error<T>(
        &self,
        claim: &IdempotencyRecord,
        outcome: Result<T, Error>,
    ) -> Result<T, Error> {
        if let Err(error) = &outcome {
            self.release_claim(claim, error).await;
        }
        outcome
    }

    /// The last part of the transaction that does what is claimed: it says so, if nobody has.
    pub(super) fn mark_completed(
        &self,
        claim: &IdempotencyRecord,
    ) -> Result<Option<TransactWriteItem>, Error> {
        let Some((key, _)) = &claim.item else { return Ok(None) };
        let update = Update::builder()
            .table_name(&*self.table)
            .set_key(Some(key.clone().into_item()))
            .update_expression("SET isDone = :yes")
            // This claim, and no later one of the same name: an attempt may arrive when that is made.
            .condition_expression("isDone = :no AND ulid = :ulid")
            .expression_attribute_values(":yes", AttributeValue::Bool(true))
            .expression_attribute_values(":no", AttributeValue::Bool(false))
            .expression_attribute_values(":ulid", ulid_of(claim))
            .return_values_on_condition_check_failure(OnFailure::AllOld)
            .build()
            .map_err(Error::internal)?;
        Ok(Some(TransactWriteItem::builder().update(update).build()))
    }

    /// The same in time; where it isn't known whether it is put, it is taken back.
    async fn put_or_forget(
        &self,
        intent: &IdempotentRequest,
        new: &IdempotencyItem,
    ) -> Result<Option<IdempotencyItem>, Error> {
        let put = self.in_claim_time(self.put_claim(intent, new)).await;
        if put.as_ref().is_err_and(is_unknown) {
            self.discard_claim(&new.claim(intent)).await;
        }
        put
    }

    /// Puts a claim, if there is none; else gives the one that is there.
    async fn put_claim(
        &self,
        intent: &IdempotentRequest,
        new: &IdempotencyItem,
    ) -> Result<Option<IdempotencyItem>, Error> {
        let item: Item = serde_dynamo::to_item(new).map_err(Error::internal)?;
        let now = AttributeValue::N(new.at.epoch_seconds().to_string());
        let attempt = || async {
            self.dynamodb
                .put_item()
                .table_name(&*self.table)
                .set_item(Some(item.clone()))
                // DynamoDB removes what has expired within some days.
                .condition_expression(format!("attribute_not_exists({PK}) OR expiresAt <= :now"))
                .expression_attribute_values(":now", now.clone())
                .return_values_on_condition_check_failure(OnFailure::AllOld)
                .send()
                .await
        };
        let sent = retry_on_conflict(attempt).await;
        let Err(error) = sent else { return Ok(None) };
        let there = match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(failed)) => failed.item().cloned(),
            _ => None,
        };
        let Some(item) = there else { return Err(failure("DynamoDB PutItem, claim")(error)) };
        let there: IdempotencyItem = serde_dynamo::from_item(item).map_err(Error::internal)?;
        if there.attempt == new.attempt {
            // Put by a call of ours whose answer was lost.
            return Ok(None);
        }
        if there.body != *intent.body() {
            let reason = "was used with another body; another request needs another key";
            return Err(Error::invalid("Idempotency-Key", reason));
        }
        Ok(Some(there))
    }

    /// Takes an earlier attempt's turn; whether that succeeded.
    async fn take_over(
        &self,
        intent: &IdempotentRequest,
        earlier: &IdempotencyItem,
        new: &IdempotencyItem,
    ) -> Result<bool, Error> {
        let sent = self
            .dynamodb
            .update_item()
            .table_name(&*self.table)
            .set_key(Some(keys::claim(intent).into_item()))
            .update_expression("SET attempt = :new, busyUntil = :until, expiresAt = :end")
            .condition_expression("attempt IN (:earlier, :new) AND isDone = :no")
            .expression_attribute_values(":earlier", AttributeValue::S(earlier.attempt.to_string()))
            .expression_attribute_values(":new", AttributeValue::S(new.attempt.to_string()))
            .expression_attribute_values(":until", AttributeValue::N(new.busy_until.to_string()))
            .expression_attribute_values(":end", AttributeValue::N(new.expires_at.to_string()))
            .expression_attribute_values(":no", AttributeValue::Bool(false))
            .send()
            .await;
        match sent {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(false),
            Err(error) => Err(failure("DynamoDB UpdateItem, claim")(error)),
        }
    }

    /// Waits for what is done after the answer is known, but not for long.
    async fn best_effort<T, E>(
        &self,
        call: impl Future<Output = Result<T, SdkError<E>>>,
        what: &'static str,
    ) where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let cause = match tokio::time::timeout(self.time_budget.discard, call).await {
            Ok(Ok(_)) => return,
            // It is somebody else's now, or done.
            Ok(Err(error)) if error.code() == Some("ConditionalCheckFailedException") => return,
            Ok(Err(error)) => failure(what)(error).causes(),
            Err(_) => "out of time".to_owned(),
        };
        tracing::warn!(cause, "a claim is left until its time is over");
    }

    async fn in_claim_time<T>(
        &self,
        claim: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let out_of_time = |_| Error::Unavailable("claiming a request: out of time".into());
        tokio::time::timeout(self.time_budget.claim, claim).await.map_err(out_of_time)?
    }
}

/// Whether it isn't known what came of what ended with `error`.
fn is_unknown(error: &Error) -> bool {
    matches!(error, Error::Unavailable(_) | Error::Internal(_))
}

/// Whether what is claimed was done before, by what a transaction was refused for.
///
/// # Errors
/// [`Error::InProgress`] where the claim is not this one any more: then nothing is known.
pub(super) fn already_completed(
    claim: &IdempotencyRecord,
    refused: &[Refusal],
) -> Result<bool, Error> {
    let Some(refusal) = refused.iter().find(|refusal| refusal.index == PLACE_OF_CLAIM) else {
        return Ok(false);
    };
    let has = |name: &str, value| refusal.item.as_ref().and_then(|i| i.get(name)) == Some(&value);
    if has("ulid", ulid_of(claim)) && has("isDone", AttributeValue::Bool(true)) {
        return Ok(true);
    }
    Err(Error::InProgress)
}

fn ulid_of(claim: &IdempotencyRecord) -> AttributeValue {
    AttributeValue::S(claim.origin.ulid.to_string())
}
