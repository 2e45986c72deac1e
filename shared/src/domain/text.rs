//! Names and descriptions.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::error::ValidationError;

/// A name: trimmed, 1 to 100 characters, no control characters. Need not be unique.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String")]
pub struct Name(String);

impl Name {
    /// The most characters (Unicode scalar values) that a name has.
    pub const MAX_CHARS: usize = 100;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<Value> for Name {
    type Error = ValidationError;

    fn try_from(value: Value) -> Result<Self, ValidationError> {
        match value {
            Value::String(text) => text.try_into(),
            _ => Err(ValidationError::because("must be a string")),
        }
    }
}

impl TryFrom<String> for Name {
    type Error = ValidationError;

    fn try_from(text: String) -> Result<Self, ValidationError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(ValidationError::because("must not be empty"));
        }
        refuse_longer(text, Self::MAX_CHARS)?;
        if text.chars().any(char::is_control) {
            return Err(ValidationError::because("must not contain control characters"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl PartialSchema for Name {
    /// No control characters, and at least one that is no white space.
    fn schema() -> RefOr<Schema> {
        let pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$";
        ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length(Some(1))
            .max_length(Some(Self::MAX_CHARS))
            .pattern(Some(pattern))
            .description(Some("Need not be unique. White space around it is dropped."))
            .into()
    }
}

impl ToSchema for Name {}

/// A description: up to 1,000 characters, possibly none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String")]
pub struct Description(String);

impl Description {
    /// The most characters (Unicode scalar values) that a description has.
    pub const MAX_CHARS: usize = 1000;

    /// The description as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<Value> for Description {
    type Error = ValidationError;

    /// `null` is the empty description, so that a client can clear one.
    fn try_from(value: Value) -> Result<Self, ValidationError> {
        match value {
            Value::Null => Ok(Self::default()),
            Value::String(text) => text.try_into(),
            _ => Err(ValidationError::because("must be a string or null")),
        }
    }
}

impl TryFrom<String> for Description {
    type Error = ValidationError;

    fn try_from(text: String) -> Result<Self, ValidationError> {
        refuse_longer(&text, Self::MAX_CHARS)?;
        Ok(Self(text))
    }
}

impl PartialSchema for Description {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::String).max_length(Some(Self::MAX_CHARS)).into()
    }
}

impl ToSchema for Description {}

fn refuse_longer(text: &str, max: usize) -> Result<(), ValidationError> {
    let count = text.chars().count();
    if count > max {
        return Err(ValidationError(format!("must be at most {max} characters, and has {count}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn name(value: Value) -> Result<String, String> {
        Name::try_from(value).map(|n| n.0).map_err(|r| r.0)
    }

    #[test]
    fn names_are_trimmed_and_counted_in_characters() {
        assert_eq!(name(json!("  결제 💳\n")), Ok("결제 💳".into()));
        assert_eq!(name(json!("가".repeat(100))), Ok("가".repeat(100)));
        assert_eq!(
            name(json!("가".repeat(101))),
            Err("must be at most 100 characters, and has 101".into())
        );
    }

    #[test]
    fn empty_names_and_control_characters_are_refused() {
        assert_eq!(name(json!("")), Err("must not be empty".into()));
        assert_eq!(name(json!(" \t ")), Err("must not be empty".into()));
        assert_eq!(name(json!(null)), Err("must be a string".into()));
        assert_eq!(name(json!(7)), Err("must be a string".into()));
        assert_eq!(name(json!("a\u{0}b")), Err("must not contain control characters".into()));
        assert_eq!(name(json!("a\u{85}b")), Err("must not contain control characters".into()));
    }

    #[test]
    fn a_description_may_be_null_and_may_have_lines() {
        assert_eq!(Description::try_from(Value::Null), Ok(Description::default()));
        assert_eq!(Description::try_from(json!("a\nb")).unwrap().as_str(), "a\nb");
        assert!(Description::try_from(json!("é".repeat(1000))).is_ok());
        assert!(Description::try_from(json!("é".repeat(1001))).is_err());
        assert!(Description::try_from(json!(1)).is_err());
    }

    #[test]
    fn a_stored_text_that_breaks_a_rule_is_an_error() {
        assert!(serde_json::from_value::<Name>(json!("a")).is_ok());
        assert!(serde_json::from_value::<Description>(json!("")).is_ok());
        for name in [json!(""), json!("a\nb"), json!("a".repeat(101)), json!(null)] {
            assert!(serde_json::from_value::<Name>(name.clone()).is_err(), "{name}");
        }
        for description in [json!("a".repeat(1001)), json!(null)] {
            assert!(serde_json::from_value::<Description>(description).is_err());
        }
    }
}
