//! Whether a table of the legacy backend has what the current form needs.

use aws_sdk_dynamodb::types::{
    IndexStatus, KeyType, ProjectionType, StreamViewType, TableDescription, TimeToLiveStatus,
};

use crate::aws::failure::failure;
use crate::error::Error;
use crate::store::Store;
use crate::store::keys::{INDEX, INDEX_PK, INDEX_SK};
use crate::store::retry::retry_unavailable;

impl Store {
    /// What the table lacks for the current form, as clauses whose subject is the table.
    pub async fn table_lacks(&self) -> Result<Vec<&'static str>, Error> {
        let attempt = || async {
            let described = self.dynamodb.describe_table().table_name(&*self.table).send().await;
            described.map_err(failure("DynamoDB DescribeTable"))
        };
        let described = retry_unavailable(attempt).await?;
        let table =
            described.table.ok_or_else(|| Error::internal("DescribeTable returned no table"))?;
        let attempt = || async {
            let describe = self.dynamodb.describe_time_to_live().table_name(&*self.table);
            describe.send().await.map_err(failure("DynamoDB DescribeTimeToLive"))
        };
        let time_to_live = retry_unavailable(attempt).await?.time_to_live_description;
        let is_on = time_to_live.is_some_and(|description| {
            let on = [TimeToLiveStatus::Enabled, TimeToLiveStatus::Enabling];
            description.attribute_name() == Some("expiresAt")
                && description.time_to_live_status().is_some_and(|status| on.contains(status))
        });
        let mut lacks = lacks(&table);
        if !is_on {
            lacks.push("it removes nothing at its time to live, expiresAt");
        }
        Ok(lacks)
    }
}

fn lacks(table: &TableDescription) -> Vec<&'static str> {
    let mut lacks = Vec::new();
    let index = table.global_secondary_indexes().iter().find(|i| i.index_name() == Some(INDEX));
    let has_key = |kind: KeyType, name: &str| {
        let keys = index.map(|index| index.key_schema()).unwrap_or_default();
        keys.iter().any(|key| *key.key_type() == kind && key.attribute_name() == name)
    };
    let projection = index.and_then(|index| index.projection()).and_then(|p| p.projection_type());
    if !has_key(KeyType::Hash, INDEX_PK)
        || !has_key(KeyType::Range, INDEX_SK)
        || projection != Some(&ProjectionType::All)
    {
        lacks.push("it has no index GSI1 with the keys GSI1PK and GSI1SK and all attributes");
    } else if index.and_then(|i| i.index_status()).is_some_and(|s| *s != IndexStatus::Active) {
        lacks.push("its index GSI1 is still being made");
    }
    let stream = table.stream_specification().filter(|stream| stream.stream_enabled());
    if stream.and_then(|s| s.stream_view_type()) != Some(&StreamViewType::NewAndOldImages) {
        lacks.push("it has no stream of new and old images");
    }
    lacks
}
