//! Compression of what is stored.

use miniz_oxide::deflate::{CompressionLevel, compress_to_vec_zlib};
use miniz_oxide::inflate::{TINFLStatus, decompress_to_vec_zlib_with_limit};

use crate::error::Error;

/// `bytes`, compressed.
pub(super) fn compressed(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec_zlib(bytes, CompressionLevel::DefaultLevel as u8)
}

/// What was [`compressed`], up to `limit` bytes of it.
///
/// The limit holds although we wrote it ourselves: a table is easily edited.
pub(super) fn decompress_bounded(compressed: &[u8], limit: usize) -> Result<Vec<u8>, Error> {
    match decompress_to_vec_zlib_with_limit(compressed, limit) {
        Ok(bytes) => Ok(bytes),
        Err(error) if error.status == TINFLStatus::HasMoreOutput => Ok(error.output),
        Err(error) => Err(Error::internal(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bomb_does_not_unfold() {
        let bomb = compressed(&vec![b'a'; 64 * 1024 * 1024]);
        assert!(bomb.len() < 100_000);
        assert_eq!(decompress_bounded(&bomb, 1000).unwrap(), vec![b'a'; 1000]);
    }

    #[test]
    fn what_is_broken_is_an_error_and_what_is_of_flate2_is_read() {
        let whole = compressed(b"print('hello')");
        assert!(decompress_bounded(&whole[..whole.len() - 1], 1000).is_err());
        // As those did who wrote what is in tables already: the format is zlib's.
        let mut encoder =
            flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        std::io::Write::write_all(&mut encoder, b"print('hello')").unwrap();
        assert_eq!(
            decompress_bounded(&encoder.finish().unwrap(), 1000).unwrap(),
            b"print('hello')"
        );
    }
}
