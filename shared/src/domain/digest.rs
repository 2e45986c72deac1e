//! Digests of several texts.

use sha2::{Digest, Sha256};

/// The SHA-256 of `parts`. The length of each part precedes it, so that the end of one can't be
/// mistaken for the beginning of the next.
pub fn sha256_of_parts<'a>(parts: impl IntoIterator<Item = &'a str>) -> [u8; 32] {
    let add = |digest: Sha256, part: &str| {
        digest.chain_update((part.len() as u64).to_be_bytes()).chain_update(part)
    };
    parts.into_iter().fold(Sha256::new(), add).finalize().into()
}
