//! What the fuzzers share: a Lambda to ask, routes without storage, an AWS that answers what it is
//! told to, and what must hold of every refusal.

pub mod aws;
pub mod gateway;
pub mod routes;

use shared::domain::{Fields, InvalidField};
use shared::error::Error;

/// The most bytes of a sentence for a client: it may quote 100 bytes of a name, each escaped.
const MOST_BYTES: usize = 1000;

/// What a body is read as; `None` where it is refused, by a sentence that holds.
pub fn read<T: TryFrom<Fields, Error = InvalidField>>(body: &[u8]) -> Option<T> {
    let fields = Fields::parse(body).map_err(Error::from);
    match fields.and_then(|fields| T::try_from(fields).map_err(Error::from)) {
        Ok(value) => Some(value),
        Err(error) => {
            let is_a_refusal = matches!(error, Error::Json(_) | Error::Invalid(_));
            assert!(is_a_refusal, "not the client's fault: {error:?}");
            assert_sentence(&error.to_string());
            None
        }
    }
}

/// Holds a sentence for a client to be one: short, in one line, whatever was sent.
pub fn assert_sentence(sentence: &str) {
    assert!(!sentence.trim().is_empty());
    assert!(sentence.len() <= MOST_BYTES, "an echo of {} bytes", sentence.len());
    assert!(!sentence.chars().any(char::is_control), "{sentence:?}");
}
