//! Reading a request's body.

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;

/// How far past the limit a body is read, in bytes, so that a client which
/// sends first and listens later still gets to see its 413.
const READ_ON: usize = 64 * 1024 * 1024;

/// What came of reading a body.
pub(super) enum Read {
    /// All of it.
    Whole(Bytes),
    /// More than the limit: this many bytes, or more if it was not read to its end.
    TooLarge { size: usize, is_all: bool },
    /// The client went away, or sent what is not HTTP.
    BrokenOff,
}

/// Reads `body` whole if it has no more than `limit` bytes.
pub(super) async fn read(mut body: Body, limit: usize) -> Read {
    let mut whole = BytesMut::new();
    let mut size = 0;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return Read::BrokenOff };
        let Ok(data) = frame.into_data() else { continue };
        size += data.len();
        if size <= limit {
            whole.extend_from_slice(&data);
        } else if size > limit + READ_ON {
            return Read::TooLarge { size, is_all: false };
        }
    }
    if size > limit {
        return Read::TooLarge { size, is_all: true };
    }
    Read::Whole(whole.freeze())
}
