//! Objects of the bucket, which all are sources.

use std::time::Instant;

use aws_sdk_s3::primitives::ByteStream;

use super::Store;
use crate::aws::failure::failure;
use crate::domain::Code;
use crate::error::Error;

impl Store {
    /// Writes `code` under `key`.
    pub(super) async fn put_object(&self, key: &str, code: &Code) -> Result<(), Error> {
        self.s3
            .put_object()
            .bucket(&*self.bucket)
            .key(key)
            .content_type("text/x-python; charset=utf-8")
            .body(ByteStream::from(code.as_bytes().to_vec()))
            .send()
            .await
            .map_err(failure("S3 PutObject"))?;
        Ok(())
    }

    /// Reads the source under `key`; `None` if there is none (any more).
    pub(super) async fn get_object(&self, key: &str) -> Result<Option<Code>, Error> {
        let got = match self.s3.get_object().bucket(&*self.bucket).key(key).send().await {
            Ok(got) => got,
            Err(error) if error.as_service_error().is_some_and(|e| e.is_no_such_key()) => {
                return Ok(None);
            }
            Err(error) => return Err(failure("S3 GetObject")(error)),
        };
        let bytes = got.body.collect().await.map_err(|e| Error::Unavailable(e.into()))?;
        let source = String::from_utf8(bytes.to_vec()).map_err(Error::internal)?;
        Code::try_from(source).map(Some).map_err(Error::internal)
    }

    /// Removes the object under `key`; none there is as good.
    pub(super) async fn delete_object(&self, key: &str) -> Result<(), Error> {
        self.s3
            .delete_object()
            .bucket(&*self.bucket)
            .key(key)
            .send()
            .await
            .map_err(failure("S3 DeleteObject"))?;
        Ok(())
    }

    /// Removes those objects whose keys begin with `prefix` and that are `unwanted`,
    /// which is asked with each one's key and when it was made, in milliseconds
    /// since 1970. Whether it got through all of them until `deadline`.
    pub(super) async fn delete_objects_until(
        &self,
        prefix: &str,
        deadline: Instant,
        unwanted: impl Fn(&str, i64) -> bool,
    ) -> Result<bool, Error> {
        let mut pages =
            self.s3.list_objects_v2().bucket(&*self.bucket).prefix(prefix).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(failure("S3 ListObjectsV2"))?;
            for object in page.contents() {
                let Some(key) = object.key() else { continue };
                let made = object.last_modified().and_then(|made| made.to_millis().ok());
                if unwanted(key, made.unwrap_or(i64::MAX)) {
                    self.delete_object(key).await?;
                    if Instant::now() >= deadline {
                        return Ok(false);
                    }
                }
            }
        }
        Ok(true)
    }
}
