//! Sources in base64. The input is used as the base64 text in `code`, and as the source.
#![no_main]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use shared::domain::{Code, ValidationError};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        // Only UTF-8 is a source.
        assert!(Code::try_from(Value::from(STANDARD.encode(data))).is_err());
        return;
    };
    match Code::try_from(Value::from(text)) {
        Ok(code) => {
            let written = assert_round_trip(&code);
            // Only padding and white space may differ.
            let sent: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
            assert_eq!(sent.trim_end_matches('='), written.trim_end_matches('='));
        }
        Err(ValidationError(reason)) => {
            fuzz::assert_message(&reason);
            let decoded = STANDARD.decode(text).ok().filter(|bytes| !bytes.is_empty());
            assert!(decoded.and_then(|bytes| String::from_utf8(bytes).ok()).is_none(), "{reason}");
        }
    }
    let sent = Code::try_from(Value::from(STANDARD.encode(text)));
    assert_eq!(sent.is_ok(), !text.is_empty());
    if let Ok(code) = sent {
        assert_eq!(code.as_bytes(), data);
        assert_round_trip(&code);
    }
});

/// Checks that a source reads back as the same bytes. Its base64.
fn assert_round_trip(code: &Code) -> String {
    assert!((1..=Code::MAX_BYTES).contains(&code.as_bytes().len()));
    assert_eq!(code.as_str().as_bytes(), code.as_bytes());
    let written = serde_json::to_value(code).expect("a source is JSON");
    let text = written.as_str().expect("a source is text").to_owned();
    assert_eq!(text, STANDARD.encode(code.as_bytes()));
    assert_eq!(Code::try_from(written).ok().as_ref(), Some(code));
    assert!(!format!("{code:?}").contains(&text) || text.len() < 8, "a source in a log");
    text
}
