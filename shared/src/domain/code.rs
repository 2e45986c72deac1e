//! A function's source.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::Value;
use sha2::{Digest, Sha256};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

use super::base64_text::{decoded, encoded};
use super::error::ValidationError;

/// Python source: 1 byte to 1 MiB of UTF-8. In JSON it is standard, padded base64.
#[derive(Clone, PartialEq, Eq)]
pub struct Code(Arc<str>);

impl Code {
    /// The most bytes of source: 1 MiB.
    pub const MAX_BYTES: usize = 1024 * 1024;

    /// The bytes of the source, in UTF-8.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The source as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The SHA-256 of the source in lower-case hexadecimal.
    pub fn sha256(&self) -> String {
        hex::encode(Sha256::digest(self.as_bytes()))
    }
}

impl TryFrom<String> for Code {
    type Error = ValidationError;

    fn try_from(source: String) -> Result<Self, ValidationError> {
        if source.is_empty() {
            return Err(ValidationError::because("must not be empty"));
        }
        if source.len() > Self::MAX_BYTES {
            return Err(ValidationError(format!(
                "must be at most {} bytes of source, and has {}",
                Self::MAX_BYTES,
                source.len()
            )));
        }
        Ok(Self(source.into()))
    }
}

impl TryFrom<Value> for Code {
    type Error = ValidationError;

    fn try_from(value: Value) -> Result<Self, ValidationError> {
        let Value::String(text) = value else {
            return Err(ValidationError::because("must be a string of base64"));
        };
        let bytes = decoded(text).ok_or_else(|| {
            ValidationError::because("must be standard base64 (A-Z a-z 0-9 + / and =)")
        })?;
        match String::from_utf8(bytes) {
            Ok(source) => source.try_into(),
            Err(_) => Err(ValidationError::because("must be base64 of Python source in UTF-8")),
        }
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&encoded(self.as_bytes()))
    }
}

impl PartialSchema for Code {
    /// The format has no registered name. It says what the base64 encodes.
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::Custom("python-source".into())))
            .content_encoding("base64")
            .content_media_type("text/x-python")
            .min_length(Some(2))
            .max_length(Some(Self::MAX_BYTES.div_ceil(3) * 4))
            .description(Some(format!(
                "Python source in UTF-8, 1 to {} bytes, as standard base64. What is sent may leave \
                 out the padding, and hold white space, which doesn't count.",
                Self::MAX_BYTES
            )))
            .into()
    }
}

impl ToSchema for Code {}

/// A source is confidential, and must not get into a log by accident.
impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Code({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn reason(text: &str) -> String {
        Code::try_from(json!(text)).unwrap_err().0
    }

    #[test]
    fn padding_and_white_space_are_optional() {
        for text in ["cHJpbnQoMSk=", "cHJpbnQoMSk", " cHJp\r\nbnQo\tMSk=\n"] {
            let code = Code::try_from(json!(text)).unwrap();
            assert_eq!(code.as_bytes(), b"print(1)");
            assert_eq!(serde_json::to_value(&code).unwrap(), json!("cHJpbnQoMSk="));
        }
    }

    #[test]
    fn what_is_not_base64_of_utf8_is_refused() {
        for text in ["print(1)", "cHJp-bnQ_", "c", "cHJpbnQoMSk==", "====", "é"] {
            assert!(reason(text).starts_with("must be standard base64"), "{text}");
        }
        assert_eq!(reason(""), "must not be empty");
        assert_eq!(reason(" \n"), "must not be empty");
        assert_eq!(reason("/w=="), "must be base64 of Python source in UTF-8");
        assert!(Code::try_from(json!(null)).is_err());
    }

    #[test]
    fn the_limit_is_a_mebibyte_decoded() {
        let of_size = |n: usize| json!(encoded("a".repeat(n).as_bytes()));
        assert!(Code::try_from(of_size(Code::MAX_BYTES)).is_ok());
        let reason = Code::try_from(of_size(Code::MAX_BYTES + 1)).unwrap_err().0;
        assert_eq!(reason, "must be at most 1048576 bytes of source, and has 1048577");
    }

    #[test]
    fn the_hash_is_the_sha256_of_the_source() {
        // NIST's example for "abc".
        let code = Code::try_from("abc".to_owned()).unwrap();
        assert_eq!(
            code.sha256(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    proptest! {
        #[test]
        fn a_source_reads_back_as_the_same_bytes(source in "(?s).{1,200}") {
            let written = serde_json::to_value(Code::try_from(source.clone()).unwrap()).unwrap();
            let read = Code::try_from(written).unwrap();
            prop_assert_eq!(read.as_bytes(), source.as_bytes());
        }
    }
}
