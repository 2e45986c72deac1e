//! A function's source in its item.

use serde::{Deserialize, Serialize};

use crate::domain::{Code, FunctionId, WorkspaceId};
use crate::error::Error;
use crate::store::compression::{compress, decompress_bounded};
use crate::store::expression::Changes;
use crate::store::keys;

/// The most bytes of compressed source that stand in the function's item: 16 KiB.
///
/// Ordinary sources are smaller, so reading and listing functions needs no S3 call. A larger item
/// would make every read of it cost more than a `GET` of the object.
const MAX_INLINE_BYTES: usize = 16 * 1024;

/// Where a function's source is stored.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::store) struct CodeRecord {
    code_sha256: String,
    /// The key of the source's object.
    pub(in crate::store) code_key: String,
    /// The compressed source, where it is small enough.
    #[serde(default, with = "serde_bytes", skip_serializing_if = "Option::is_none")]
    pub(in crate::store) code_inline: Option<Vec<u8>>,
}

impl CodeRecord {
    /// The record of a source that is to be written under a new key.
    pub(in crate::store) fn new(ws: &WorkspaceId, id: &FunctionId, code: &Code) -> Self {
        Self {
            code_sha256: code.sha256(),
            code_key: keys::new_code_version(ws, id),
            code_inline: inline(code),
        }
    }

    /// The SHA-256 of the source in lower-case hexadecimal.
    pub(in crate::store) fn sha256(&self) -> &str {
        &self.code_sha256
    }

    /// Adds the change to this source to `changes`. The key is a side effect: the same source under
    /// another key is no change.
    pub(in crate::store) fn add_to(&self, changes: &mut Changes) -> Result<(), Error> {
        changes.require("codeSha256", &self.code_sha256)?;
        changes.side_effect("codeKey", &self.code_key)?;
        match &self.code_inline {
            Some(bytes) => changes.side_effect("codeInline", &serde_bytes::Bytes::new(bytes)),
            None => {
                changes.remove("codeInline");
                Ok(())
            }
        }
    }
}

/// The object key of one version of a source.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceKey(pub(in crate::store) String);

/// The compressed source, if it is small enough for the function's item.
fn inline(code: &Code) -> Option<Vec<u8>> {
    let compressed = compress(code.as_bytes());
    (compressed.len() <= MAX_INLINE_BYTES).then_some(compressed)
}

/// The source of [`CodeRecord::code_inline`].
pub(in crate::store) fn code_from_inline(compressed: &[u8]) -> Result<Code, Error> {
    let source = decompress_bounded(compressed, Code::MAX_BYTES)?;
    let source = String::from_utf8(source).map_err(Error::internal)?;
    Code::try_from(source).map_err(Error::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressible_source_is_stored_inline_unchanged() {
        let code = Code::try_from("print('안녕 👋')\r\n".repeat(1000)).unwrap();
        let compressed = inline(&code).expect("compresses well");
        assert_eq!(code_from_inline(&compressed).unwrap(), code);
    }

    #[test]
    fn incompressible_source_is_not_stored_inline() {
        let noise: String = (0..4000_u64)
            .map(|i| format!("{:016x}", i.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
            .collect();
        assert_eq!(inline(&Code::try_from(noise).unwrap()), None);
    }
}
