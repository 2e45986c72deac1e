//! Environment variables of a function.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::error::ValidationError;

/// Environment variables: 4 KB in all, as AWS Lambda counts them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "BTreeMap<String, String>")]
pub struct EnvironmentVariables(BTreeMap<String, String>);

impl EnvironmentVariables {
    /// The most bytes of all variables as a JSON object, which is how AWS Lambda counts them.
    pub const MAX_BYTES: usize = 4096;

    /// The bytes that the JSON of one variable has beside its name and value: `{"":""}`.
    const JSON_BYTES: usize = 7;

    /// Names and values, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl PartialSchema for EnvironmentVariables {
    /// The limit of all variables together is told in words: a schema can't express it.
    fn schema() -> RefOr<Schema> {
        let name = ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some("^(?!AWS_|LAMBDA_)[A-Za-z][A-Za-z0-9_]+$"));
        let value = ObjectBuilder::new()
            .schema_type(Type::String)
            .max_length(Some(Self::MAX_BYTES - Self::JSON_BYTES - 2))
            .pattern(Some(r"^[^\x00]*$"));
        let text = format!(
            "At most {} bytes in all, as a JSON object without white space.",
            Self::MAX_BYTES
        );
        ObjectBuilder::new()
            .property_names(Some(name))
            .additional_properties(Some(Schema::from(value)))
            .description(Some(text))
            .into()
    }
}

impl ToSchema for EnvironmentVariables {}

impl TryFrom<Value> for EnvironmentVariables {
    type Error = ValidationError;

    fn try_from(value: Value) -> Result<Self, ValidationError> {
        let Value::Object(entries) = value else {
            return Err(ValidationError::because("must be an object of strings"));
        };
        let mut variables = BTreeMap::new();
        for (name, value) in entries {
            refuse_variable_name(&name)?;
            let Value::String(value) = value else {
                let name = shown(&name);
                return Err(ValidationError(format!(
                    "must be an object of strings, and {name} is not one"
                )));
            };
            refuse_nul(&name, &value)?;
            variables.insert(name, value);
        }
        if let Some(name) = variables.keys().find(|name| name.len() < 2) {
            return Err(ValidationError(format!(
                "must have names of two characters or more, unlike {name:?}"
            )));
        }
        // Maps of strings can always be written.
        let bytes = serde_json::to_string(&variables).unwrap_or_default().len();
        if bytes > Self::MAX_BYTES {
            let max = Self::MAX_BYTES;
            return Err(ValidationError(format!(
                "must be at most {max} bytes in all, as JSON, and has {bytes}; in JSON a line break \
                 or a quotation mark is two bytes"
            )));
        }
        Ok(Self(variables))
    }
}

impl TryFrom<BTreeMap<String, String>> for EnvironmentVariables {
    type Error = ValidationError;

    /// Reads stored variables. Those of earlier releases may have names of one letter, and be larger
    /// as JSON: such a function could be saved and not deployed.
    fn try_from(variables: BTreeMap<String, String>) -> Result<Self, ValidationError> {
        for (name, value) in &variables {
            refuse_variable_name(name)?;
            refuse_nul(name, value)?;
        }
        let bytes: usize = variables.iter().map(|(name, value)| name.len() + value.len()).sum();
        if bytes > Self::MAX_BYTES {
            let max = Self::MAX_BYTES;
            return Err(ValidationError(format!("must be at most {max} bytes, and has {bytes}")));
        }
        Ok(Self(variables))
    }
}

fn refuse_variable_name(name: &str) -> Result<(), ValidationError> {
    let shown = shown(name);
    let letters = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) || !name.bytes().all(letters) {
        return Err(ValidationError(format!(
            "must have names of letters, digits and _ that begin with a letter, not {shown:?}"
        )));
    }
    // The contract reserves these names for the engine.
    if name.starts_with("AWS_") || name.starts_with("LAMBDA_") {
        return Err(ValidationError(format!(
            "must not set {shown}: AWS_* and LAMBDA_* are reserved"
        )));
    }
    Ok(())
}

/// No operating system can pass on a value with a NUL character.
fn refuse_nul(name: &str, value: &str) -> Result<(), ValidationError> {
    if value.contains('\0') {
        let name = shown(name);
        return Err(ValidationError(format!("must not contain a NUL character, as {name} does")));
    }
    Ok(())
}

/// The beginning of a client's name, short enough for a sentence.
fn shown(name: &str) -> &str {
    &name[..name.floor_char_boundary(100)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refusal(value: Value) -> String {
        EnvironmentVariables::try_from(value).unwrap_err().0
    }

    #[test]
    fn variables_have_plain_names_and_a_limited_size() {
        assert!(EnvironmentVariables::try_from(json!({})).is_ok());
        assert!(EnvironmentVariables::try_from(json!({"KEY_1": "값 🔑", "TZ": ""})).is_ok());
        for name in ["", "a", "1A", "_HANDLER", "A-B", "A B", "é", "AWS_REGION", "LAMBDA_X"] {
            let reason = refusal(json!({ name: "x" }));
            assert!(reason.contains(name), "{reason}");
        }
        for value in [json!(1), json!(null), json!({}), json!("a\u{0}")] {
            assert!(refusal(json!({ "KEY": value })).contains("KEY"));
        }
        assert!(EnvironmentVariables::try_from(json!({"KEY": "x".repeat(4086)})).is_ok());
        let long_name = refusal(json!({ "\"".repeat(1_000_000): "x" }));
        assert!(long_name.len() < 400, "a sentence, not an echo: {} bytes", long_name.len());
        let reason = refusal(json!({"KEY": "x".repeat(4087)}));
        assert!(reason.contains("4096") && reason.contains("4097"), "{reason}");
        let reason = refusal(json!({"KEY": "\n".repeat(2044)}));
        assert!(reason.contains("4098"), "{reason}");
    }

    #[test]
    fn stored_variables_that_break_a_rule_are_an_error() {
        let is_valid = |value: &Value| EnvironmentVariables::deserialize(value).is_ok();
        assert!(is_valid(&json!({"KEY": "value"})));
        let of_earlier_release = json!({"K": "\n".repeat(4000)});
        assert!(is_valid(&of_earlier_release));
        for variables in [
            json!({"1A": ""}),
            json!({"AWS_REGION": ""}),
            json!({"KEY": "\0"}),
            json!({"KEY": "x".repeat(4094)}),
            json!({"KEY": 1}),
        ] {
            assert!(!is_valid(&variables), "{variables}");
        }
    }
}
