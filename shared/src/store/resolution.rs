//! Resolved requirements.
//!
//! The same requirements of an owner are resolved once in an hour, however many functions have them.
//! Afterwards they are resolved anew, because their packages may have newer versions.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Store;
use super::keys::{self, Key};
use super::lease::Lease;
use crate::aws::failure::failure;
use crate::domain::{LockedPackage, Owner, RequirementsDigest, Timestamp};
use crate::error::Error;

/// How long a resolution is kept, in seconds: a day, which is longer than it is asked for.
const KEPT_SECONDS: i64 = 24 * 3600;

const HOUR_MS: i64 = 3_600_000;

/// What requirements were resolved to. Its lock is an object.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Resolution {
    /// The SHA-256 of the lock.
    pub lock_hash: String,
    /// The packages of the lock, by name.
    pub packages: Vec<LockedPackage>,
}

/// Requirements that are to be resolved as of a time.
#[derive(Clone, Debug)]
pub struct ResolutionKey {
    key: Key,
    at: Timestamp,
}

impl ResolutionKey {
    /// In seconds since 1970.
    fn expires_at(&self) -> i64 {
        self.at.epoch_seconds() + KEPT_SECONDS
    }
}

impl Store {
    /// The key of requirements that are resolved now.
    pub fn resolution_key(&self, owner: &Owner, digest: &RequirementsDigest) -> ResolutionKey {
        let at = self.now();
        let key = keys::resolution(owner, digest, at.epoch_milliseconds() / HOUR_MS);
        ResolutionKey { key, at }
    }

    /// Asks for the lease of resolving requirements.
    pub async fn lease_resolution(
        &self,
        key: &ResolutionKey,
        hold: Duration,
    ) -> Result<Lease<Resolution>, Error> {
        self.lease(key.key.clone(), hold, None, Some(key.expires_at())).await
    }

    /// Stores a resolution, and returns the one that is stored: the first.
    pub async fn record_resolution(
        &self,
        key: &ResolutionKey,
        resolution: &Resolution,
    ) -> Result<Resolution, Error> {
        let expires_at = Some(key.expires_at());
        let stored = self.finish(key.key.clone(), resolution, expires_at).await?;
        stored.ok_or_else(|| Error::internal("a resolution was not stored"))
    }

    /// Gives up the lease of requirements that were not resolved.
    pub async fn give_up_resolution(&self, key: &ResolutionKey) -> Result<(), Error> {
        self.give_up_lease(key.key.clone()).await
    }

    /// Deletes a resolution, so that the requirements are resolved anew.
    pub async fn forget_resolution(&self, key: &ResolutionKey) -> Result<(), Error> {
        self.dynamodb
            .delete_item()
            .table_name(&*self.table)
            .set_key(Some(key.key.clone().into_item()))
            .send()
            .await
            .map(drop)
            .map_err(failure("DynamoDB DeleteItem, resolution"))
    }
}
