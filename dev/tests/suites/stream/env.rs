//! A workspace of a deployment, whose stream is processed.

use std::ops::{Deref, DerefMut};

use aws_sdk_dynamodb::types::AttributeValue;
use deployment::Deployment;
use serde_json::json;
use shared::domain::{Clock, Expected, Function, FunctionId, Owner, WorkspaceId};
use shared::error::Error;
use shared::store::Store;

/// A deployment with one workspace.
pub(crate) struct StreamEnv {
    api: Deployment,
    pub(crate) ws: WorkspaceId,
}

impl StreamEnv {
    pub(crate) async fn start() -> Self {
        let api = Deployment::start().await;
        let ws = api.env.new_workspace().await;
        Self { api, ws }
    }

    pub(crate) async fn function(&self, source: &str) -> FunctionId {
        self.env.new_function(&self.ws, source, &json!({})).await
    }

    pub(crate) async fn read(&self, id: &FunctionId) -> Result<Function, Error> {
        self.env.store.function(&Owner::anonymous(), &self.ws, id).await.map(|found| found.value)
    }

    /// Writes variables into a function's item, as an earlier release did, which refused fewer.
    pub(crate) async fn store_variables(&self, id: &FunctionId, variables: Vec<(String, String)>) {
        let text = |text: String| AttributeValue::S(text);
        let variables = variables.into_iter().map(|(name, value)| (name, text(value))).collect();
        let update = self.env.dynamodb.update_item().table_name(&self.env.config.table);
        let update = update.key("PK", text(format!("WS#{}", self.ws)));
        let update = update.key("SK", text(format!("FN#{id}")));
        let update =
            update.update_expression("SET environmentVariables = :variables ADD version :one");
        let update = update.expression_attribute_values(":variables", AttributeValue::M(variables));
        let update = update.expression_attribute_values(":one", AttributeValue::N("1".into()));
        update.send().await.unwrap();
    }

    pub(crate) async fn delete(&self, id: &FunctionId) {
        let (owner, any) = (Owner::anonymous(), Expected::Any);
        self.env.store.delete_function(&owner, &self.ws, id, &any).await.unwrap();
    }

    pub(crate) async fn delete_workspace(&self) {
        let (owner, any) = (Owner::anonymous(), Expected::Any);
        self.env.store.delete_workspace(&owner, &self.ws, &any).await.unwrap();
    }

    /// A store over the same table, with another clock.
    pub(crate) fn store_at(&self, clock: &Clock) -> Store {
        self.env.store.clone().with_clock(clock.clone())
    }
}

impl Deref for StreamEnv {
    type Target = Deployment;

    fn deref(&self) -> &Deployment {
        &self.api
    }
}

impl DerefMut for StreamEnv {
    fn deref_mut(&mut self) -> &mut Deployment {
        &mut self.api
    }
}
