//! Compression of stored sources and logs, in zlib's format.

use miniz_oxide::deflate::{CompressionLevel, compress_to_vec_zlib};
use miniz_oxide::inflate::{TINFLStatus, decompress_to_vec_zlib_with_limit};

use crate::error::Error;

pub(super) fn compress(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec_zlib(bytes, CompressionLevel::DefaultLevel as u8)
}

/// The first `limit` bytes of what was compressed.
///
/// We wrote it ourselves, but other programs can edit the table: hence the limit.
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
    fn decompression_stops_at_its_limit() {
        let bomb = compress(&vec![b'a'; 64 * 1024 * 1024]);
        assert!(bomb.len() < 100_000);
        assert_eq!(decompress_bounded(&bomb, 1000).unwrap(), vec![b'a'; 1000]);
    }

    #[test]
    fn truncated_data_is_an_error() {
        let complete = compress(b"print('hello')");
        assert!(decompress_bounded(&complete[..complete.len() - 1], 1000).is_err());
    }

    #[test]
    fn data_compressed_by_flate2_is_read() {
        // Earlier versions compressed with flate2; their tables hold zlib's format too.
        let mut encoder =
            flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        std::io::Write::write_all(&mut encoder, b"print('hello')").unwrap();
        let compressed = encoder.finish().unwrap();
        assert_eq!(decompress_bounded(&compressed, 1000).unwrap(), b"print('hello')");
    }
}
