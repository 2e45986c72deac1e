//! Keys for calling functions whose URL is closed.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};
use utoipa::ToSchema;

use super::error::{AccessDenied, InvalidField, NoRandomness, ValidationError};
use super::{Auth, CreationSeed, Fields, KeyId, Name, Timestamp};

/// A key with which a function's URL can be called. Its secret is known to nobody but whoever
/// made it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InvocationKey {
    /// Its identifier, which may be known.
    pub id: KeyId,
    /// What it is for, to tell it from others.
    pub name: Name,
    /// When it was made.
    pub created_at: Timestamp,
}

impl InvocationKey {
    /// The most keys of a function: enough to replace the keys of several callers one by one, and few
    /// enough to compare all of them at every call.
    pub const MOST: u32 = 10;
}

/// A key just made: the only time that its secret is shown.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewInvocationKey {
    /// The key.
    #[serde(flatten)]
    pub key: InvocationKey,
    /// What callers send as `X-Api-Key`. It can't be read again.
    #[schema(value_type = String, min_length = 48, max_length = 48, pattern = "^faas_[A-Za-z0-9_-]{43}$")]
    pub secret: Secret,
}

/// What makes an invocation key.
#[derive(Debug, ToSchema)]
pub struct CreateInvocationKey {
    /// What the key is for, to tell it from others.
    name: Name,
}

impl CreateInvocationKey {
    /// The key to create.
    ///
    /// # Errors
    /// [`NoRandomness`] where the system has no random numbers.
    pub fn create(self, seed: &CreationSeed) -> Result<NewInvocationKey, NoRandomness> {
        let id = KeyId::of(seed.ulid);
        let key = InvocationKey { id, name: self.name, created_at: seed.at };
        Ok(NewInvocationKey { key, secret: Secret::of(seed.secret_bits()?) })
    }
}

impl TryFrom<Fields> for CreateInvocationKey {
    type Error = InvalidField;

    fn try_from(mut fields: Fields) -> Result<Self, InvalidField> {
        Ok(Self { name: fields.required("name")? })
    }
}

/// The secret of a key, which only its holder knows: `faas_` and 256 bits. The bits are random or,
/// for an idempotent request, as hard to guess as its key. People and secret scanners recognize the
/// prefix.
#[derive(Serialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    fn of(bits: [u8; 32]) -> Self {
        Self(format!("faas_{}", URL_SAFE_NO_PAD.encode(bits)))
    }

    /// What is kept of it.
    pub fn hash(&self) -> SecretHash {
        SecretHash::of(self.0.as_bytes())
    }
}

/// A secret doesn't belong into a log by accident.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// The SHA-256 of a secret, as URL-safe base64 without padding. A random secret of 256 bits needs no
/// slow hash: nobody can try them all.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(try_from = "String")]
pub struct SecretHash(String);

impl SecretHash {
    fn of(secret: &[u8]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(Sha256::digest(secret)))
    }
}

impl TryFrom<String> for SecretHash {
    type Error = ValidationError;

    fn try_from(text: String) -> Result<Self, ValidationError> {
        match URL_SAFE_NO_PAD.decode(&text) {
            Ok(bytes) if bytes.len() == 32 => Ok(Self(text)),
            _ => Err(ValidationError::because("must be a SHA-256 as base64")),
        }
    }
}

/// Who may call a function by its URL.
#[derive(Clone, Debug)]
pub struct Access {
    auth: Auth,
    keys: Vec<SecretHash>,
}

impl Access {
    /// The access to a function that has `keys`.
    pub fn new(auth: Auth, keys: Vec<SecretHash>) -> Self {
        Self { auth, keys }
    }

    /// Whether a caller may have sent a key. The function must not see it then, even while the
    /// function is open.
    pub fn has_keys(&self) -> bool {
        self.auth == Auth::Key || !self.keys.is_empty()
    }

    /// Checks that a caller who has sent `secret` may call the function.
    ///
    /// The time that this takes tells nothing of how nearly the secret was right: all keys are
    /// compared, each in constant time.
    ///
    /// # Errors
    /// [`AccessDenied`] where the caller may not.
    pub fn authorize(&self, secret: Option<&[u8]>) -> Result<(), AccessDenied> {
        if self.auth == Auth::None {
            return Ok(());
        }
        let sent = SecretHash::of(secret.ok_or(AccessDenied::NoKey)?);
        let is_one = self
            .keys
            .iter()
            .fold(Choice::from(0), |found, key| found | key.0.as_bytes().ct_eq(sent.0.as_bytes()));
        if bool::from(is_one) { Ok(()) } else { Err(AccessDenied::WrongKey) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn key() -> NewInvocationKey {
        let fields = Fields::parse(br#"{"name": "ci"}"#).unwrap();
        CreateInvocationKey::try_from(fields)
            .unwrap()
            .create(&CreationSeed::new(Timestamp::now()))
            .unwrap()
    }

    #[test]
    fn only_a_new_key_shows_its_secret() {
        let new = key();
        let shown = serde_json::to_value(&new).unwrap();
        let secret = shown["secret"].as_str().unwrap();
        assert!(secret.len() == 48 && secret.starts_with("faas_"), "{secret}");
        assert_ne!(secret, serde_json::to_value(key()).unwrap()["secret"], "a random one");
        assert!(!format!("{new:?}").contains(secret));
        assert_eq!(
            serde_json::to_value(&new.key).unwrap(),
            json!({"id": new.key.id, "name": "ci", "createdAt": new.key.created_at})
        );
    }

    #[test]
    fn a_closed_function_takes_any_of_its_keys_and_nothing_else() {
        let (a, b, stranger) = (key().secret, key().secret, key().secret);
        let closed = Access::new(Auth::Key, vec![a.hash(), b.hash()]);
        for opens in [&a, &b] {
            assert!(closed.authorize(Some(opens.0.as_bytes())).is_ok());
        }
        let a_and_more = format!("{} ", a.0);
        for refused in
            [stranger.0.as_bytes(), b"", b"\xff", &a.0.as_bytes()[..47], a_and_more.as_bytes()]
        {
            assert!(
                matches!(closed.authorize(Some(refused)), Err(AccessDenied::WrongKey)),
                "{refused:?}"
            );
        }
        assert!(matches!(closed.authorize(None), Err(AccessDenied::NoKey)));
        let without_keys = Access::new(Auth::Key, vec![]);
        assert!(matches!(
            without_keys.authorize(Some(a.0.as_bytes())),
            Err(AccessDenied::WrongKey)
        ));
        for keys in [vec![], vec![a.hash()]] {
            let has_keys = !keys.is_empty();
            let open = Access::new(Auth::None, keys);
            assert!(open.authorize(None).is_ok() && open.authorize(Some(b"x")).is_ok());
            assert_eq!(open.has_keys(), has_keys);
        }
    }

    #[test]
    fn a_stored_hash_is_a_sha256() {
        let stored = |text: &str| serde_json::from_value::<SecretHash>(text.into());
        assert!(stored("47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU").is_ok());
        for invalid in ["", "47DEQpj8", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"] {
            assert!(stored(invalid).is_err(), "{invalid}");
        }
    }
}
