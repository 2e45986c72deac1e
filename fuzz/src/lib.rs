//! Shared code of the fuzzers: the gateway before a Lambda, routes without storage, a fake AWS, and
//! checks of error messages.

pub mod aws;
pub mod gateway;
pub mod routes;

use shared::domain::{Fields, InvalidField};
use shared::error::Error;

/// The maximum length of an error message: it may quote 100 bytes of a name, each escaped.
const MAX_BYTES: usize = 1000;

/// A body's value. `None` for an invalid body, whose error is checked.
pub fn read<T: TryFrom<Fields, Error = InvalidField>>(body: &[u8]) -> Option<T> {
    let fields = Fields::parse(body).map_err(Error::from);
    match fields.and_then(|fields| T::try_from(fields).map_err(Error::from)) {
        Ok(value) => Some(value),
        Err(error) => {
            let is_client_error = matches!(error, Error::Json(_) | Error::Invalid(_));
            assert!(is_client_error, "not the client's fault: {error:?}");
            assert_message(&error.to_string());
            None
        }
    }
}

/// Checks that an error message is short and has one line, whatever was sent.
pub fn assert_message(message: &str) {
    assert!(!message.trim().is_empty());
    assert!(message.len() <= MAX_BYTES, "an echo of {} bytes", message.len());
    assert!(!message.chars().any(char::is_control), "{message:?}");
}
