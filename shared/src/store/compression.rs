//! Compression of what is stored.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

use crate::error::Error;

/// `bytes`, compressed.
pub(super) fn compressed(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).map_err(Error::internal)?;
    encoder.finish().map_err(Error::internal)
}

/// What was [`compressed`], up to `limit` bytes of it.
///
/// The limit holds although we wrote it ourselves: a table is easily edited.
pub(super) fn unfolded(compressed: &[u8], limit: u64) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    ZlibDecoder::new(compressed).take(limit).read_to_end(&mut bytes).map_err(Error::internal)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bomb_does_not_unfold() {
        let bomb = compressed(&vec![b'a'; 64 * 1024 * 1024]).unwrap();
        assert!(bomb.len() < 100_000);
        assert_eq!(unfolded(&bomb, 1000).unwrap().len(), 1000);
    }
}
