//! Settings of a function.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Ref, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::error::ValidationError;

/// The Python that runs a function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub enum Runtime {
    /// CPython 3.11.
    #[serde(rename = "Python 3.11")]
    Python311,
    /// CPython 3.12.
    #[default]
    #[serde(rename = "Python 3.12")]
    Python312,
    /// CPython 3.13.
    #[serde(rename = "Python 3.13")]
    Python313,
}

impl Runtime {
    /// The newest.
    pub const NEWEST: Self = Self::Python313;

    /// What people call it: `Python 3.12`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Python311 => "Python 3.11",
            Self::Python312 => "Python 3.12",
            Self::Python313 => "Python 3.13",
        }
    }
}

impl TryFrom<Value> for Runtime {
    type Error = ValidationError;

    fn try_from(value: Value) -> Result<Self, ValidationError> {
        one_of(value, "\"Python 3.11\", \"Python 3.12\", \"Python 3.13\"")
    }
}

/// Memory in MB: 128 to 1024, 256 unless said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "u16")]
pub struct Memory(u16);

impl Memory {
    const MIN: u16 = 128;
    const MAX: u16 = 1024;

    /// The number of MB.
    pub fn mb(self) -> u16 {
        self.0
    }
}

impl PartialSchema for Memory {
    fn schema() -> RefOr<Schema> {
        whole_number_schema(Self::MIN, Self::MAX, "In MB.")
    }
}

impl ToSchema for Memory {}

impl Default for Memory {
    fn default() -> Self {
        Self(256)
    }
}

impl TryFrom<Value> for Memory {
    type Error = ValidationError;

    fn try_from(value: Value) -> Result<Self, ValidationError> {
        whole_number(&value, Self::MIN, Self::MAX, "MB").map(Self)
    }
}

impl TryFrom<u16> for Memory {
    type Error = ValidationError;

    fn try_from(number: u16) -> Result<Self, ValidationError> {
        in_range(number.into(), Self::MIN, Self::MAX, "MB").map(Self)
    }
}

/// Timeout in seconds: 1 to 900, 30 unless said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "u16")]
pub struct Timeout(u16);

impl Timeout {
    const MIN: u16 = 1;
    const MAX: u16 = 900;

    /// The number of seconds.
    pub fn seconds(self) -> u16 {
        self.0
    }
}

impl PartialSchema for Timeout {
    fn schema() -> RefOr<Schema> {
        whole_number_schema(Self::MIN, Self::MAX, "In seconds.")
    }
}

impl ToSchema for Timeout {}

impl Default for Timeout {
    fn default() -> Self {
        Self(30)
    }
}

impl TryFrom<Value> for Timeout {
    type Error = ValidationError;

    fn try_from(value: Value) -> Result<Self, ValidationError> {
        whole_number(&value, Self::MIN, Self::MAX, "seconds").map(Self)
    }
}

impl TryFrom<u16> for Timeout {
    type Error = ValidationError;

    fn try_from(number: u16) -> Result<Self, ValidationError> {
        in_range(number.into(), Self::MIN, Self::MAX, "seconds").map(Self)
    }
}

/// A method that a function's URL may answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum HttpMethod {
    /// `GET`
    Get,
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// `PATCH`
    Patch,
    /// `DELETE`
    Delete,
}

impl HttpMethod {
    /// Its name, in upper case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// The methods that a function's URL answers: at least one, each once, in the order given.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "Vec<HttpMethod>")]
pub struct HttpMethods(Vec<HttpMethod>);

impl Default for HttpMethods {
    fn default() -> Self {
        Self(vec![HttpMethod::Get])
    }
}

impl HttpMethods {
    /// The methods, in the order given.
    pub fn iter(&self) -> impl Iterator<Item = HttpMethod> + '_ {
        self.0.iter().copied()
    }
}

impl PartialSchema for HttpMethods {
    fn schema() -> RefOr<Schema> {
        let text = "Each is kept once, in the order given; lower case is taken too.";
        ArrayBuilder::new()
            .items(Ref::from_schema_name(HttpMethod::name()))
            .min_items(Some(1))
            .description(Some(text))
            .into()
    }
}

impl ToSchema for HttpMethods {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((HttpMethod::name().into(), HttpMethod::schema()));
    }
}

impl TryFrom<Value> for HttpMethods {
    type Error = ValidationError;

    fn try_from(value: Value) -> Result<Self, ValidationError> {
        let Value::Array(values) = value else {
            return Err(ValidationError::because("must be an array of methods"));
        };
        let method = |value| {
            let upper = match value {
                Value::String(text) => Value::String(text.to_ascii_uppercase()),
                other => other,
            };
            one_of(upper, "GET, POST, PUT, PATCH, DELETE").map_err(|ValidationError(reason)| {
                ValidationError(format!("must hold methods; each {reason}"))
            })
        };
        values.into_iter().map(method).collect::<Result<Vec<_>, _>>()?.try_into()
    }
}

impl TryFrom<Vec<HttpMethod>> for HttpMethods {
    type Error = ValidationError;

    fn try_from(methods: Vec<HttpMethod>) -> Result<Self, ValidationError> {
        if methods.is_empty() {
            return Err(ValidationError::because("must hold at least one method"));
        }
        let mut distinct = Vec::new();
        for method in methods {
            if !distinct.contains(&method) {
                distinct.push(method);
            }
        }
        Ok(Self(distinct))
    }
}

/// Environment variables: names and values of 4 KB in all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "BTreeMap<String, String>")]
pub struct EnvironmentVariables(BTreeMap<String, String>);

impl EnvironmentVariables {
    /// The most bytes of all names and values together.
    pub const MAX_BYTES: usize = 4096;

    /// Names and values, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl PartialSchema for EnvironmentVariables {
    /// The limit of all names and values together is told in words: a schema can't express it.
    fn schema() -> RefOr<Schema> {
        let name = ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some("^(?!AWS_|LAMBDA_)[A-Za-z][A-Za-z0-9_]*$"));
        let value = ObjectBuilder::new()
            .schema_type(Type::String)
            .max_length(Some(Self::MAX_BYTES - 1))
            .pattern(Some(r"^[^\x00]*$"));
        let text = format!(
            "Names and values have at most {} bytes in all. A name of one letter is taken, and \
             can't be deployed.",
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
        Self::of_valid_entries(variables)
    }
}

impl TryFrom<BTreeMap<String, String>> for EnvironmentVariables {
    type Error = ValidationError;

    fn try_from(variables: BTreeMap<String, String>) -> Result<Self, ValidationError> {
        for (name, value) in &variables {
            refuse_variable_name(name)?;
            refuse_nul(name, value)?;
        }
        Self::of_valid_entries(variables)
    }
}

impl EnvironmentVariables {
    /// The variables of valid names and values, which may still be too large together.
    fn of_valid_entries(variables: BTreeMap<String, String>) -> Result<Self, ValidationError> {
        let bytes: usize = variables.iter().map(|(name, value)| name.len() + value.len()).sum();
        if bytes > Self::MAX_BYTES {
            let max = Self::MAX_BYTES;
            return Err(ValidationError(format!(
                "must be at most {max} bytes of names and values in all, and has {bytes}"
            )));
        }
        Ok(Self(variables))
    }
}

/// Whether a function may be called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It may.
    #[default]
    Active,
    /// It is switched off.
    Disabled,
}

impl TryFrom<Value> for Status {
    type Error = ValidationError;

    fn try_from(value: Value) -> Result<Self, ValidationError> {
        one_of(value, "active, disabled")
    }
}

/// Who may call a function by its URL: `none` asks for nothing, and is what is meant unless said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Auth {
    /// Everybody who knows the URL.
    #[default]
    None,
    /// Whoever sends one of the function's invocation keys.
    Key,
}

impl TryFrom<Value> for Auth {
    type Error = ValidationError;

    fn try_from(value: Value) -> Result<Self, ValidationError> {
        one_of(value, "none, key")
    }
}

fn one_of<T: for<'de> Deserialize<'de>>(
    value: Value,
    supported: &str,
) -> Result<T, ValidationError> {
    serde_json::from_value(value)
        .map_err(|_| ValidationError(format!("must be one of {supported}")))
}

/// JSON has one type of number, so `256.0` is the whole number 256.
fn whole_number(value: &Value, min: u16, max: u16, unit: &str) -> Result<u16, ValidationError> {
    let number = value.as_f64().filter(|n| n.fract() == 0.0);
    let Some(number) = number else {
        return Err(ValidationError::because("must be a whole number"));
    };
    in_range(number, min, max, unit)
}

fn in_range(number: f64, min: u16, max: u16, unit: &str) -> Result<u16, ValidationError> {
    if number < f64::from(min) || number > f64::from(max) {
        return Err(ValidationError(format!("must be {min} to {max} {unit}")));
    }
    // In range and whole, so the cast loses nothing.
    Ok(number as u16)
}

fn whole_number_schema(min: u16, max: u16, unit: &str) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(min))
        .maximum(Some(max))
        .description(Some(unit))
        .into()
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

    fn refusal<T: TryFrom<Value, Error = ValidationError> + std::fmt::Debug>(
        value: Value,
    ) -> String {
        T::try_from(value).unwrap_err().0
    }

    #[test]
    fn an_unsupported_runtime_is_refused_with_the_supported_ones() {
        assert_eq!(Runtime::try_from(json!("Python 3.13")), Ok(Runtime::Python313));
        for other in [json!("Python 3.10"), json!("python 3.12"), json!(null), json!(3.12)] {
            let reason = refusal::<Runtime>(other);
            assert!(reason.contains("Python 3.11") && reason.contains("Python 3.13"), "{reason}");
        }
    }

    #[test]
    fn numbers_are_whole_and_in_range() {
        assert_eq!(Memory::try_from(json!(128)), Ok(Memory(128)));
        assert_eq!(Memory::try_from(json!(1024.0)), Ok(Memory(1024)));
        assert_eq!(refusal::<Memory>(json!(127)), "must be 128 to 1024 MB");
        assert_eq!(refusal::<Memory>(json!(1025)), "must be 128 to 1024 MB");
        assert_eq!(refusal::<Memory>(json!(-1)), "must be 128 to 1024 MB");
        assert_eq!(refusal::<Memory>(json!(1e300)), "must be 128 to 1024 MB");
        assert_eq!(refusal::<Memory>(json!(256.5)), "must be a whole number");
        assert_eq!(refusal::<Memory>(json!("256")), "must be a whole number");
        assert_eq!(Timeout::try_from(json!(900)), Ok(Timeout(900)));
        assert_eq!(refusal::<Timeout>(json!(0)), "must be 1 to 900 seconds");
        assert_eq!(refusal::<Timeout>(json!(901)), "must be 1 to 900 seconds");
        assert_eq!(refusal::<Timeout>(json!(true)), "must be a whole number");
    }

    #[test]
    fn methods_are_upper_case_distinct_and_in_the_order_given() {
        use HttpMethod::{Delete, Get, Post};
        let methods = HttpMethods::try_from(json!(["post", "GET", "Post", "delete"]));
        assert_eq!(methods, Ok(HttpMethods(vec![Post, Get, Delete])));
        assert_eq!(refusal::<HttpMethods>(json!([])), "must hold at least one method");
        assert_eq!(refusal::<HttpMethods>(json!("GET")), "must be an array of methods");
        for bad in [json!(["HEAD"]), json!(["GET", 1]), json!([null]), json!([["GET"]])] {
            assert!(refusal::<HttpMethods>(bad).contains("GET, POST, PUT, PATCH, DELETE"));
        }
    }

    #[test]
    fn variables_have_plain_names_and_a_limited_size() {
        assert!(EnvironmentVariables::try_from(json!({})).is_ok());
        assert!(EnvironmentVariables::try_from(json!({"KEY_1": "값 🔑", "a": ""})).is_ok());
        for name in ["", "1A", "_HANDLER", "A-B", "A B", "é", "AWS_REGION", "LAMBDA_X"] {
            let reason = refusal::<EnvironmentVariables>(json!({ name: "x" }));
            assert!(reason.contains(name), "{reason}");
        }
        for value in [json!(1), json!(null), json!({}), json!("a\u{0}")] {
            assert!(refusal::<EnvironmentVariables>(json!({ "KEY": value })).contains("KEY"));
        }
        assert!(EnvironmentVariables::try_from(json!({"KEY": "x".repeat(4093)})).is_ok());
        let long_name = refusal::<EnvironmentVariables>(json!({ "\"".repeat(1_000_000): "x" }));
        assert!(long_name.len() < 400, "a sentence, not an echo: {} bytes", long_name.len());
        let reason = refusal::<EnvironmentVariables>(json!({"KEY": "x".repeat(4094)}));
        assert!(reason.contains("4096") && reason.contains("4097"), "{reason}");
    }

    #[test]
    fn a_status_is_active_or_disabled() {
        assert_eq!(Status::try_from(json!("disabled")), Ok(Status::Disabled));
        assert_eq!(refusal::<Status>(json!("Active")), "must be one of active, disabled");
    }

    #[test]
    fn a_stored_setting_that_breaks_a_rule_is_an_error() {
        fn stored<T: for<'de> Deserialize<'de>>(value: &Value) -> bool {
            T::deserialize(value).is_ok()
        }
        assert!(stored::<Memory>(&json!(128)) && stored::<Timeout>(&json!(900)));
        for memory in [json!(127), json!(1025), json!(70_000), json!(-1), json!(128.5)] {
            assert!(!stored::<Memory>(&memory), "{memory}");
        }
        for timeout in [json!(0), json!(901), json!("30")] {
            assert!(!stored::<Timeout>(&timeout), "{timeout}");
        }
        assert!(stored::<HttpMethods>(&json!(["GET", "POST"])));
        for methods in [json!([]), json!(["HEAD"]), json!("GET")] {
            assert!(!stored::<HttpMethods>(&methods), "{methods}");
        }
        assert!(stored::<EnvironmentVariables>(&json!({"KEY": "value"})));
        for variables in [
            json!({"1A": ""}),
            json!({"AWS_REGION": ""}),
            json!({"KEY": "\0"}),
            json!({"KEY": "x".repeat(4094)}),
            json!({"KEY": 1}),
        ] {
            assert!(!stored::<EnvironmentVariables>(&variables), "{variables}");
        }
    }
}
