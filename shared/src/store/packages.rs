//! The packages of a function in the table.

use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Update};

use super::Store;
use super::item::attribute_value;
use super::keys::{self, PK};
use super::record::{DependenciesRecord, Outcome};
use super::transaction::{Tag, TransactionItem, TransactionResult};
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
    /// Its version, which counts the writes by clients.
    pub version: u64,
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
            version: record.version,
            required: record.required_packages,
        }))
    }

    /// Records the layer of a function's packages; does nothing where it requires others by now, or
    /// was deleted.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where the function's use of the layer has ended meanwhile.
    pub async fn record_packages(
        &self,
        ws: &WorkspaceId,
        id: &FunctionId,
        wanted: &PackagesOfFunction,
        key: LayerKey,
        layer: Layer,
    ) -> Result<(), Error> {
        let check = self.check_layer_use(ws, id, &key)?;
        let update = self.set_dependencies(ws, id, wanted, Outcome::Ready { key, layer })?;
        let items = vec![TransactionItem::update(Tag::Function, update)?, check];
        match self.transact("DynamoDB TransactWriteItems, packages", items).await? {
            TransactionResult::Refused(refusals) if !refusals.refused(Tag::Function) => {
                Err(Error::Unavailable("the use of a layer has ended".into()))
            }
            TransactionResult::Refused(_) | TransactionResult::Committed => Ok(()),
        }
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
        let outcome = Outcome::Failed { message, version: wanted.version };
        let update = self.set_dependencies(ws, id, wanted, outcome)?;
        let items = vec![TransactionItem::update(Tag::Function, update)?];
        self.transact("DynamoDB TransactWriteItems, packages", items).await.map(drop)
    }

    /// Forgets the packages that a function had. Returns whether it still requires none.
    pub async fn forget_packages(&self, ws: &WorkspaceId, id: &FunctionId) -> Result<bool, Error> {
        let (digest, outcome) =
            (RequiredPackages::default().digest(Runtime::default()), Outcome::Released {});
        let released = DependenciesRecord { digest, outcome };
        let update = Update::builder()
            .table_name(&*self.table)
            .set_key(Some(keys::function(ws, id).into_item()))
            .update_expression("SET dependencies = :released")
            .condition_expression(format!(
                "attribute_exists({PK}) AND \
                 (attribute_not_exists(requiredPackages) OR requiredPackages = :none)"
            ))
            .expression_attribute_values(":none", AttributeValue::L(Vec::new()))
            .expression_attribute_values(":released", attribute_value(&released)?);
        let items = vec![TransactionItem::update(Tag::Function, update)?];
        let result = self.transact("DynamoDB TransactWriteItems, packages", items).await?;
        Ok(matches!(result, TransactionResult::Committed))
    }

    fn set_dependencies(
        &self,
        ws: &WorkspaceId,
        id: &FunctionId,
        wanted: &PackagesOfFunction,
        outcome: Outcome,
    ) -> Result<UpdateBuilder, Error> {
        let record = DependenciesRecord { digest: wanted.digest(), outcome };
        Ok(Update::builder()
            .table_name(&*self.table)
            .set_key(Some(keys::function(ws, id).into_item()))
            .update_expression("SET dependencies = :dependencies")
            .condition_expression(format!(
                "attribute_exists({PK}) AND requiredPackages = :required AND runtime = :runtime"
            ))
            .expression_attribute_values(":dependencies", attribute_value(&record)?)
            .expression_attribute_values(":required", attribute_value(&wanted.required)?)
            .expression_attribute_values(":runtime", attribute_value(&wanted.runtime)?))
    }
}
