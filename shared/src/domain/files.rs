//! The files of a function beside its source.

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{
    AdditionalProperties, ObjectBuilder, Schema, SchemaFormat, SchemaType, Type,
};
use utoipa::{PartialSchema, ToSchema};

use super::base64_text::encoded;
use super::error::ValidationError;
use super::{Code, InvalidField, MainFile, ProjectFiles, sha256_of_parts};

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
            map.serialize_entry(path.as_str(), &encoded(&content))?;
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

impl NewFiles {
    /// Checks that they fit into one request with the source.
    ///
    /// # Errors
    /// [`InvalidField`] where they don't.
    pub(super) fn check_size(&self, code: Option<&Code>) -> Result<(), InvalidField> {
        let code = code.map_or(0, |code| code.as_bytes().len() as u64);
        let (bytes, most) = (self.0.unzipped_bytes() + code, ProjectFiles::MAX_JSON_BYTES);
        if bytes > most {
            return Err(InvalidField::new(
                "files",
                format!(
                    "must have at most {most} bytes with the source, and have {bytes}: upload a zip"
                ),
            ));
        }
        Ok(())
    }
}

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
}
