//! Sources as they travel, in base64. The input is both a text that a client sends as `code`, and a
//! source that it might have meant.
#![no_main]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use shared::domain::{Code, ValidationError};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        // What isn't text is no source, however well it is encoded.
        assert!(Code::try_from(Value::from(STANDARD.encode(data))).is_err());
        return;
    };
    match Code::try_from(Value::from(text)) {
        Ok(code) => {
            let written = holds(&code);
            // Nothing but the padding and white space may differ, so it is the same bytes.
            let sent: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
            assert_eq!(sent.trim_end_matches('='), written.trim_end_matches('='));
        }
        Err(ValidationError(reason)) => {
            fuzz::assert_sentence(&reason);
            let decoded = STANDARD.decode(text).ok().filter(|bytes| !bytes.is_empty());
            assert!(decoded.and_then(|bytes| String::from_utf8(bytes).ok()).is_none(), "{reason}");
        }
    }
    let sent = Code::try_from(Value::from(STANDARD.encode(text)));
    assert_eq!(sent.is_ok(), !text.is_empty());
    if let Ok(code) = sent {
        assert_eq!(code.as_bytes(), data);
        holds(&code);
    }
});

/// Holds that a source is one, and reads back as the same bytes; gives it as it is written.
fn holds(code: &Code) -> String {
    assert!((1..=Code::MAX_BYTES).contains(&code.as_bytes().len()));
    assert_eq!(code.as_str().as_bytes(), code.as_bytes());
    let written = serde_json::to_value(code).expect("a source is JSON");
    let text = written.as_str().expect("a source is text").to_owned();
    assert_eq!(text, STANDARD.encode(code.as_bytes()));
    assert_eq!(Code::try_from(written).ok().as_ref(), Some(code));
    assert!(!format!("{code:?}").contains(&text) || text.len() < 8, "a source in a log");
    text
}
