//! Layers of packages, and which functions use them.
//!
//! A layer's item counts the functions that use it. Each use is an item of its own, so a repeated
//! write counts once. A layer is deleted when its last use ends: it is marked first, and what is
//! marked can't be used any more.

use std::time::Duration;

use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Put, ReturnValuesOnConditionCheckFailure as OnFailure, Update,
};
use aws_sdk_s3::presigning::PresigningConfig;

use super::Store;
use super::expression::{ignore_failed_condition, refused_item};
use super::item::{number, text};
use super::keys::{self, Key, PK, SK};
use super::lease::Lease;
use super::transaction::{Tag, TransactionItem, TransactionResult};
use crate::aws::failure::failure;
use crate::domain::{FunctionId, Layer, LayerKey, Lock, Owner, PresignedPut, Runtime, WorkspaceId};
use crate::error::Error;

/// What became of the end of a function's use of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndOfUse {
    /// The function has the layer again: the use goes on.
    StillUsed,
    /// The function doesn't use it; others do.
    Ended,
    /// Nothing uses the layer, and nothing can use it any more: it is to be deleted.
    WasLast,
    /// Nothing uses the layer, which is still being built: whoever builds it looks again.
    BeingBuilt,
}

/// What became of a function's use of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayerUse {
    /// The layer stays as long as the function uses it.
    Counted,
    /// The function is gone.
    NoFunction,
}

impl Store {
    /// The key of the layer of a lock for an owner's functions.
    pub fn layer_key(&self, owner: &Owner, lock_hash: &str, runtime: Runtime) -> LayerKey {
        LayerKey::of(&self.table, owner, lock_hash, runtime)
    }

    /// Counts that a function uses a layer, unless that is counted.
    ///
    /// # Errors
    /// [`Error::Unavailable`] while the layer is being deleted.
    pub async fn use_layer(
        &self,
        ws: &WorkspaceId,
        id: &FunctionId,
        layer: &LayerKey,
    ) -> Result<LayerUse, Error> {
        let mark = Update::builder()
            .table_name(&*self.table)
            .set_key(Some(keys::function(ws, id).into_item()))
            .update_expression("SET hasLayers = :yes")
            .condition_expression(format!("attribute_exists({PK})"))
            .expression_attribute_values(":yes", AttributeValue::Bool(true));
        let put = Put::builder()
            .table_name(&*self.table)
            .set_item(Some(keys::layer_use(ws, id, layer).into_item()))
            .condition_expression(format!("attribute_not_exists({PK}) OR isReleased = :yes"))
            .expression_attribute_values(":yes", AttributeValue::Bool(true));
        let count =
            self.count_uses(layer, 1).condition_expression("attribute_not_exists(isDeleted)");
        let items = vec![
            TransactionItem::update(Tag::Function, mark)?,
            TransactionItem::put(Tag::LayerUse, put)?,
            TransactionItem::update(Tag::Layer, count)?,
        ];
        match self.transact("DynamoDB TransactWriteItems, use of a layer", items).await? {
            TransactionResult::Committed => Ok(LayerUse::Counted),
            TransactionResult::Refused(refusals) if refusals.refused(Tag::Function) => {
                Ok(LayerUse::NoFunction)
            }
            TransactionResult::Refused(refusals) if refusals.refused(Tag::LayerUse) => {
                Ok(LayerUse::Counted)
            }
            TransactionResult::Refused(_) => {
                Err(Error::Unavailable("the layer is being deleted".into()))
            }
        }
    }

    /// The layers that a function uses, those whose use has only begun to end too.
    pub async fn layers_of_function(
        &self,
        ws: &WorkspaceId,
        id: &FunctionId,
    ) -> Result<Vec<LayerKey>, Error> {
        let mut found = self
            .items_below(keys::workspace_partition(ws), &keys::layer_uses(id))
            .projection_expression(SK)
            .into_paginator()
            .items()
            .send();
        let mut layers = Vec::new();
        while let Some(item) = found.next().await {
            let item = item.map_err(failure("DynamoDB Query, layers of a function"))?;
            layers.extend(text(&item, SK).and_then(keys::layer_of_use));
        }
        Ok(layers)
    }

    /// Ends a function's use of a layer, unless it is the layer of its packages.
    ///
    /// Afterwards [`Store::forget_layer_use`] is due. Until then, this can be repeated.
    pub async fn end_layer_use(
        &self,
        ws: &WorkspaceId,
        id: &FunctionId,
        layer: &LayerKey,
    ) -> Result<EndOfUse, Error> {
        // Its counterpart is the check of the use where the packages are recorded.
        let check = ConditionCheck::builder()
            .table_name(&*self.table)
            .set_key(Some(keys::function(ws, id).into_item()))
            .condition_expression(
                "(attribute_not_exists(dependencies.#ready) OR dependencies.#ready.#key <> :layer) \
                 AND (attribute_not_exists(deployedPackages) OR deployedPackages.#key <> :layer)",
            )
            .expression_attribute_names("#ready", "ready")
            .expression_attribute_names("#key", "key")
            .expression_attribute_values(":layer", AttributeValue::S(layer.to_string()));
        let release = Update::builder()
            .table_name(&*self.table)
            .set_key(Some(keys::layer_use(ws, id, layer).into_item()))
            .update_expression("SET isReleased = :yes")
            .condition_expression(format!(
                "attribute_exists({PK}) AND attribute_not_exists(isReleased)"
            ))
            .expression_attribute_values(":yes", AttributeValue::Bool(true));
        let items = vec![
            TransactionItem::check(Tag::Function, check)?,
            TransactionItem::update(Tag::LayerUse, release)?,
            TransactionItem::update(Tag::Layer, self.count_uses(layer, -1))?,
        ];
        match self.transact("DynamoDB TransactWriteItems, end of a use", items).await? {
            TransactionResult::Refused(refusals) if refusals.refused(Tag::Function) => {
                return Ok(EndOfUse::StillUsed);
            }
            // An earlier attempt has ended it.
            TransactionResult::Refused(_) | TransactionResult::Committed => {}
        }
        self.mark_unused_layer(layer).await
    }

    /// The condition that a function uses a layer.
    pub(super) fn check_layer_use(
        &self,
        ws: &WorkspaceId,
        id: &FunctionId,
        layer: &LayerKey,
    ) -> Result<TransactionItem, Error> {
        let check = ConditionCheck::builder()
            .table_name(&*self.table)
            .set_key(Some(keys::layer_use(ws, id, layer).into_item()))
            .condition_expression(format!(
                "attribute_exists({PK}) AND attribute_not_exists(isReleased)"
            ));
        TransactionItem::check(Tag::LayerUse, check)
    }

    /// Deletes the item of a use that has ended.
    pub async fn forget_layer_use(
        &self,
        ws: &WorkspaceId,
        id: &FunctionId,
        layer: &LayerKey,
    ) -> Result<(), Error> {
        let sent = self
            .dynamodb
            .delete_item()
            .table_name(&*self.table)
            .set_key(Some(keys::layer_use(ws, id, layer).into_item()))
            .condition_expression("isReleased = :yes")
            .expression_attribute_values(":yes", AttributeValue::Bool(true))
            .send()
            .await;
        ignore_failed_condition(sent, "DynamoDB DeleteItem, use of a layer")
    }

    /// Marks a layer as deleted, if nothing uses it.
    async fn mark_unused_layer(&self, layer: &LayerKey) -> Result<EndOfUse, Error> {
        let sent = self
            .dynamodb
            .update_item()
            .table_name(&*self.table)
            .set_key(Some(keys::layer(layer).into_item()))
            .update_expression("SET isDeleted = :yes")
            .condition_expression(
                "uses <= :none AND (attribute_not_exists(busyUntil) OR busyUntil < :now)",
            )
            .expression_attribute_values(":yes", AttributeValue::Bool(true))
            .expression_attribute_values(":none", number(0))
            .expression_attribute_values(":now", number(self.now().epoch_milliseconds()))
            .return_values_on_condition_check_failure(OnFailure::AllOld)
            .send()
            .await;
        let item = match sent {
            Ok(_) => return Ok(EndOfUse::WasLast),
            Err(error) => refused_item(error, "DynamoDB UpdateItem, unused layer")?,
        };
        let item = item.unwrap_or_default();
        let uses = item.get("uses").and_then(|uses| uses.as_n().ok()?.parse::<i64>().ok());
        Ok(match uses {
            Some(uses) if uses <= 0 => EndOfUse::BeingBuilt,
            // Used by others, or deleted already.
            _ => EndOfUse::Ended,
        })
    }

    /// Deletes the objects of a deleted layer, and its item.
    pub async fn remove_layer(&self, layer: &LayerKey) -> Result<(), Error> {
        self.delete_object(&keys::layer_zip(layer)).await?;
        self.delete_object(&keys::layer_lock(layer)).await?;
        let sent = self
            .dynamodb
            .delete_item()
            .table_name(&*self.table)
            .set_key(Some(keys::layer(layer).into_item()))
            .condition_expression("isDeleted = :yes")
            .expression_attribute_values(":yes", AttributeValue::Bool(true))
            .send()
            .await;
        ignore_failed_condition(sent, "DynamoDB DeleteItem, layer")
    }

    /// Asks for the lease of building a layer that some function uses.
    pub async fn lease_layer(
        &self,
        layer: &LayerKey,
        hold: Duration,
    ) -> Result<Lease<Layer>, Error> {
        self.lease(keys::layer(layer), hold, Some("attribute_not_exists(isDeleted)"), None).await
    }

    /// Stores what a layer is, and returns what is stored: the first; `None` where it was deleted.
    pub async fn record_layer(
        &self,
        key: &LayerKey,
        layer: &Layer,
    ) -> Result<Option<Layer>, Error> {
        self.finish(keys::layer(key), layer, None).await
    }

    /// Gives up the lease of a layer that was not built.
    pub async fn give_up_layer(&self, layer: &LayerKey) -> Result<(), Error> {
        self.give_up_lease(keys::layer(layer)).await
    }

    /// Writes the lock of a layer.
    pub async fn put_lock(&self, layer: &LayerKey, lock: &Lock) -> Result<(), Error> {
        let (key, text) = (keys::layer_lock(layer), lock.text().as_bytes());
        self.put_object(&key, "text/plain; charset=utf-8", text).await
    }

    /// The lock of a layer; `None` where it was deleted.
    pub async fn lock(&self, layer: &LayerKey) -> Result<Option<Lock>, Error> {
        let object = self.get_object(&keys::layer_lock(layer)).await?;
        let text = object.map(String::from_utf8).transpose().map_err(Error::internal)?;
        Ok(text.map(Lock::new))
    }

    /// A request that writes the zip of a layer, for somebody without permissions.
    pub async fn presigned_layer_zip(
        &self,
        layer: &LayerKey,
        valid: Duration,
    ) -> Result<PresignedPut, Error> {
        let config = PresigningConfig::expires_in(valid).map_err(Error::internal)?;
        let put = self.s3.put_object().bucket(&*self.bucket).key(keys::layer_zip(layer));
        let signed = put.content_type("application/zip").presigned(config).await;
        let signed = signed.map_err(failure("S3 PutObject, signing"))?;
        let headers = signed.headers().map(|(name, value)| (name.to_owned(), value.to_owned()));
        Ok(PresignedPut { url: signed.uri().to_owned(), headers: headers.collect() })
    }

    /// The bucket and the key of a layer's zip.
    pub fn layer_zip(&self, layer: &LayerKey) -> (String, String) {
        (self.bucket.to_string(), keys::layer_zip(layer))
    }

    /// Deletes the zip of a layer, which is published.
    pub async fn delete_layer_zip(&self, layer: &LayerKey) -> Result<(), Error> {
        self.delete_object(&keys::layer_zip(layer)).await
    }

    fn count_uses(
        &self,
        layer: &LayerKey,
        by: i8,
    ) -> aws_sdk_dynamodb::types::builders::UpdateBuilder {
        let Key { pk, sk } = keys::layer(layer);
        Update::builder()
            .table_name(&*self.table)
            .set_key(Some(Key { pk, sk }.into_item()))
            .update_expression("ADD #uses :by")
            .expression_attribute_names("#uses", "uses")
            .expression_attribute_values(":by", number(by))
    }
}
