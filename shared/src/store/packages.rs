//! The packages of a function in the table.

use super::Store;
use super::expression::ignore_failed_condition;
use super::item::attribute_value;
use super::keys::{self, PK};
use super::record::{DependenciesRecord, Outcome};
use crate::domain::{
    DeploymentState, FunctionId, Layer, LayerKey, Owner, Packages, RequiredPackages,
    RequirementsDigest, Runtime, WorkspaceId,
};
use crate::error::Error;

/// A function with the packages that it requires.
#[derive(Debug)]
pub struct PackagesOfFunction {
    /// Its owner.
    pub owner: Owner,
    /// The Python that runs it.
    pub runtime: Runtime,
    /// What it requires.
    pub required: RequiredPackages,
    /// What is installed.
    pub packages: Packages,
    /// Whether it is deployed as it is now.
    pub is_deployed: bool,
}

impl PackagesOfFunction {
    /// The digest of what it requires.
    pub fn digest(&self) -> RequirementsDigest {
        self.required.digest(self.runtime)
    }
}

impl Store {
    /// The packages of the function `id`; `None` where it, or its workspace, was deleted.
    pub async fn packages_of_function(
        &self,
        ws: &WorkspaceId,
        id: &FunctionId,
    ) -> Result<Option<PackagesOfFunction>, Error> {
        let Some(record) = self.function_of_any_owner(ws, id).await? else { return Ok(None) };
        Ok(Some(PackagesOfFunction {
            packages: record.packages(),
            is_deployed: record.deployment_state() == DeploymentState::Deployed,
            owner: Owner::from_stored(record.owner),
            runtime: record.settings.runtime,
            required: record.required_packages,
        }))
    }

    /// Records the layer of a function's packages; does nothing where it requires others by now, or
    /// was deleted.
    pub async fn record_packages(
        &self,
        ws: &WorkspaceId,
        id: &FunctionId,
        wanted: &PackagesOfFunction,
        key: LayerKey,
        layer: Layer,
    ) -> Result<(), Error> {
        self.record_outcome(ws, id, wanted, Outcome::Ready { key, layer }).await
    }

    /// Records why a function's packages can't be had; does nothing where it requires others by now,
    /// or was deleted.
    pub async fn record_failed_packages(
        &self,
        ws: &WorkspaceId,
        id: &FunctionId,
        wanted: &PackagesOfFunction,
        message: String,
    ) -> Result<(), Error> {
        self.record_outcome(ws, id, wanted, Outcome::Failed { message }).await
    }

    async fn record_outcome(
        &self,
        ws: &WorkspaceId,
        id: &FunctionId,
        wanted: &PackagesOfFunction,
        outcome: Outcome,
    ) -> Result<(), Error> {
        let record = DependenciesRecord { digest: wanted.digest(), outcome };
        let sent = self
            .dynamodb
            .update_item()
            .table_name(&*self.table)
            .set_key(Some(keys::function(ws, id).into_item()))
            .update_expression("SET dependencies = :dependencies")
            .condition_expression(format!(
                "attribute_exists({PK}) AND requiredPackages = :required AND runtime = :runtime"
            ))
            .expression_attribute_values(":dependencies", attribute_value(&record)?)
            .expression_attribute_values(":required", attribute_value(&wanted.required)?)
            .expression_attribute_values(":runtime", attribute_value(&wanted.runtime)?)
            .send()
            .await;
        ignore_failed_condition(sent, "DynamoDB UpdateItem, packages")
    }
}
