//! Points in time.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp as Instant;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

use super::error::ValidationError;

/// A point in time to the millisecond, written as RFC 3339 in UTC: `2026-01-31T09:05:00.123Z`.
///
/// The written form has a fixed width for years 0000 to 9999, so it sorts by time. The table's sort
/// keys rely on that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(Instant);

impl Timestamp {
    /// The current time.
    pub fn now() -> Self {
        let now = Instant::now();
        // The last of what an Instant can be has no whole millisecond.
        Self::truncated(now).unwrap_or(Self(now))
    }

    /// Whole seconds since 1970, as the table's time-to-live attribute counts.
    pub fn epoch_seconds(self) -> i64 {
        self.0.as_second()
    }

    /// Milliseconds since 1970.
    pub fn epoch_milliseconds(self) -> i64 {
        self.0.as_millisecond()
    }

    /// The time `duration` later; the same, where that is beyond the year 9999.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        let milliseconds = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        let later = self.epoch_milliseconds().saturating_add(milliseconds);
        Self::from_epoch_milliseconds(later).unwrap_or(self)
    }

    /// The time of this number of milliseconds since 1970; `None` beyond the year 9999.
    pub fn from_epoch_milliseconds(milliseconds: i64) -> Option<Self> {
        Instant::from_millisecond(milliseconds).ok().map(Self)
    }

    fn truncated(instant: Instant) -> Option<Self> {
        Self::from_epoch_milliseconds(instant.as_millisecond())
    }
}

impl PartialSchema for Timestamp {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .description(Some("RFC 3339; what is read back is in UTC with milliseconds."))
            .into()
    }
}

impl ToSchema for Timestamp {}

impl FromStr for Timestamp {
    type Err = ValidationError;

    /// Takes any RFC 3339 time, and cuts it to milliseconds.
    fn from_str(text: &str) -> Result<Self, ValidationError> {
        let reason = "must be an RFC 3339 time, such as 2026-01-31T09:05:00Z";
        let instant = text.parse().ok().and_then(Self::truncated);
        instant.ok_or_else(|| ValidationError::because(reason))
    }
}

/// A clock: the system's, or one that a test sets.
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    /// A clock that stands still at `time` until it is set.
    pub fn standing_at(time: Timestamp) -> Self {
        Self(Some(Arc::new(AtomicI64::new(time.epoch_milliseconds()))))
    }

    /// Sets the clock and all its clones. It has no effect on the system's clock.
    pub fn set(&self, time: Timestamp) {
        if let Some(milliseconds) = &self.0 {
            milliseconds.store(time.epoch_milliseconds(), Ordering::Relaxed);
        }
    }

    /// The time of the clock.
    pub fn now(&self) -> Timestamp {
        let set = self.0.as_ref().map(|milliseconds| milliseconds.load(Ordering::Relaxed));
        set.and_then(Timestamp::from_epoch_milliseconds).unwrap_or_else(Timestamp::now)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.0)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_is_written_in_utc_with_milliseconds() {
        for (from, to) in [
            ("2026-01-31T09:05:00.123Z", "2026-01-31T09:05:00.123Z"),
            ("2026-01-31T09:05:00.123999Z", "2026-01-31T09:05:00.123Z"),
            ("2026-01-31T18:05:00+09:00", "2026-01-31T09:05:00.000Z"),
        ] {
            assert_eq!(from.parse::<Timestamp>().unwrap().to_string(), to);
        }
    }

    #[test]
    fn a_text_that_is_no_rfc_3339_time_is_refused() {
        for text in ["yesterday", "", "2026-01-31", "2026-01-31T09:05:00"] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
            assert!(serde_json::from_value::<Timestamp>(text.into()).is_err(), "{text}");
        }
    }
}
