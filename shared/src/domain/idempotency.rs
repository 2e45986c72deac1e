//! Requests that may be sent again, and are carried out once.

use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use ulid::Ulid;

use super::{Owner, Timestamp};
use crate::error::Error;

/// A client's name for what it wants done once.
#[derive(Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

/// A secret may be made of it, so it doesn't belong into a log.
impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdempotencyKey")
    }
}

impl IdempotencyKey {
    /// The most characters of a key: room for any identifier that clients make.
    pub const MAX_LENGTH: usize = 255;

    /// Parses the value of a header.
    ///
    /// # Errors
    /// [`Error::Invalid`] where it is no text of 1 to 255 visible ASCII characters.
    pub fn parse(value: &[u8]) -> Result<Self, Error> {
        let text = std::str::from_utf8(value).unwrap_or_default().trim();
        let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if text.is_empty() || text.len() > Self::MAX_LENGTH || !is_visible {
            let rule = format!("must be 1 to {} visible ASCII characters", Self::MAX_LENGTH);
            return Err(Error::invalid("Idempotency-Key", rule));
        }
        Ok(Self(text.to_owned()))
    }
}

/// What an owner wants done once: at a path, under a key, with a body.
#[derive(Clone, Debug)]
pub struct IdempotentRequest {
    key: IdempotencyKey,
    name: String,
    body: Fingerprint,
}

impl IdempotentRequest {
    /// What `owner` asks at `path` under `key`, with a body of this fingerprint.
    pub fn new(owner: &Owner, path: &str, key: IdempotencyKey, body: Fingerprint) -> Self {
        let parts = [owner.as_str(), path, &key.0];
        let name = parts.iter().fold(Sha256::new(), |hash, part| {
            // With its length before it, no part can reach over into the next.
            hash.chain_update((part.len() as u64).to_be_bytes()).chain_update(part)
        });
        Self { key, name: hex(&name.finalize()), body }
    }

    /// Tells this from what is asked by others, elsewhere, or under other keys: 64 hex digits.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What was sent.
    pub fn body(&self) -> &Fingerprint {
        &self.body
    }
}

/// Tells one body from another: a SHA-256.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// Of a body as it came: whoever sends a request again has it as it was.
    pub fn of(body: &[u8]) -> Self {
        Self(hex(&Sha256::digest(body)))
    }
}

/// What makes a new thing this one and no other: it becomes the same however often it is made
/// of the same origin.
#[derive(Clone, Debug)]
pub struct CreationSeed {
    /// What its identifier is made of.
    pub ulid: Ulid,
    /// When it began.
    pub at: Timestamp,
    secret: Option<(Salt, IdempotencyKey)>,
}

/// 256 random bits, as hex digits.
pub type Salt = String;

impl CreationSeed {
    /// One that nothing else has, at `at`.
    pub fn new(at: Timestamp) -> Self {
        Self { ulid: Ulid::generate(), at, secret: None }
    }

    /// The one that `intent` was given before.
    pub fn of_request(intent: &IdempotentRequest, ulid: Ulid, at: Timestamp, salt: Salt) -> Self {
        Self { ulid, at, secret: Some((salt, intent.key.clone())) }
    }

    /// 256 bits that nobody can guess.
    ///
    /// Those of an intent are made of what is kept of it and of its key, which is kept nowhere:
    /// so a client that lost our answer gets the same secret again, and nobody finds it in what we
    /// keep, as long as the client's keys can't be guessed.
    ///
    /// # Errors
    /// [`Error::Internal`] where the system has no random numbers.
    pub fn secret_bits(&self) -> Result<[u8; 32], Error> {
        match &self.secret {
            Some((salt, key)) => {
                Ok(Sha256::new().chain_update(salt).chain_update(&key.0).finalize().into())
            }
            None => random_bits(),
        }
    }
}

/// A salt of its own for a new intent.
///
/// # Errors
/// [`Error::Internal`] where the system has no random numbers.
pub fn new_salt() -> Result<Salt, Error> {
    random_bits().map(|bits| hex(&bits))
}

fn random_bits() -> Result<[u8; 32], Error> {
    let mut bits = [0; 32];
    getrandom::fill(&mut bits).map_err(Error::internal)?;
    Ok(bits)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intent(owner: &str, path: &str, key: &str) -> IdempotentRequest {
        let key = IdempotencyKey::parse(key.as_bytes()).unwrap();
        IdempotentRequest::new(&Owner::of_subject(owner), path, key, Fingerprint::of(b""))
    }

    #[test]
    fn a_key_is_visible_ascii_of_a_limited_length() {
        for taken in ["a", " 0195 ".trim(), "\"quoted\"", &"k".repeat(255)] {
            assert!(IdempotencyKey::parse(taken.as_bytes()).is_ok(), "{taken}");
        }
        for refused in ["", " ", "a b", "a\tb", "한", &"k".repeat(256)] {
            assert!(IdempotencyKey::parse(refused.as_bytes()).is_err(), "{refused}");
        }
        assert!(IdempotencyKey::parse(b"\xff").is_err());
    }

    #[test]
    fn intents_of_others_elsewhere_or_under_other_keys_are_others() {
        let names =
            [("ada", "/a", "1"), ("bob", "/a", "1"), ("ada", "/b", "1"), ("ada", "/a", "2")]
                .map(|(owner, path, key)| intent(owner, path, key).name);
        for (at, name) in names.iter().enumerate() {
            assert!(!names[at + 1..].contains(name), "{names:?}");
        }
        assert_eq!(intent("ada", "/a", "1").name, names[0]);
        assert_ne!(intent("ad", "a/a", "1").name, names[0]);
    }

    #[test]
    fn a_secret_is_the_same_for_the_same_key_and_salt_only() {
        let at = Timestamp::now();
        let secret = |key: &str, salt: &str| {
            let origin =
                CreationSeed::of_request(&intent("ada", "/a", key), Ulid::nil(), at, salt.into());
            origin.secret_bits().unwrap()
        };
        assert_eq!(secret("k", "s"), secret("k", "s"));
        assert_ne!(secret("k", "s"), secret("l", "s"));
        assert_ne!(secret("k", "s"), secret("k", "t"));
        assert_ne!(
            CreationSeed::new(at).secret_bits().unwrap(),
            CreationSeed::new(at).secret_bits().unwrap()
        );
    }
}
