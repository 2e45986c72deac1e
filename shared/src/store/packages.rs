//! The packages of a function in the table.

use std::time::Duration;

use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Update};

use super::Store;
use super::item::{attribute_value, number};
use super::keys::{self, PK};
use super::record::{DependenciesRecord, FunctionRecord, Outcome, PackagesAsked};
use super::transaction::{Tag, TransactionItem, TransactionResult};
use crate::domain::{
    DeploymentState, FunctionId, Layer, LayerKey, Owner, Packages, RequiredPackages,
    RequirementsDigest, Runtime, WorkspaceId,
};
use crate::error::Error;

/// How long a request for packages may take: Lambda delivers it three times, each for 15 minutes at the
/// most, but most answers come within one.
const ASKED_AGAIN_AFTER: Duration = Duration::from_secs(600);

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

    /// Records the layer of a function's packages. Returns whether it did: not where the function
    /// requires others by now, or was deleted.
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
    ) -> Result<bool, Error> {
        let check = self.check_layer_use(ws, id, &key)?;
        let update = self.set_dependencies(ws, id, wanted, Outcome::Ready { key, layer }, "")?;
        let items = vec![TransactionItem::update(Tag::Function, update)?, check];
        match self.transact("DynamoDB TransactWriteItems, packages", items).await? {
            TransactionResult::Refused(refusals) if !refusals.refused(Tag::Function) => {
                Err(Error::Unavailable("the use of a layer has ended".into()))
            }
            TransactionResult::Refused(_) => Ok(false),
            TransactionResult::Committed => Ok(true),
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
        is_final: bool,
    ) -> Result<(), Error> {
        let outcome = Outcome::Failed { message, version: wanted.version, is_final };
        // Packages that another attempt has installed are not taken away.
        let also =
            " AND (attribute_not_exists(dependencies.ready) OR dependencies.digest <> :digest)";
        let update = self
            .set_dependencies(ws, id, wanted, outcome, also)?
            .expression_attribute_values(":digest", attribute_value(&wanted.digest())?);
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

    /// Notes that a function's packages were asked for.
    pub async fn note_packages_asked(
        &self,
        ws: &WorkspaceId,
        id: &FunctionId,
        digest: RequirementsDigest,
        version: u64,
    ) -> Result<(), Error> {
        let asked = PackagesAsked { digest: digest.clone(), at: self.now() };
        // Not where there is an answer already.
        let update = Update::builder()
            .table_name(&*self.table)
            .set_key(Some(keys::function(ws, id).into_item()))
            .update_expression("SET packagesAsked = :asked")
            .condition_expression(format!(
                "attribute_exists({PK}) AND (attribute_not_exists(dependencies) \
                 OR dependencies.digest <> :digest OR (attribute_not_exists(dependencies.ready) \
                 AND (attribute_not_exists(dependencies.failed) \
                 OR dependencies.failed.version <> :version)))"
            ))
            .expression_attribute_values(":asked", attribute_value(&asked)?)
            .expression_attribute_values(":digest", attribute_value(&digest)?)
            .expression_attribute_values(":version", number(version));
        let items = vec![TransactionItem::update(Tag::Function, update)?];
        self.transact("DynamoDB TransactWriteItems, packages", items).await.map(drop)
    }

    /// Whether the packages of a function as it is now were asked for lately. A request that has
    /// failed for good is made again after that.
    pub(super) fn has_asked(&self, record: &FunctionRecord) -> bool {
        let Some(asked) = &record.packages_asked else { return false };
        let same = asked.digest == record.required_packages.digest(record.settings.runtime);
        same && self.now() < asked.at.after(ASKED_AGAIN_AFTER)
    }

    fn set_dependencies(
        &self,
        ws: &WorkspaceId,
        id: &FunctionId,
        wanted: &PackagesOfFunction,
        outcome: Outcome,
        also: &str,
    ) -> Result<UpdateBuilder, Error> {
        let record = DependenciesRecord { digest: wanted.digest(), outcome };
        Ok(Update::builder()
            .table_name(&*self.table)
            .set_key(Some(keys::function(ws, id).into_item()))
            .update_expression("SET dependencies = :dependencies REMOVE packagesAsked")
            .condition_expression(format!(
                "attribute_exists({PK}) AND requiredPackages = :required AND runtime = :runtime{also}"
            ))
            .expression_attribute_values(":dependencies", attribute_value(&record)?)
            .expression_attribute_values(":required", attribute_value(&wanted.required)?)
            .expression_attribute_values(":runtime", attribute_value(&wanted.runtime)?))
    }
}
