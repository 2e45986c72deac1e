//! Reading the fields of a JSON object, each into a type that can only be valid.

use serde_json::{Map, Value};

use super::error::{InvalidField, InvalidJson, ValidationError};

/// The fields of a JSON object. Fields that nobody takes are ignored.
#[derive(Debug)]
pub struct Fields(Map<String, Value>);

impl Fields {
    /// Parses the body of a request.
    ///
    /// # Errors
    /// [`InvalidJson`] where the body is not a JSON object.
    pub fn parse(body: &[u8]) -> Result<Self, InvalidJson> {
        if body.trim_ascii().is_empty() {
            return Err(InvalidJson::Malformed("the body is empty; send a JSON object".into()));
        }
        let text = std::str::from_utf8(body).map_err(|e| {
            InvalidJson::Malformed(format!(
                "the body is not UTF-8 from byte {} on",
                e.valid_up_to()
            ))
        })?;
        match serde_json::from_str(text) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(_) => Err(InvalidJson::NotAnObject),
            Err(e) => Err(InvalidJson::Malformed(format!(
                "the body is not JSON: line {}, column {}",
                e.line(),
                e.column()
            ))),
        }
    }

    /// Takes the field `name`, which must be there.
    ///
    /// # Errors
    /// [`InvalidField`] where it is absent or refused.
    pub fn required<T>(&mut self, name: &str) -> Result<T, InvalidField>
    where
        T: TryFrom<Value, Error = ValidationError>,
    {
        self.optional(name)?.ok_or_else(|| InvalidField::new(name, "is required"))
    }

    /// Takes the field `name`, if it is there. `null` is a value like any other.
    ///
    /// # Errors
    /// [`InvalidField`] where it is refused.
    pub fn optional<T>(&mut self, name: &str) -> Result<Option<T>, InvalidField>
    where
        T: TryFrom<Value, Error = ValidationError>,
    {
        let Some(value) = self.0.remove(name) else {
            return Ok(None);
        };
        T::try_from(value).map(Some).map_err(|refusal| refusal.of(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_is_not_a_json_object_is_refused_with_the_reason() {
        let message = |body: &[u8]| Fields::parse(body).unwrap_err().to_string();
        assert_eq!(message(b""), "the body is empty; send a JSON object");
        assert_eq!(message(b" \n"), "the body is empty; send a JSON object");
        assert_eq!(message(b"{\"a\":\n 1,}"), "the body is not JSON: line 2, column 4");
        assert_eq!(message(b"{} {}"), "the body is not JSON: line 1, column 4");
        assert_eq!(message(b"{\"a\":\"\xff\"}"), "the body is not UTF-8 from byte 6 on");
        for other in ["null", "[]", "1", "\"{}\""] {
            assert!(
                matches!(Fields::parse(other.as_bytes()), Err(InvalidJson::NotAnObject)),
                "{other}"
            );
        }
    }

    #[test]
    fn deep_nesting_is_refused() {
        let deep = "[".repeat(100_000);
        assert!(matches!(Fields::parse(deep.as_bytes()), Err(InvalidJson::Malformed(_))));
    }
}
