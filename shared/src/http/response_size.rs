//! How much one answer can carry.

use crate::domain::{Capacity, ReplyBody};

/// The most bytes of an answer's content, escaped.
///
/// AWS Lambda answers with at most 6 MiB of JSON, in which our body is a string. 64 KiB are left for
/// the rest of that JSON.
const RESPONSE_BYTES: usize = 6 * 1024 * 1024 - 64 * 1024;

/// The capacity of a page of a list in one answer.
pub const RESPONSE_CAPACITY: Capacity = Capacity { total: RESPONSE_BYTES, size_of: escaped_len };

/// Whether one answer can carry `body`.
pub fn fits_into_response(body: &ReplyBody) -> bool {
    let bytes = match body {
        ReplyBody::Empty => 0,
        ReplyBody::Json(json) => escaped_len(json.get().as_bytes()),
        ReplyBody::Text(text) => escaped_len(text.as_bytes()),
        // As base64.
        ReplyBody::Binary(bytes) => bytes.len().div_ceil(3) * 4,
    };
    bytes <= RESPONSE_BYTES
}

/// The length of `text` within a JSON string.
fn escaped_len(text: &[u8]) -> usize {
    let extra = |byte: &u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 1,
        0..0x20 => 5,
        _ => 0,
    };
    text.len() + text.iter().map(extra).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Limits, List, PageBuilder, PageRequest};

    #[test]
    fn the_size_is_that_of_json_in_a_json_string() {
        for item in [
            serde_json::json!({"a": "\"\\\n é 💳", "b": [1, null]}).to_string(),
            "\u{1}\t\u{7f}".to_owned(),
        ] {
            let inside = serde_json::to_string(&item).unwrap();
            assert_eq!(escaped_len(item.as_bytes()), inside.len() - 2, "{inside}");
        }
    }

    #[test]
    fn a_page_holds_what_one_answer_can_carry() {
        let list = List::Functions("ws-1".parse().unwrap());
        let limit = Limits::RESOURCES.parse(None).unwrap();
        let page = PageRequest::new(list, limit, RESPONSE_CAPACITY, None).unwrap();
        let mut builder = PageBuilder::new(&page);
        // Escaped twice: as JSON, and again when the body becomes a string.
        let half = "\\".repeat(RESPONSE_BYTES / 8 + 1);
        builder.offer(half.clone());
        builder.offer(half);
        assert!(builder.is_full());
        builder.offer("small, but behind an item that did not fit".into());
        assert_eq!(builder.finish(&page, |_| String::new()).items.len(), 1);
    }

    #[test]
    fn a_reply_fits_up_to_the_limit() {
        for (body, fits) in [
            (ReplyBody::Empty, true),
            (ReplyBody::Text("x".repeat(RESPONSE_BYTES)), true),
            (ReplyBody::Text("x".repeat(RESPONSE_BYTES + 1)), false),
            (ReplyBody::Text("\n".repeat(RESPONSE_BYTES / 2 + 1)), false),
            (ReplyBody::Binary(vec![0; RESPONSE_BYTES / 4 * 3]), true),
            (ReplyBody::Binary(vec![0; RESPONSE_BYTES / 4 * 3 + 1]), false),
        ] {
            assert_eq!(fits_into_response(&body), fits);
        }
    }
}
