//! A function's deployment in the table: what is to be deployed, and how far that is.

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};

use super::function::FunctionRecord;
use super::keys::{self, PK};
use super::{Item, Store};
use crate::aws::failure::failure;
use crate::domain::{
    Access, Function, FunctionId, HttpMethods, Owner, Status, Timeout, Timestamp, Versioned,
    WorkspaceId,
};
use crate::error::Error;

/// What the reconciler reports in a function's item. These don't count as
/// writes of the function: its version, and so its `ETag`, is its clients'.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct DeploymentRecord {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_deployed: Option<Timestamp>,
    /// What of the function is deployed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) deployed_revision: Option<String>,
    /// The engine's version that is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) engine_version: Option<String>,
    /// Why the function could not be deployed, as it was in `failed_version`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) deployment_error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failed_version: Option<u64>,
}

impl DeploymentRecord {
    /// Why the function in its `version` could not be deployed, if it couldn't.
    pub(super) fn error_of(&self, version: u64) -> Option<String> {
        let error = self.deployment_error.as_ref();
        error.filter(|_| self.failed_version == Some(version)).cloned()
    }
}

/// A function as it should be deployed, and as it is.
#[derive(Debug)]
pub struct Deployable {
    /// The function, with its version.
    pub function: Versioned<Function>,
    /// What of it is deployed, if anything is.
    pub deployed_revision: Option<String>,
    /// The engine's version that is called now.
    pub engine_version: Option<String>,
    /// Whether deploying it as it is has failed before.
    pub has_failed: bool,
    /// To whom it belongs.
    pub owner: Owner,
}

/// A function as it can be called now.
#[derive(Debug)]
pub struct Callable {
    /// The function's settings. Its source isn't loaded.
    pub settings: CallSettings,
    /// The engine's version to call; `None` before it was first deployed.
    pub engine_version: Option<String>,
    /// Why its latest change could not be deployed, if it couldn't.
    pub deployment_error: Option<String>,
}

/// What matters of a function to those who call it.
#[derive(Debug)]
pub struct CallSettings {
    /// Whether it may be called.
    pub status: Status,
    /// The methods that its URL answers.
    pub methods: HttpMethods,
    /// How long it may run.
    pub timeout: Timeout,
    /// Who may call its URL.
    pub access: Access,
}

impl Store {
    /// The function `id` as it should be deployed; `None` where it, or its
    /// workspace, was deleted.
    pub async fn function_to_deploy(
        &self,
        ws: &WorkspaceId,
        id: &FunctionId,
    ) -> Result<Option<Deployable>, Error> {
        let Some(record) = self.function_of_any_owner(ws, id).await? else { return Ok(None) };
        let deployed_revision = record.deployment.deployed_revision.clone();
        let engine_version = record.deployment.engine_version.clone();
        let has_failed = record.deployment.error_of(record.version).is_some();
        let owner = Owner::from_stored(record.owner.clone());
        // Without its source, it was changed again: another record of the stream tells that.
        let Some(code) = self.source(&record.code).await? else { return Ok(None) };
        let function = record.with_code(code);
        Ok(Some(Deployable { function, deployed_revision, engine_version, has_failed, owner }))
    }

    /// Whether the function `id` and its workspace are there, whoever owns them.
    pub async fn function_is_there(
        &self,
        ws: &WorkspaceId,
        id: &FunctionId,
    ) -> Result<bool, Error> {
        Ok(self.function_of_any_owner(ws, id).await?.is_some())
    }

    /// The function `id` as it can be called by anybody who knows its URL.
    ///
    /// # Errors
    /// [`Error::NotFound`] where it, or its workspace, isn't there.
    pub async fn callable_function(
        &self,
        ws: &WorkspaceId,
        id: &FunctionId,
    ) -> Result<Callable, Error> {
        let record = self.function_of_any_owner(ws, id).await?.ok_or_else(|| id.not_found())?;
        Ok(record.into_callable())
    }

    /// The function `id` as its `owner` can call it.
    ///
    /// # Errors
    /// [`Error::NotFound`] where it, or its workspace, isn't there for this owner.
    pub async fn callable_function_of(
        &self,
        owner: &Owner,
        ws: &WorkspaceId,
        id: &FunctionId,
    ) -> Result<Callable, Error> {
        Ok(self.function_record(owner, ws, id).await?.into_callable())
    }

    /// Records that a function is deployed; nothing, where it was deleted.
    pub async fn record_deployment(
        &self,
        ws: &WorkspaceId,
        id: &FunctionId,
        revision: &str,
        engine_version: &str,
    ) -> Result<(), Error> {
        let now = AttributeValue::S(self.now().to_string());
        let set = "SET lastDeployed = :now, deployedRevision = :revision, engineVersion = :version \
            REMOVE deploymentError, failedVersion";
        let values = [
            (":now", now),
            (":revision", AttributeValue::S(revision.into())),
            (":version", AttributeValue::S(engine_version.into())),
        ];
        self.report(ws, id, set, values.into()).await
    }

    /// Records why a function could not be deployed as it is in `version`;
    /// nothing, where it was deleted.
    pub async fn record_failed_deployment(
        &self,
        ws: &WorkspaceId,
        id: &FunctionId,
        version: u64,
        reason: &str,
    ) -> Result<(), Error> {
        let values = [
            (":reason", AttributeValue::S(reason.into())),
            (":version", AttributeValue::N(version.to_string())),
        ];
        let set = "SET deploymentError = :reason, failedVersion = :version";
        self.report(ws, id, set, values.into()).await
    }

    async fn report(
        &self,
        ws: &WorkspaceId,
        id: &FunctionId,
        update: &str,
        values: Vec<(&str, AttributeValue)>,
    ) -> Result<(), Error> {
        let values = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let sent = self
            .dynamodb
            .update_item()
            .table_name(&*self.table)
            .set_key(Some(keys::function(ws, id).into_item()))
            .update_expression(update)
            .condition_expression(format!("attribute_exists({PK})"))
            .set_expression_attribute_values(Some(values))
            .send()
            .await;
        match sent {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(()),
            Err(error) => Err(failure("DynamoDB UpdateItem, deployment")(error)),
        }
    }

    /// The item of a function, if it and its workspace are there, whoever owns them. One that an
    /// earlier backend wrote, and that isn't brought to the present form, is none yet.
    pub(super) async fn function_of_any_owner(
        &self,
        ws: &WorkspaceId,
        id: &FunctionId,
    ) -> Result<Option<FunctionRecord>, Error> {
        let (workspace, function) = (keys::workspace(ws), keys::function(ws, id));
        let mut items = self.items(&[workspace.clone(), function.clone()]).await?;
        let there = |item: &Item| !item.contains_key("deletedAt");
        if !items.remove(&workspace.sk).as_ref().is_some_and(there) {
            return Ok(None);
        }
        let function = items.remove(&function.sk).filter(|item| item.contains_key("version"));
        function.map(FunctionRecord::read).transpose()
    }
}
