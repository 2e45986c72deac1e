//! A workspace's item.

use serde::{Deserialize, Serialize};

use crate::domain::{Description, Name, Owner, Timestamp, Versioned, Workspace, WorkspaceId};
use crate::error::Error;
use crate::store::item::{Item, is_visible_to};
use crate::store::keys;

/// A workspace's item.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::store) struct WorkspaceRecord {
    #[serde(rename = "PK")]
    pk: String,
    #[serde(rename = "SK")]
    sk: String,
    #[serde(rename = "GSI1PK", skip_serializing_if = "Option::is_none")]
    index_pk: Option<String>,
    #[serde(rename = "GSI1SK", skip_serializing_if = "Option::is_none")]
    index_sk: Option<String>,
    owner: String,
    id: WorkspaceId,
    name: Name,
    description: Description,
    created_at: Timestamp,
    function_count: u64,
    /// Counts the writes.
    version: u64,
}

impl WorkspaceRecord {
    pub(in crate::store) fn new(owner: &Owner, workspace: Workspace) -> Self {
        let key = keys::workspace(&workspace.id);
        let index = keys::workspace_in_index(owner, &workspace.id);
        Self {
            pk: key.pk,
            sk: key.sk,
            index_pk: Some(index.pk),
            index_sk: Some(index.sk),
            owner: owner.to_string(),
            id: workspace.id,
            name: workspace.name,
            description: workspace.description,
            created_at: workspace.created_at,
            function_count: workspace.function_count,
            version: 1,
        }
    }

    pub(in crate::store) fn read(item: Item) -> Result<Self, Error> {
        serde_dynamo::from_item(item).map_err(Error::internal)
    }
}

impl From<WorkspaceRecord> for Workspace {
    fn from(record: WorkspaceRecord) -> Self {
        Self {
            id: record.id,
            name: record.name,
            description: record.description,
            created_at: record.created_at,
            function_count: record.function_count,
            // Stored in an item of their own.
            invocations_24h: 0,
            error_rate: 0.0,
        }
    }
}

/// The workspace in `item`, if `owner` sees it.
///
/// # Errors
/// [`Error::NotFound`] otherwise.
pub(in crate::store) fn visible_workspace(
    owner: &Owner,
    id: &WorkspaceId,
    item: Option<Item>,
) -> Result<Versioned<Workspace>, Error> {
    let record = WorkspaceRecord::read(visible_workspace_item(owner, id, item)?)?;
    Ok(Versioned { version: record.version, value: record.into() })
}

/// The workspace's item itself, if `owner` sees it.
///
/// # Errors
/// [`Error::NotFound`] otherwise.
pub(in crate::store) fn visible_workspace_item(
    owner: &Owner,
    id: &WorkspaceId,
    item: Option<Item>,
) -> Result<Item, Error> {
    Ok(item.filter(|item| is_visible_to(owner, item)).ok_or_else(|| id.not_found())?)
}
