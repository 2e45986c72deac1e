//! Requests that may be sent again, and are carried out once.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use ulid::Ulid;

use super::digest::sha256_of_parts;
use super::error::{NoRandomness, ValidationError};
use super::{Owner, Timestamp};

/// A client's name for a request that is to be carried out once.
#[derive(Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

/// Secrets may be derived from the key, so it doesn't belong into a log.
impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdempotencyKey")
    }
}

impl IdempotencyKey {
    /// The most characters of a key: room for any identifier that clients make.
    pub const MAX_LENGTH: usize = 255;
}

impl FromStr for IdempotencyKey {
    type Err = ValidationError;

    /// White space around the key is dropped.
    fn from_str(text: &str) -> Result<Self, ValidationError> {
        let text = text.trim();
        let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if text.is_empty() || text.len() > Self::MAX_LENGTH || !is_visible {
            let max = Self::MAX_LENGTH;
            return Err(ValidationError(format!("must be 1 to {max} visible ASCII characters")));
        }
        Ok(Self(text.to_owned()))
    }
}

/// A request that is to be carried out once: an owner's, at a path, under a key, with a body.
#[derive(Clone, Debug)]
pub struct IdempotentRequest {
    key: IdempotencyKey,
    name: String,
    body: Fingerprint,
}

impl IdempotentRequest {
    /// The request of `owner` at `path` under `key`, with a body of this fingerprint.
    pub fn new(owner: &Owner, path: &str, key: IdempotencyKey, body: Fingerprint) -> Self {
        let name = hex::encode(sha256_of_parts([owner.as_str(), path, &key.0]));
        Self { key, name, body }
    }

    /// Tells this request from those of others, at other paths, or under other keys: 64 hex digits.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The fingerprint of the body.
    pub fn body(&self) -> &Fingerprint {
        &self.body
    }
}

/// Tells one body from another: a SHA-256 as hex digits.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String")]
pub struct Fingerprint(String);

impl Fingerprint {
    /// The fingerprint of a body as it was received.
    pub fn of(body: &[u8]) -> Self {
        Self(hex::encode(Sha256::digest(body)))
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = ValidationError;

    fn try_from(text: String) -> Result<Self, ValidationError> {
        if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            Ok(Self(text))
        } else {
            Err(ValidationError::because("must be a SHA-256 as hex digits"))
        }
    }
}

/// What a new resource is made of, beside its fields. The same seed makes the same resource,
/// however often it is used.
#[derive(Clone, Debug)]
pub struct CreationSeed {
    /// What the identifier is made of.
    pub ulid: Ulid,
    /// The time of creation.
    pub at: Timestamp,
    secret: Option<(Salt, IdempotencyKey)>,
}

/// 256 random bits, as hex digits.
pub type Salt = String;

impl CreationSeed {
    /// A new seed of the time `at`.
    pub fn new(at: Timestamp) -> Self {
        Self { ulid: Ulid::generate(), at, secret: None }
    }

    /// The seed that `request` was given before.
    pub fn of_request(request: &IdempotentRequest, ulid: Ulid, at: Timestamp, salt: Salt) -> Self {
        Self { ulid, at, secret: Some((salt, request.key.clone())) }
    }

    /// 256 bits that nobody can guess.
    ///
    /// Those of an idempotent request are made of its stored salt and of its key, which is stored
    /// nowhere. So a client that lost the answer gets the same secret again. Nobody finds the secret
    /// in the table, as long as the client's keys can't be guessed.
    ///
    /// # Errors
    /// [`NoRandomness`] where the system has no random numbers.
    pub fn secret_bits(&self) -> Result<[u8; 32], NoRandomness> {
        match &self.secret {
            Some((salt, key)) => {
                Ok(Sha256::new().chain_update(salt).chain_update(&key.0).finalize().into())
            }
            None => random_bits(),
        }
    }
}

/// A salt for a new idempotent request.
///
/// # Errors
/// [`NoRandomness`] where the system has no random numbers.
pub fn new_salt() -> Result<Salt, NoRandomness> {
    random_bits().map(hex::encode)
}

fn random_bits() -> Result<[u8; 32], NoRandomness> {
    let mut bits = [0; 32];
    getrandom::fill(&mut bits)?;
    Ok(bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(owner: &str, path: &str, key: &str) -> IdempotentRequest {
        let key = key.parse().unwrap();
        IdempotentRequest::new(&Owner::of_subject(owner), path, key, Fingerprint::of(b""))
    }

    #[test]
    fn a_key_is_visible_ascii_of_limited_length() {
        for taken in ["a", " 0195 ", "\"quoted\"", &"k".repeat(255)] {
            assert!(taken.parse::<IdempotencyKey>().is_ok(), "{taken}");
        }
        for refused in ["", " ", "a b", "a\tb", "한", &"k".repeat(256)] {
            assert!(refused.parse::<IdempotencyKey>().is_err(), "{refused}");
        }
    }

    #[test]
    fn requests_of_another_owner_path_or_key_have_another_name() {
        let names =
            [("ada", "/a", "1"), ("bob", "/a", "1"), ("ada", "/b", "1"), ("ada", "/a", "2")]
                .map(|(owner, path, key)| request(owner, path, key).name);
        for (at, name) in names.iter().enumerate() {
            assert!(!names[at + 1..].contains(name), "{names:?}");
        }
        assert_eq!(request("ada", "/a", "1").name, names[0]);
        assert_ne!(request("ad", "a/a", "1").name, names[0]);
    }

    #[test]
    fn the_name_and_the_fingerprint_of_a_request_are_stable() {
        // Both are stored for a day: a release must find those of the release before.
        let request = request("ada", "/a", "1");
        assert_eq!(
            request.name,
            "684b55c340473c5399ef5c068be4bba6dd4d9d2880402a44c4bcb4b83ea1c5b0"
        );
        assert_eq!(
            serde_json::to_value(&request.body).unwrap(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }

    #[test]
    fn a_stored_fingerprint_is_64_hex_digits() {
        let stored = |text: String| serde_json::from_value::<Fingerprint>(text.into());
        assert!(stored("0123456789abcdef".repeat(4)).is_ok());
        for invalid in ["", "00", &"g".repeat(64), &"0".repeat(65)] {
            assert!(stored(invalid.to_owned()).is_err(), "{invalid}");
        }
    }

    #[test]
    fn a_secret_is_the_same_for_the_same_key_and_salt_only() {
        let at = Timestamp::now();
        let secret = |key: &str, salt: &str| {
            let request = request("ada", "/a", key);
            CreationSeed::of_request(&request, Ulid::nil(), at, salt.into()).secret_bits().unwrap()
        };
        assert_eq!(secret("k", "s"), secret("k", "s"));
        assert_ne!(secret("k", "s"), secret("l", "s"));
        assert_ne!(secret("k", "s"), secret("k", "t"));
        let new = || CreationSeed::new(at).secret_bits().unwrap();
        assert_ne!(new(), new());
    }
}
