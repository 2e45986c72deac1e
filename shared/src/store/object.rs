//! Objects of the bucket: sources, files and locks of functions.

use aws_sdk_s3::primitives::ByteStream;
use tokio::time::Instant;

use super::Store;
use crate::aws::failure::failure;
use crate::domain::Code;
use crate::error::Error;

/// How far a deletion in steps has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Everything is deleted.
    Done,
    /// Its time was over before: something may be left.
    Unfinished,
}

impl Store {
    /// Writes `bytes` under `key`.
    pub(super) async fn put_object(
        &self,
        key: &str,
        content_type: &str,
        bytes: &[u8],
    ) -> Result<(), Error> {
        self.s3
            .put_object()
            .bucket(&*self.bucket)
            .key(key)
            .content_type(content_type)
            .body(ByteStream::from(bytes.to_vec()))
            .send()
            .await
            .map_err(failure("S3 PutObject"))?;
        Ok(())
    }

    /// Writes `code` under `key`.
    pub(super) async fn put_source(&self, key: &str, code: &Code) -> Result<(), Error> {
        self.put_object(key, "text/x-python; charset=utf-8", code.as_bytes()).await
    }

    /// Writes a zip archive under `key`.
    pub(super) async fn put_archive(&self, key: &str, archive: &[u8]) -> Result<(), Error> {
        self.put_object(key, "application/zip", archive).await
    }

    /// Reads the object under `key`; `None` if there is none.
    pub(super) async fn get_object(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        let got = match self.s3.get_object().bucket(&*self.bucket).key(key).send().await {
            Ok(got) => got,
            Err(error) if error.as_service_error().is_some_and(|e| e.is_no_such_key()) => {
                return Ok(None);
            }
            Err(error) => return Err(failure("S3 GetObject")(error)),
        };
        let bytes = got.body.collect().await.map_err(|e| Error::Unavailable(e.into()))?;
        Ok(Some(bytes.to_vec()))
    }

    /// Deletes the object under `key`, if there is one.
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

    /// Deletes the objects below `prefix` that are `unwanted` by their key and their creation time,
    /// in milliseconds since 1970, until `deadline`.
    pub(super) async fn delete_objects_until(
        &self,
        prefix: &str,
        deadline: Instant,
        unwanted: impl Fn(&str, i64) -> bool,
    ) -> Result<Progress, Error> {
        let mut pages =
            self.s3.list_objects_v2().bucket(&*self.bucket).prefix(prefix).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(failure("S3 ListObjectsV2"))?;
            for object in page.contents() {
                let Some(key) = object.key() else { continue };
                let created = object.last_modified().and_then(|time| time.to_millis().ok());
                if unwanted(key, created.unwrap_or(i64::MAX)) {
                    self.delete_object(key).await?;
                    if Instant::now() >= deadline {
                        return Ok(Progress::Unfinished);
                    }
                }
            }
        }
        Ok(Progress::Done)
    }
}
