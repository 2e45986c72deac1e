//! Reading the attributes of legacy items.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::Value;

use super::json;
use crate::domain::{Fields, Timestamp, ValidationError};
use crate::error::Error;
use crate::store::item::Item;

/// The fields of an item. The legacy backend wrote null or an empty text for no value, so both count
/// as absent.
pub(super) fn fields(item: &Item) -> Result<Fields, Error> {
    let is_value = |value: &AttributeValue| {
        !value.is_null() && value.as_s().map_or(true, |text| !text.is_empty())
    };
    let values = item.iter().filter(|(_, value)| is_value(value));
    Ok(Fields::parse(json::object(values).as_bytes())?)
}

/// A time in the legacy form: with an offset, or in UTC without one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct LegacyTime(pub(super) Timestamp);

impl LegacyTime {
    pub(super) fn parse(text: &str) -> Option<Self> {
        text.parse().or_else(|_| format!("{text}Z").parse()).ok().map(Self)
    }
}

impl TryFrom<Value> for LegacyTime {
    type Error = ValidationError;

    fn try_from(value: Value) -> Result<Self, ValidationError> {
        let time = value.as_str().and_then(Self::parse);
        time.ok_or_else(|| ValidationError::because("must be a time, such as 2026-01-31T09:05:00Z"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_without_offset_is_utc() {
        for (text, expected) in [
            ("2025-11-08T03:04:05.123456", "2025-11-08T03:04:05.123Z"),
            ("2025-11-08T12:04:05.123456+09:00", "2025-11-08T03:04:05.123Z"),
            ("2025-11-08T03:04:05.123Z", "2025-11-08T03:04:05.123Z"),
            ("2025-11-08T03:04:05", "2025-11-08T03:04:05.000Z"),
        ] {
            assert_eq!(LegacyTime::parse(text).unwrap().0.to_string(), expected, "{text}");
        }
        for text in ["", "2025-11-08", "yesterday", "1762571045"] {
            assert_eq!(LegacyTime::parse(text), None, "{text}");
        }
    }
}
