//! Uploads of projects.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use ulid::Ulid;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::error::ValidationError;
use super::{Fields, IdempotentRequest, InvalidField, Project, Timestamp};

/// Identifies the upload of a project: `up-`, 26 digits and letters, `-` and the SHA-256 of the archive
/// as URL-safe base64. It says all that is known of the upload, so nothing is stored for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UploadId(String);

impl UploadId {
    /// The lengths of its parts.
    const DIGITS: usize = 26;
    const HASH: usize = 43;

    fn new(digits: &str, hash: &ArchiveHash) -> Self {
        Self(format!("up-{digits}-{}", hash.encoded()))
    }

    /// Whether it names an archive of these bytes.
    pub fn is_of(&self, archive: &[u8]) -> bool {
        self.0.ends_with(&ArchiveHash(Sha256::digest(archive).into()).encoded())
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<Value> for UploadId {
    type Error = ValidationError;

    fn try_from(value: Value) -> Result<Self, ValidationError> {
        let is_one = |text: &str| {
            let (digits, hash) = text.strip_prefix("up-")?.split_at_checked(Self::DIGITS)?;
            let hash = hash.strip_prefix('-').filter(|hash| hash.len() == Self::HASH)?;
            let is_digit = |b: u8| b.is_ascii_digit() || b.is_ascii_lowercase();
            let is_code = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
            Some(digits.bytes().all(is_digit) && hash.bytes().all(is_code))
        };
        match value.as_str().filter(|text| is_one(text) == Some(true)) {
            Some(text) => Ok(Self(text.to_owned())),
            None => Err(ValidationError::because(
                "must be the id of an upload, as POST …/uploads gives it",
            )),
        }
    }
}

impl PartialSchema for UploadId {
    fn schema() -> RefOr<Schema> {
        let (digits, hash) = (Self::DIGITS, Self::HASH);
        ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some(format!("^up-[0-9a-z]{{{digits}}}-[0-9A-Za-z_-]{{{hash}}}$")))
            .max_length(Some(3 + digits + 1 + hash))
            .description(Some("Identifies an upload."))
            .into()
    }
}

impl ToSchema for UploadId {}

/// An archive that is to be uploaded.
#[derive(ToSchema)]
#[schema(as = CreateUpload)]
pub struct NewUpload {
    /// Its size.
    #[schema(value_type = u64, minimum = 1, maximum = 40_000_000)]
    bytes: ArchiveSize,
    /// Its SHA-256 in hexadecimal.
    #[schema(value_type = String, pattern = "^[0-9A-Fa-f]{64}$", min_length = 64, max_length = 64)]
    sha256: ArchiveHash,
}

impl NewUpload {
    /// The size of the archive.
    pub fn bytes(&self) -> u64 {
        self.bytes.0
    }

    /// The identifier of this upload: a new one, or the same for the same idempotent `request`.
    pub fn id(&self, request: Option<&IdempotentRequest>) -> UploadId {
        let new = || Ulid::generate().to_string().to_ascii_lowercase();
        let digits = request.map_or_else(new, |request| request.name()[..26].to_owned());
        UploadId::new(&digits, &self.sha256)
    }
}

impl TryFrom<Fields> for NewUpload {
    type Error = InvalidField;

    fn try_from(mut fields: Fields) -> Result<Self, InvalidField> {
        Ok(Self { bytes: fields.required("bytes")?, sha256: fields.required("sha256")? })
    }
}

/// An upload that is expected.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Upload {
    /// Its identifier, for `upload` of the function.
    pub id: UploadId,
    /// Where the archive is to be put. Whoever has the URL may do that.
    pub url: String,
    /// Until when.
    pub expires_at: Timestamp,
    /// The most bytes of an archive.
    #[schema(minimum = 1)]
    pub max_bytes: u64,
}

struct ArchiveSize(u64);

impl TryFrom<Value> for ArchiveSize {
    type Error = ValidationError;

    fn try_from(value: Value) -> Result<Self, ValidationError> {
        let max = Project::MAX_ZIP_BYTES as u64;
        // JSON has one type of number, so `28311.0` is whole. Whole and in range, it is exact.
        let number = value.as_f64().filter(|n| n.fract() == 0.0 && *n >= 1.0 && *n <= max as f64);
        let bytes = number.map(|number| Self(number as u64));
        bytes.ok_or_else(|| ValidationError(format!("must be 1 to {max} bytes")))
    }
}

/// The SHA-256 of an archive.
struct ArchiveHash([u8; 32]);

impl ArchiveHash {
    fn encoded(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

impl TryFrom<Value> for ArchiveHash {
    type Error = ValidationError;

    fn try_from(value: Value) -> Result<Self, ValidationError> {
        let mut hash = [0; 32];
        let is_hash =
            value.as_str().is_some_and(|text| hex::decode_to_slice(text, &mut hash).is_ok());
        if !is_hash {
            return Err(ValidationError::because("must be a SHA-256 as 64 hexadecimal digits"));
        }
        Ok(Self(hash))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_upload_is_known_by_its_id_alone() {
        let sha256 = hex::encode(Sha256::digest(b"an archive")).to_ascii_uppercase();
        let fields = json!({"bytes": 10, "sha256": sha256}).to_string();
        let new = NewUpload::try_from(Fields::parse(fields.as_bytes()).unwrap());
        let id = new.unwrap().id(None);
        assert_eq!(UploadId::try_from(json!(id.to_string())), Ok(id.clone()));
        assert!(id.is_of(b"an archive") && !id.is_of(b"another"));
        for other in [json!("up-1"), json!(null), json!(format!("{id}x")), json!("u".repeat(73))] {
            assert!(UploadId::try_from(other).is_err());
        }
    }
}
