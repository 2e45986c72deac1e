//! Settings of a function.

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
    /// The newest runtime.
    pub const NEWEST: Self = Self::Python313;

    /// Its name: `Python 3.12`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Python311 => "Python 3.11",
            Self::Python312 => "Python 3.12",
            Self::Python313 => "Python 3.13",
        }
    }

    /// Its number: `3.12`.
    pub fn number(self) -> &'static str {
        self.name().trim_start_matches("Python ")
    }
}

impl TryFrom<Value> for Runtime {
    type Error = ValidationError;

    fn try_from(value: Value) -> Result<Self, ValidationError> {
        one_of(value, "\"Python 3.11\", \"Python 3.12\", \"Python 3.13\"")
    }
}

/// Memory in MB: 128 to 1024, 256 by default.
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

/// Timeout in seconds: 1 to 900, 30 by default.
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
    /// `HEAD`
    Head,
    /// `OPTIONS`
    Options,
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
            Self::Head => "HEAD",
            Self::Options => "OPTIONS",
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
            one_of(upper, "GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS").map_err(
                |ValidationError(reason)| {
                    ValidationError(format!("must hold methods; each {reason}"))
                },
            )
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

pub(super) fn one_of<T: for<'de> Deserialize<'de>>(
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
        for bad in [json!(["TRACE"]), json!(["GET", 1]), json!([null]), json!([["GET"]])] {
            let supported = "GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS";
            assert!(refusal::<HttpMethods>(bad).contains(supported));
        }
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
        for methods in [json!([]), json!(["TRACE"]), json!("GET")] {
            assert!(!stored::<HttpMethods>(&methods), "{methods}");
        }
    }
}
