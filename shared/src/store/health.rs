//! Whether the table and the bucket answer.

use super::{Store, keys};
use crate::aws::failure::failure;
use crate::error::Error;

impl Store {
    /// Asks the table for an item that can't be there.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and [`Error::Internal`], as every other read.
    pub async fn table_answers(&self) -> Result<(), Error> {
        let read = self.dynamodb.get_item().table_name(&*self.table);
        read.set_key(Some(keys::nothing().into_item()))
            .send()
            .await
            .map(drop)
            .map_err(failure("DynamoDB GetItem, health"))
    }

    /// Asks whether the bucket is there.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and [`Error::Internal`], as every other read.
    pub async fn bucket_answers(&self) -> Result<(), Error> {
        let read = self.s3.head_bucket().bucket(&*self.bucket);
        read.send().await.map(drop).map_err(failure("S3 HeadBucket, health"))
    }
}
