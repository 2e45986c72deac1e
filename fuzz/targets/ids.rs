//! Ids from paths: a parsed id is safe in a key, and is unchanged.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shared::domain::{FunctionId, KeyId, LogId, WorkspaceId};

/// Checks the parsing of a text as one type of id. Whether it is valid.
macro_rules! assert_parsed {
    ($kind:ident, $prefix:literal, $text:expr) => {{
        let text: &str = $text;
        let rest = text.strip_prefix($prefix);
        let is_valid = rest.is_some_and(|rest| {
            !rest.is_empty() && rest.chars().all(|c| c.is_ascii_alphanumeric())
        }) && text.len() <= 32;
        match text.parse::<$kind>() {
            Ok(id) => {
                assert!(is_valid, "{text:?} is invalid");
                assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
                assert_eq!(id.as_str(), text);
                assert_eq!(id.to_string(), text);
                assert_eq!(id.as_str().parse(), Ok(id.clone()));
                assert_eq!(serde_json::to_value(&id).ok(), Some(text.into()));
                fuzz::assert_message(&id.not_found().to_string());
            }
            Err(invalid) => {
                assert!(!is_valid, "{text:?} is valid");
                // It does not quote the text.
                assert!(invalid.to_string().len() < 60, "{invalid}");
            }
        }
        is_valid
    }};
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let kinds = [
        assert_parsed!(WorkspaceId, "ws-", text),
        assert_parsed!(FunctionId, "fn-", text),
        assert_parsed!(LogId, "log-", text),
        assert_parsed!(KeyId, "key-", text),
    ];
    assert!(kinds.into_iter().filter(|is_valid| *is_valid).count() <= 1, "{text} has two types");
});
