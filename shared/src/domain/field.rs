//! Reading the fields of a JSON object, each into a type that can only be valid.

use serde_json::{Map, Value};

use crate::error::Error;

/// Why a value was refused, worded to follow the field's name: `must not be empty`.
#[derive(Debug, PartialEq, Eq)]
pub struct ValidationError(pub String);

impl ValidationError {
    /// A refusal for `reason`, which follows the field's name.
    pub fn because(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// The fields of a request's body. Fields that nobody takes are ignored.
#[derive(Debug)]
pub struct Fields(Map<String, Value>);

impl Fields {
    /// Parses a request's body.
    ///
    /// # Errors
    /// [`Error::MalformedJson`] where it is empty, not UTF-8 or not JSON;
    /// [`Error::NotAnObject`] where it is JSON of another kind.
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        if body.trim_ascii().is_empty() {
            return Err(Error::MalformedJson("the body is empty; send a JSON object".into()));
        }
        let text = std::str::from_utf8(body).map_err(|e| {
            Error::MalformedJson(format!("the body is not UTF-8 from byte {} on", e.valid_up_to()))
        })?;
        match serde_json::from_str(text) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(_) => Err(Error::NotAnObject),
            Err(e) => Err(Error::MalformedJson(format!(
                "the body is not JSON: line {}, column {}",
                e.line(),
                e.column()
            ))),
        }
    }

    /// Takes the field `name`, which must be there.
    ///
    /// # Errors
    /// [`Error::Invalid`] where it is absent or refused.
    pub fn required<T>(&mut self, name: &str) -> Result<T, Error>
    where
        T: TryFrom<Value, Error = ValidationError>,
    {
        self.optional(name)?.ok_or_else(|| Error::invalid(name, "is required"))
    }

    /// Takes the field `name`, if it is there. `null` is a value like any other.
    ///
    /// # Errors
    /// [`Error::Invalid`] where it is refused.
    pub fn optional<T>(&mut self, name: &str) -> Result<Option<T>, Error>
    where
        T: TryFrom<Value, Error = ValidationError>,
    {
        let Some(value) = self.0.remove(name) else {
            return Ok(None);
        };
        match T::try_from(value) {
            Ok(value) => Ok(Some(value)),
            Err(ValidationError(reason)) => Err(Error::invalid(name, reason)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_json_object_is_told_apart() {
        let message = |body: &[u8]| Fields::parse(body).unwrap_err().to_string();
        assert_eq!(message(b""), "the body is empty; send a JSON object");
        assert_eq!(message(b" \n"), "the body is empty; send a JSON object");
        assert_eq!(message(b"{\"a\":\n 1,}"), "the body is not JSON: line 2, column 4");
        assert_eq!(message(b"{} {}"), "the body is not JSON: line 1, column 4");
        assert_eq!(message(b"{\"a\":\"\xff\"}"), "the body is not UTF-8 from byte 6 on");
        for other in ["null", "[]", "1", "\"{}\""] {
            assert!(matches!(Fields::parse(other.as_bytes()), Err(Error::NotAnObject)), "{other}");
        }
    }

    #[test]
    fn deep_nesting_is_refused_and_not_followed() {
        let deep = "[".repeat(100_000);
        assert!(matches!(Fields::parse(deep.as_bytes()), Err(Error::MalformedJson(_))));
    }
}
