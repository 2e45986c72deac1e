//! A function's deployment in the table: what is to be deployed, and what is deployed.

use aws_sdk_dynamodb::types::AttributeValue;

use super::Store;
use super::expression::ignore_failed_condition;
use super::item::{attribute_value, is_deleted, number};
use super::keys::{self, PK};
use super::record::{FunctionRecord, InstalledRecord};
use crate::domain::{
    Access, DeploymentState, Function, FunctionId, HttpMethods, Layer, LayerKey, Owner, Packages,
    RequirementsDigest, Status, Timeout, Versioned, WorkspaceId,
};
use crate::error::Error;

/// A function as it should be deployed, and its present deployment.
#[derive(Debug)]
pub struct Deployable {
    /// The function, with its version.
    pub function: Versioned<Function>,
    /// The deployed revision, if any.
    pub deployed_revision: Option<String>,
    /// The engine's version that is called now.
    pub engine_version: Option<String>,
    /// Whether deploying this version has failed before.
    pub has_failed: bool,
    /// Its owner.
    pub owner: Owner,
    /// Its packages.
    pub packages: Packages,
    /// Whether it uses, or has used, a layer.
    pub has_layers: bool,
    /// Whether its packages were asked for so lately that an answer may be on its way.
    pub has_asked: bool,
}

/// What was deployed.
#[derive(Clone, Copy, Debug)]
pub struct Deployment<'a> {
    /// The digest of everything that it is made of.
    pub revision: &'a str,
    /// The digest of what the function's client decides of it.
    pub digest: &'a str,
    /// The engine's version that is called from now on.
    pub engine_version: &'a str,
    /// The form of the events that this version takes.
    pub adapter_protocol: u32,
    /// The layer of its packages with the digest of its requirements, if it has some.
    pub packages: Option<(&'a RequirementsDigest, &'a LayerKey, &'a Layer)>,
}

/// A function as it can be called.
#[derive(Debug)]
pub struct Callable {
    /// The settings that matter to a call.
    pub settings: CallSettings,
    /// The engine's version to call; `None` before it was first deployed.
    pub engine_version: Option<String>,
    /// The form of the events that this version takes; 0 for those of the first releases.
    pub adapter_protocol: u32,
    /// How far the function as it is now is deployed.
    pub state: DeploymentState,
}

/// The settings of a function that matter to a call.
#[derive(Debug)]
pub struct CallSettings {
    /// Whether it may be called.
    pub status: Status,
    /// The methods that its URL answers.
    pub methods: HttpMethods,
    /// The longest that it may run.
    pub timeout: Timeout,
    /// Who may call its URL.
    pub access: Access,
}

impl From<FunctionRecord> for Callable {
    fn from(record: FunctionRecord) -> Self {
        let state = record.deployment_state();
        let keys = record.invocation_keys.into_iter().map(|key| key.hash);
        let access = Access::new(record.settings.auth, keys.collect());
        Self {
            state,
            adapter_protocol: record.deployment.adapter_protocol.unwrap_or_default(),
            settings: CallSettings {
                status: record.status,
                methods: record.settings.http_methods,
                timeout: record.settings.timeout,
                access,
            },
            engine_version: record.deployment.engine_version,
        }
    }
}

impl Store {
    /// The function `id` as it should be deployed; `None` where it, or its workspace, was deleted.
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
        let packages = record.packages();
        let has_layers = record.has_layers;
        let has_asked = self.has_asked(&record);
        // Gone: the source was replaced, and another stream record follows.
        let Some(code) = self.source(&record.code).await? else { return Ok(None) };
        let files = self.files(&record.files).await?;
        if files.is_none() && !record.files.is_empty() {
            return Ok(None);
        }
        let function = record.with_code(code, files);
        Ok(Some(Deployable {
            function,
            deployed_revision,
            engine_version,
            has_failed,
            owner,
            packages,
            has_layers,
            has_asked,
        }))
    }

    /// Whether the function `id` and its workspace exist, whoever owns them.
    pub async fn function_exists(&self, ws: &WorkspaceId, id: &FunctionId) -> Result<bool, Error> {
        Ok(self.function_of_any_owner(ws, id).await?.is_some())
    }

    /// The function `id` as anybody who knows its URL can call it.
    ///
    /// # Errors
    /// [`Error::NotFound`] where it, or its workspace, doesn't exist.
    pub async fn callable_function(
        &self,
        ws: &WorkspaceId,
        id: &FunctionId,
    ) -> Result<Callable, Error> {
        let record = self.function_of_any_owner(ws, id).await?.ok_or_else(|| id.not_found())?;
        Ok(record.into())
    }

    /// The function `id` as its `owner` can call it.
    ///
    /// # Errors
    /// [`Error::NotFound`] where this owner doesn't see it or its workspace.
    pub async fn callable_function_of(
        &self,
        owner: &Owner,
        ws: &WorkspaceId,
        id: &FunctionId,
    ) -> Result<Callable, Error> {
        Ok(self.function_record(owner, ws, id).await?.into())
    }

    /// Records that a function is deployed; does nothing where it was deleted.
    pub async fn record_deployment(
        &self,
        ws: &WorkspaceId,
        id: &FunctionId,
        deployment: &Deployment<'_>,
    ) -> Result<(), Error> {
        let Deployment { revision, digest, engine_version, adapter_protocol, packages } =
            deployment;
        let now = AttributeValue::S(self.now().to_string());
        let set = "SET lastDeployed = :now, deployedRevision = :revision, \
            deployedDigest = :digest, engineVersion = :version, adapterProtocol = :protocol";
        let installed = packages.map(|(digest, key, layer)| {
            let (digest, key, layer) = (digest.clone(), key.clone(), layer.clone());
            attribute_value(&InstalledRecord { digest, key, layer })
        });
        let set_packages = match installed {
            Some(_) => ", deployedPackages = :packages REMOVE deploymentError, failedVersion",
            None => " REMOVE deploymentError, failedVersion, deployedPackages",
        };
        let set = format!("{set}{set_packages}");
        let text = |value: &str| AttributeValue::S(value.into());
        let mut values = vec![
            (":now", now),
            (":revision", text(revision)),
            (":digest", text(digest)),
            (":version", text(engine_version)),
            (":protocol", number(adapter_protocol)),
        ];
        values.extend(installed.transpose()?.map(|installed| (":packages", installed)));
        self.update_deployment(ws, id, &set, values).await
    }

    /// Records why a function's `version` could not be deployed; does nothing where it was deleted.
    pub async fn record_failed_deployment(
        &self,
        ws: &WorkspaceId,
        id: &FunctionId,
        version: u64,
        reason: &str,
    ) -> Result<(), Error> {
        let values = [(":reason", AttributeValue::S(reason.into())), (":version", number(version))];
        let set = "SET deploymentError = :reason, failedVersion = :version";
        self.update_deployment(ws, id, set, values.into()).await
    }

    async fn update_deployment(
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
        ignore_failed_condition(sent, "DynamoDB UpdateItem, deployment")
    }

    /// The item of a function, if it and its workspace exist, whoever owns them. An item of the
    /// legacy backend doesn't count before its migration.
    pub(super) async fn function_of_any_owner(
        &self,
        ws: &WorkspaceId,
        id: &FunctionId,
    ) -> Result<Option<FunctionRecord>, Error> {
        let (workspace, function) = (keys::workspace(ws), keys::function(ws, id));
        let mut items = self.items(&[workspace.clone(), function.clone()]).await?;
        if items.remove(&workspace.sk).as_ref().is_none_or(is_deleted) {
            return Ok(None);
        }
        let function = items.remove(&function.sk).filter(|item| item.contains_key("version"));
        function.map(FunctionRecord::read).transpose()
    }
}
