//! Functions' sources in S3, and the small ones in the table beside their function.
//!
//! A version's object is written before the transaction that names it, under a
//! key that is never used again, and never changed: a write that fails can't
//! touch the source that is in force, and removing the one that it replaced
//! can't hit the one of another write.

use std::io::{Read, Write};

use aws_sdk_s3::primitives::ByteStream;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

use super::Store;
use super::failure::failure;
use crate::domain::Code;
use crate::error::Error;

/// The most bytes of compressed source that stand in the function's item: 16 KiB.
///
/// Ordinary sources are smaller, so reading and listing functions needs no S3
/// call; larger ones would make each read of the item cost more than a `GET`.
const MAX_INLINE_BYTES: usize = 16 * 1024;

/// `code`, compressed, if that is small enough to stand in the function's item.
pub(super) fn inline(code: &Code) -> Result<Option<Vec<u8>>, Error> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(code.as_bytes()).map_err(Error::internal)?;
    let compressed = encoder.finish().map_err(Error::internal)?;
    Ok((compressed.len() <= MAX_INLINE_BYTES).then_some(compressed))
}

/// The source that [`inline`] compressed.
pub(super) fn from_inline(compressed: &[u8]) -> Result<Code, Error> {
    let mut source = String::new();
    // The limit holds although we wrote it ourselves: a table is easily edited.
    let mut decoder = ZlibDecoder::new(compressed).take(Code::MAX_BYTES as u64);
    decoder.read_to_string(&mut source).map_err(Error::internal)?;
    Ok(Code::from_stored(source))
}

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
        String::from_utf8(bytes.to_vec())
            .map(|source| Some(Code::from_stored(source)))
            .map_err(Error::internal)
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

    /// Removes all objects whose keys begin with `prefix`.
    pub(super) async fn delete_objects_below(&self, prefix: &str) -> Result<(), Error> {
        let mut pages =
            self.s3.list_objects_v2().bucket(&*self.bucket).prefix(prefix).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(failure("S3 ListObjectsV2"))?;
            for key in page.contents().iter().filter_map(|object| object.key()) {
                self.delete_object(key).await?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_sources_stand_inline_and_come_back_as_they_were() {
        let code = Code::from_stored("print('안녕 👋')\r\n".repeat(1000));
        let compressed = inline(&code).unwrap().expect("compresses well");
        assert_eq!(from_inline(&compressed).unwrap(), code);
    }

    #[test]
    fn what_does_not_compress_stays_in_the_bucket() {
        let noise: String = (0..4000_u64)
            .map(|i| format!("{:016x}", i.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
            .collect();
        assert_eq!(inline(&Code::from_stored(noise)).unwrap(), None);
    }

    #[test]
    fn a_bomb_in_the_table_does_not_unfold() {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&vec![b'a'; 64 * Code::MAX_BYTES]).unwrap();
        let code = from_inline(&encoder.finish().unwrap()).unwrap();
        assert_eq!(code.as_bytes().len(), Code::MAX_BYTES);
    }
}
