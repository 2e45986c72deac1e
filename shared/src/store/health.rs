//! The health of the table and of the bucket.

use super::Store;
use super::keys;
use crate::aws::failure::failure;
use crate::error::Error;

impl Store {
    /// Reads an item that can't exist.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and [`Error::Internal`], as of every read.
    pub async fn table_answers(&self) -> Result<(), Error> {
        let read = self.dynamodb.get_item().table_name(&*self.table);
        read.set_key(Some(keys::nothing().into_item()))
            .send()
            .await
            .map(drop)
            .map_err(failure("DynamoDB GetItem, health"))
    }

    /// Asks S3 for the bucket.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and [`Error::Internal`], as of every read.
    pub async fn bucket_answers(&self) -> Result<(), Error> {
        let read = self.s3.head_bucket().bucket(&*self.bucket);
        read.send().await.map(drop).map_err(failure("S3 HeadBucket, health"))
    }
}
