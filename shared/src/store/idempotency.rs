//! Requests with an `Idempotency-Key`, each carried out once.
//!
//! A request claims its key with an item that holds the identifier of the resource to create. The
//! transaction that creates the resource also marks that item as completed. So the resource is
//! created once, however often the request comes and however late an attempt arrives. The response
//! isn't stored: it is made again from the request, which is the same, and from the item.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValuesOnConditionCheckFailure as OnFailure, Update,
};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use ulid::Ulid;

use super::Store;
use super::expression::is_failed_condition;
use super::item::{Item, number};
use super::keys::{self, Key, PK};
use super::retry::retry_on_conflict;
use super::transaction::{Refusals, Tag, TransactionItem};
use crate::aws::failure::failure;
use crate::domain::{
    CreationSeed, Fingerprint, IdempotentRequest, Owner, Salt, Timestamp, new_salt,
};
use crate::error::Error;
use crate::time_budget::TimeBudget;

/// How long a claim is kept, in seconds: 24 hours.
const KEEP_SECONDS: i64 = 24 * 60 * 60;

/// How long a claim stays with an attempt that neither completes nor releases it, in milliseconds.
const ATTEMPT_TIME_MS: i64 = 30_000;

const _: () = assert!(
    ATTEMPT_TIME_MS as u128 > TimeBudget::LONGEST_REQUEST.as_millis(),
    "a claim isn't taken over while its request may run"
);

/// The condition that a claim still belongs to an attempt and isn't completed.
const IS_OWN: &str = "attempt = :attempt AND isDone = :no";

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
    /// The attempt that holds the claim.
    attempt: Ulid,
    /// When another attempt may take over, in milliseconds since 1970.
    busy_until: i64,
    #[serde(default)]
    is_done: bool,
    /// When the claim is void, in seconds since 1970. DynamoDB removes it within some days.
    expires_at: i64,
}

/// A created resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Created<T> {
    /// The resource.
    pub made: T,
    /// Whether an earlier request with the same `Idempotency-Key` created it.
    pub is_replayed: bool,
}

/// Which request carried out a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    /// This request.
    New,
    /// An earlier request with the same `Idempotency-Key`.
    Replayed,
}

impl Completion {
    /// The resource `made`, created by this completion.
    pub(super) fn of<T>(self, made: T) -> Created<T> {
        Created { made, is_replayed: self == Self::Replayed }
    }
}

/// The claim of one attempt to carry out a request.
#[derive(Debug)]
pub struct IdempotencyRecord {
    /// The identity of the resource to create.
    pub origin: CreationSeed,
    /// Whether an earlier request is completed.
    pub is_done: bool,
    /// The claim's key and attempt; `None` for a request without an `Idempotency-Key`.
    item: Option<(Key, Ulid)>,
}

impl IdempotencyRecord {
    /// The record of a request at `at` without an `Idempotency-Key`: nothing is stored for it.
    pub fn without_key(at: Timestamp) -> Self {
        Self { origin: CreationSeed::new(at), is_done: false, item: None }
    }
}

/// The state of a request that must not be carried out twice.
#[derive(Debug)]
pub enum IdempotencyState {
    /// This attempt may carry it out.
    New(IdempotencyRecord),
    /// An earlier attempt has begun it. Only its result tells how it ended.
    Existing {
        /// The identity of the resource that the earlier attempt creates.
        origin: CreationSeed,
        /// Whether the earlier attempt may still be running.
        is_going_on: bool,
    },
}

impl IdempotencyItem {
    fn new(owner: &Owner, request: &IdempotentRequest, now: Timestamp) -> Result<Self, Error> {
        let key = keys::claim(request);
        Ok(Self {
            pk: key.pk,
            sk: key.sk,
            owner: owner.to_string(),
            body: request.body().clone(),
            ulid: Ulid::generate(),
            at: now,
            salt: new_salt()?,
            attempt: Ulid::generate(),
            busy_until: now.epoch_milliseconds() + ATTEMPT_TIME_MS,
            is_done: false,
            expires_at: now.epoch_seconds() + KEEP_SECONDS,
        })
    }

    fn seed(&self, request: &IdempotentRequest) -> CreationSeed {
        CreationSeed::of_request(request, self.ulid, self.at, self.salt.clone())
    }

    fn record(&self, request: &IdempotentRequest) -> IdempotencyRecord {
        let item = Some((keys::claim(request), self.attempt));
        IdempotencyRecord { origin: self.seed(request), is_done: self.is_done, item }
    }

    fn is_in_progress(&self, now: Timestamp) -> bool {
        !self.is_done && now.epoch_milliseconds() < self.busy_until
    }
}

/// What became of taking over a claim.
enum Takeover {
    Taken,
    /// Another attempt holds the claim, or has completed it.
    Lost,
}

impl Store {
    /// Claims a request that creates a resource, and takes over an earlier attempt whose time is
    /// over.
    ///
    /// Without an `Idempotency-Key` this makes no call; the first claim of a key makes one.
    ///
    /// # Errors
    /// [`Error::Invalid`] where the key was used with another body; [`Error::InProgress`] while an
    /// earlier attempt may still be running.
    pub async fn claim(
        &self,
        owner: &Owner,
        request: Option<&IdempotentRequest>,
    ) -> Result<IdempotencyRecord, Error> {
        let Some(request) = request else { return Ok(IdempotencyRecord::without_key(self.now())) };
        let deadline = self.claim_deadline();
        let new = IdempotencyItem::new(owner, request, self.now())?;
        let Some(earlier) = self.put_or_discard(request, &new, deadline).await? else {
            return Ok(new.record(request));
        };
        if earlier.is_done {
            return Ok(earlier.record(request));
        }
        if earlier.is_in_progress(self.now()) {
            return Err(Error::InProgress);
        }
        let own = IdempotencyItem { attempt: new.attempt, ..earlier.clone() }.record(request);
        let taken = before(deadline, self.take_over(request, &earlier, &new)).await;
        match self.release_on_error(&own, taken).await? {
            Takeover::Taken => Ok(own),
            Takeover::Lost => Err(Error::InProgress),
        }
    }

    /// Claims a request that can't be repeated where its result is unknown: there is no takeover.
    ///
    /// # Errors
    /// [`Error::Invalid`] where the key was used with another body.
    pub async fn claim_once(
        &self,
        owner: &Owner,
        request: Option<&IdempotentRequest>,
    ) -> Result<IdempotencyState, Error> {
        let Some(request) = request else {
            return Ok(IdempotencyState::New(IdempotencyRecord::without_key(self.now())));
        };
        let new = IdempotencyItem::new(owner, request, self.now())?;
        Ok(match self.put_or_discard(request, &new, self.claim_deadline()).await? {
            None => IdempotencyState::New(new.record(request)),
            Some(earlier) => IdempotencyState::Existing {
                origin: earlier.seed(request),
                is_going_on: earlier.is_in_progress(self.now()),
            },
        })
    }

    /// Carries out `write`, unless an earlier request has, and releases the claim after an error.
    pub(super) async fn complete(
        &self,
        claim: &IdempotencyRecord,
        write: impl Future<Output = Result<Completion, Error>>,
    ) -> Result<Completion, Error> {
        if claim.is_done {
            return Ok(Completion::Replayed);
        }
        self.release_on_error(claim, write.await).await
    }

    /// Releases a claim whose attempt came to an error.
    async fn release_on_error<T>(
        &self,
        claim: &IdempotencyRecord,
        result: Result<T, Error>,
    ) -> Result<T, Error> {
        if let Err(error) = &result {
            self.release_claim(claim, error).await;
        }
        result
    }

    /// Releases a claim after `error`, so that the request can be sent again at once: a refused one
    /// begins anew, one whose result is unknown is continued.
    ///
    /// Where this fails, the next request waits until this attempt's time is over.
    async fn release_claim(&self, claim: &IdempotencyRecord, error: &Error) {
        if !is_unknown(error) {
            return self.discard_claim(claim).await;
        }
        let Some((key, attempt)) = &claim.item else { return };
        let update = self.dynamodb.update_item().table_name(&*self.table);
        let update = update
            .set_key(Some(key.clone().into_item()))
            .update_expression("SET busyUntil = :over")
            .condition_expression(IS_OWN)
            .expression_attribute_values(":over", number(0))
            .expression_attribute_values(":attempt", AttributeValue::S(attempt.to_string()))
            .expression_attribute_values(":no", AttributeValue::Bool(false));
        self.best_effort(update.send(), "DynamoDB UpdateItem, claim").await;
    }

    /// Deletes the claim of a request that changed nothing.
    ///
    /// Where this fails, the next request learns of it once this attempt's time is over.
    pub async fn discard_claim(&self, claim: &IdempotencyRecord) {
        let Some((key, attempt)) = &claim.item else { return };
        let delete = self.dynamodb.delete_item().table_name(&*self.table);
        let delete = delete
            .set_key(Some(key.clone().into_item()))
            .condition_expression(IS_OWN)
            .expression_attribute_values(":attempt", AttributeValue::S(attempt.to_string()))
            .expression_attribute_values(":no", AttributeValue::Bool(false));
        self.best_effort(delete.send(), "DynamoDB DeleteItem, claim").await;
    }

    /// The write that marks a claim as completed, for the transaction that carries it out; `None`
    /// without an `Idempotency-Key`.
    ///
    /// It is conditioned on the claim's identifier, so a late attempt can neither duplicate nor
    /// resurrect the resource.
    pub(super) fn mark_completed(
        &self,
        claim: &IdempotencyRecord,
    ) -> Result<Option<TransactionItem>, Error> {
        let Some((key, _)) = &claim.item else { return Ok(None) };
        let update = Update::builder()
            .table_name(&*self.table)
            .set_key(Some(key.clone().into_item()))
            .update_expression("SET isDone = :yes")
            .condition_expression("isDone = :no AND ulid = :ulid")
            .expression_attribute_values(":yes", AttributeValue::Bool(true))
            .expression_attribute_values(":no", AttributeValue::Bool(false))
            .expression_attribute_values(":ulid", ulid_of(claim))
            .return_values_on_condition_check_failure(OnFailure::AllOld);
        TransactionItem::update(Tag::IdempotencyRecord, update).map(Some)
    }

    /// Puts a claim before `deadline`; where it is unknown whether it was put, discards it.
    async fn put_or_discard(
        &self,
        request: &IdempotentRequest,
        new: &IdempotencyItem,
        deadline: Instant,
    ) -> Result<Option<IdempotencyItem>, Error> {
        let put = before(deadline, self.put_claim(request, new)).await;
        if put.as_ref().is_err_and(is_unknown) {
            self.discard_claim(&new.record(request)).await;
        }
        put
    }

    /// Puts a claim if there is none that is valid; otherwise returns the existing one.
    async fn put_claim(
        &self,
        request: &IdempotentRequest,
        new: &IdempotencyItem,
    ) -> Result<Option<IdempotencyItem>, Error> {
        let item: Item = serde_dynamo::to_item(new).map_err(Error::internal)?;
        let now = number(new.at.epoch_seconds());
        let attempt = || async {
            self.dynamodb
                .put_item()
                .table_name(&*self.table)
                .set_item(Some(item.clone()))
                .condition_expression(format!("attribute_not_exists({PK}) OR expiresAt <= :now"))
                .expression_attribute_values(":now", now.clone())
                .return_values_on_condition_check_failure(OnFailure::AllOld)
                .send()
                .await
        };
        let Err(error) = retry_on_conflict(attempt).await else { return Ok(None) };
        let existing = match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(failed)) => failed.item().cloned(),
            _ => None,
        };
        let Some(item) = existing else { return Err(failure("DynamoDB PutItem, claim")(error)) };
        let existing: IdempotencyItem = serde_dynamo::from_item(item).map_err(Error::internal)?;
        if existing.attempt == new.attempt {
            // Put by an attempt of the SDK whose response was lost.
            return Ok(None);
        }
        if existing.body != *request.body() {
            let reason = "was used with another body; another request needs another key";
            return Err(Error::invalid("Idempotency-Key", reason));
        }
        Ok(Some(existing))
    }

    /// Takes over the claim of an earlier attempt.
    async fn take_over(
        &self,
        request: &IdempotentRequest,
        earlier: &IdempotencyItem,
        new: &IdempotencyItem,
    ) -> Result<Takeover, Error> {
        let sent = self
            .dynamodb
            .update_item()
            .table_name(&*self.table)
            .set_key(Some(keys::claim(request).into_item()))
            .update_expression("SET attempt = :new, busyUntil = :until, expiresAt = :end")
            .condition_expression("attempt IN (:earlier, :new) AND isDone = :no")
            .expression_attribute_values(":earlier", AttributeValue::S(earlier.attempt.to_string()))
            .expression_attribute_values(":new", AttributeValue::S(new.attempt.to_string()))
            .expression_attribute_values(":until", number(new.busy_until))
            .expression_attribute_values(":end", number(new.expires_at))
            .expression_attribute_values(":no", AttributeValue::Bool(false))
            .send()
            .await;
        match sent {
            Ok(_) => Ok(Takeover::Taken),
            Err(error) if is_failed_condition(&error) => Ok(Takeover::Lost),
            Err(error) => Err(failure("DynamoDB UpdateItem, claim")(error)),
        }
    }

    /// Makes a call on a claim within [`TimeBudget::discard`], and logs its failure.
    async fn best_effort<T, E>(
        &self,
        call: impl Future<Output = Result<T, SdkError<E>>>,
        what: &'static str,
    ) where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let cause = match tokio::time::timeout(self.time_budget.discard, call).await {
            Ok(Ok(_)) => return,
            // Another attempt holds it, or it is completed.
            Ok(Err(error)) if is_failed_condition(&error) => return,
            Ok(Err(error)) => failure(what)(error).causes(),
            Err(_) => "out of time".to_owned(),
        };
        tracing::warn!(cause, "a claim is left until its time is over");
    }

    fn claim_deadline(&self) -> Instant {
        Instant::now() + self.time_budget.claim
    }
}

/// Whether `error` leaves unknown whether anything was written.
fn is_unknown(error: &Error) -> bool {
    matches!(error, Error::Unavailable(_) | Error::Internal(_))
}

/// Whether a transaction was refused because an earlier attempt has completed the claim.
///
/// # Errors
/// [`Error::InProgress`] where another claim has taken its place: then nothing is known.
pub(super) fn already_completed(
    claim: &IdempotencyRecord,
    refusals: &Refusals,
) -> Result<bool, Error> {
    if !refusals.refused(Tag::IdempotencyRecord) {
        return Ok(false);
    }
    let item = refusals.item(Tag::IdempotencyRecord);
    let has = |name: &str, value| item.and_then(|item| item.get(name)) == Some(&value);
    if has("ulid", ulid_of(claim)) && has("isDone", AttributeValue::Bool(true)) {
        return Ok(true);
    }
    Err(Error::InProgress)
}

fn ulid_of(claim: &IdempotencyRecord) -> AttributeValue {
    AttributeValue::S(claim.origin.ulid.to_string())
}

async fn before<T>(
    deadline: Instant,
    claim: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let out_of_time = |_| Error::Unavailable("claiming a request: out of time".into());
    tokio::time::timeout_at(deadline, claim).await.map_err(out_of_time)?
}
