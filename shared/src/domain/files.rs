//! The files of a function beside its source.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use sha2::{Digest, Sha256};
use ulid::Ulid;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{
    AdditionalProperties, ObjectBuilder, Schema, SchemaFormat, SchemaType, Type,
};
use utoipa::{PartialSchema, ToSchema};

use super::code::BASE64;
use super::error::ValidationError;
use super::{FilePath, IdempotentRequest, ProjectFiles, Timestamp, sha256_of_parts};

/// The path of the source among the files: `function.py` by default.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct MainFile(FilePath);

impl MainFile {
    const DEFAULT: &str = "function.py";

    /// The path.
    pub fn path(&self) -> &FilePath {
        &self.0
    }

    /// Whether it is the default.
    pub fn is_default(&self) -> bool {
        self.0.as_str() == Self::DEFAULT
    }
}

impl Default for MainFile {
    fn default() -> Self {
        Self(FilePath::read(Self::DEFAULT).expect("it is a path"))
    }
}

impl From<FilePath> for MainFile {
    fn from(path: FilePath) -> Self {
        Self(path)
    }
}

impl TryFrom<Value> for MainFile {
    type Error = ValidationError;

    fn try_from(value: Value) -> Result<Self, ValidationError> {
        let path = FilePath::try_from(value)?;
        if !path.is_python() {
            return Err(ValidationError::because("must end in .py"));
        }
        Ok(Self(path))
    }
}

impl PartialSchema for MainFile {
    fn schema() -> RefOr<Schema> {
        let text = "The path of the source among the files, such as `app.py` or `src/main.py`.";
        ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some(r"\.[Pp][Yy]$"))
            .max_length(Some(1000))
            .description(Some(text))
            .into()
    }
}

impl ToSchema for MainFile {}

/// The files of a function, or how many there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FunctionFiles {
    summary: FilesSummary,
    content: Option<ProjectFiles>,
}

/// What is known of files that were not read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FilesSummary {
    /// How many there are.
    #[serde(rename = "fileCount")]
    pub count: usize,
    /// Their bytes, unpacked.
    #[serde(rename = "filesBytes")]
    pub bytes: u64,
    /// The digest of all of them.
    #[serde(rename = "filesSha256")]
    pub sha256: String,
}

impl FunctionFiles {
    /// Files that were not read.
    pub fn unread(summary: FilesSummary) -> Self {
        Self { summary, content: None }
    }

    /// How many there are, and which.
    pub fn summary(&self) -> &FilesSummary {
        &self.summary
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.summary.count == 0
    }

    /// What they hold, if there are some and they were read.
    pub fn content(&self) -> Option<&ProjectFiles> {
        self.content.as_ref().filter(|_| !self.is_empty())
    }

    /// Whether they are small enough to be shown.
    pub fn are_shown(summary: &FilesSummary) -> bool {
        summary.bytes <= ProjectFiles::MAX_JSON_BYTES
            && summary.count <= ProjectFiles::MAX_JSON_COUNT
    }
}

impl From<ProjectFiles> for FunctionFiles {
    fn from(files: ProjectFiles) -> Self {
        let (count, bytes) = (files.count(), files.unzipped_bytes());
        let summary = FilesSummary { count, bytes, sha256: files.sha256() };
        Self { summary, content: Some(files) }
    }
}

/// Tells two sources apart, with the other files that belong to them.
pub fn source_sha256(code_sha256: &str, main_file: &MainFile, files: &FilesSummary) -> String {
    if files.count == 0 {
        return code_sha256.to_owned();
    }
    let parts = [code_sha256, main_file.path().as_str(), &files.sha256];
    hex::encode(sha256_of_parts(parts))
}

/// Paths and base64; `null` where files were not read, or are too large to be shown.
impl Serialize for FunctionFiles {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::{Error, SerializeMap};

        if self.is_empty() {
            return serializer.serialize_map(Some(0))?.end();
        }
        let shown = self.content().filter(|_| Self::are_shown(&self.summary));
        let Some(files) = shown else { return serializer.serialize_none() };
        let mut map = serializer.serialize_map(Some(files.count()))?;
        for (path, content) in files.contents().map_err(|e| S::Error::custom(e.0))? {
            map.serialize_entry(path.as_str(), &BASE64.encode(content))?;
        }
        map.end()
    }
}

impl PartialSchema for FunctionFiles {
    fn schema() -> RefOr<Schema> {
        let text = "The other files, by their paths, as base64. Null in a list, and where they have \
                    more than 3,000,000 bytes.";
        files_schema(text, SchemaType::from_iter([Type::Object, Type::Null]))
    }
}

impl ToSchema for FunctionFiles {}

/// Files in a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewFiles(pub ProjectFiles);

impl TryFrom<Value> for NewFiles {
    type Error = ValidationError;

    fn try_from(value: Value) -> Result<Self, ValidationError> {
        match value {
            Value::Null => Ok(Self::default()),
            value => ProjectFiles::try_from(value).map(Self),
        }
    }
}

impl PartialSchema for NewFiles {
    fn schema() -> RefOr<Schema> {
        let text = "The other files, all of them, by their relative paths, as standard base64: 200 at \
                    the most, with the source 3,000,000 bytes. Null is none.";
        files_schema(text, SchemaType::from_iter([Type::Object, Type::Null]))
    }
}

impl ToSchema for NewFiles {}

fn files_schema(text: &str, kind: SchemaType) -> RefOr<Schema> {
    let content = ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::Custom("file-content".into())))
        .content_encoding("base64");
    ObjectBuilder::new()
        .schema_type(kind)
        .additional_properties(Some(AdditionalProperties::RefOr(content.into())))
        .description(Some(text))
        .into()
}

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

impl TryFrom<super::Fields> for NewUpload {
    type Error = super::InvalidField;

    fn try_from(mut fields: super::Fields) -> Result<Self, super::InvalidField> {
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
        let max = super::Project::MAX_ZIP_BYTES as u64;
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
    fn files_read_back_as_they_were_sent() {
        let sent = json!({"lib/db.py": "eCA9IDE=", "data.bin": "AAH/"});
        let NewFiles(files) = NewFiles::try_from(sent.clone()).unwrap();
        let files = FunctionFiles::from(files);
        assert_eq!(serde_json::to_value(&files).unwrap(), sent);
        let unread = FunctionFiles::unread(files.summary().clone());
        assert_eq!(serde_json::to_value(unread).unwrap(), json!(null));
        assert_eq!(serde_json::to_value(FunctionFiles::default()).unwrap(), json!({}));
    }

    #[test]
    fn an_upload_is_known_by_its_id_alone() {
        let sha256 = hex::encode(Sha256::digest(b"an archive")).to_ascii_uppercase();
        let fields = json!({"bytes": 10, "sha256": sha256}).to_string();
        let new = NewUpload::try_from(super::super::Fields::parse(fields.as_bytes()).unwrap());
        let id = new.unwrap().id(None);
        assert_eq!(UploadId::try_from(json!(id.to_string())), Ok(id.clone()));
        assert!(id.is_of(b"an archive") && !id.is_of(b"another"));
        for other in [json!("up-1"), json!(null), json!(format!("{id}x")), json!("u".repeat(73))] {
            assert!(UploadId::try_from(other).is_err());
        }
    }

    #[test]
    fn a_main_file_is_python_in_the_folder() {
        assert_eq!(MainFile::try_from(json!("src/app.py")).unwrap().path().as_str(), "src/app.py");
        for bad in [json!("app.txt"), json!("../app.py"), json!("/app.py"), json!(1), json!("")] {
            assert!(MainFile::try_from(bad).is_err());
        }
    }
}
