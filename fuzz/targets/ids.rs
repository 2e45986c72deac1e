//! Identifiers from paths: what parses is what may stand in a key, and reads back as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shared::domain::{FunctionId, KeyId, LogId, WorkspaceId};

/// Holds what one kind of identifier makes of a text; gives whether it is one.
macro_rules! holds {
    ($kind:ident, $prefix:literal, $text:expr) => {{
        let text: &str = $text;
        let rest = text.strip_prefix($prefix);
        let is_one = rest.is_some_and(|rest| {
            !rest.is_empty() && rest.chars().all(|c| c.is_ascii_alphanumeric())
        }) && text.len() <= 32;
        match text.parse::<$kind>() {
            Ok(id) => {
                assert!(is_one, "{text:?} is none");
                assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
                assert_eq!(id.as_str(), text);
                assert_eq!(id.to_string(), text);
                assert_eq!(id.as_str().parse(), Ok(id.clone()));
                assert_eq!(serde_json::to_value(&id).ok(), Some(text.into()));
                fuzz::assert_sentence(&id.not_found().to_string());
            }
            Err(invalid) => {
                assert!(!is_one, "{text:?} is one");
                // It quotes nothing of what was sent.
                assert!(invalid.to_string().len() < 60, "{invalid}");
            }
        }
        is_one
    }};
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let kinds = [
        holds!(WorkspaceId, "ws-", text),
        holds!(FunctionId, "fn-", text),
        holds!(LogId, "log-", text),
        holds!(KeyId, "key-", text),
    ];
    assert!(kinds.into_iter().filter(|is_one| *is_one).count() <= 1, "{text} is of two kinds");
});
