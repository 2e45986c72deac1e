//! Usage: executions over the last 24 hours, counted by the hour.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::error::ValidationError;
use super::{ExecutionStatus, Timestamp};

/// How many hours are kept. A window of 24 hours that begins within an hour touches 25.
const KEPT_HOURS: i64 = 25;

const HOUR_MS: i64 = 3_600_000;

/// The executions of one hour.
///
/// Stored as a list of four numbers: 25 of these must fit into a write unit of 1 KB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
struct Hour(
    /// Hours since 1970.
    i64,
    /// Executions that began in it.
    u64,
    /// Those of them that failed.
    u64,
    /// How long all of them took, in microseconds.
    u64,
);

/// Executions by the hour in which they began: the latest 25 hours, in order, without those that have
/// no execution.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "Vec<Hour>")]
pub struct HourlyUsage(Vec<Hour>);

/// The usage of a function or a workspace.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// Executions over the last 24 hours.
    pub invocations: u64,
    /// Those of them that failed.
    pub errors: u64,
    /// Their mean duration in milliseconds, to 2 decimals; 0 when there were none.
    pub average_duration: f64,
    /// Percent of them that failed, to 2 decimals; 0 when there were none.
    pub error_rate: f64,
}

impl TryFrom<Vec<Hour>> for HourlyUsage {
    type Error = ValidationError;

    fn try_from(hours: Vec<Hour>) -> Result<Self, ValidationError> {
        if hours.is_sorted_by(|one, next| one.0 < next.0) {
            Ok(Self(hours))
        } else {
            Err(ValidationError::because("must hold each hour once, in order"))
        }
    }
}

impl HourlyUsage {
    /// Counts an execution that began `at`, unless it is older than all hours that are kept.
    pub fn count(&mut self, at: Timestamp, status: ExecutionStatus, took: Duration) {
        let hour = at.epoch_milliseconds().div_euclid(HOUR_MS);
        let newest = self.0.last().map_or(hour, |last| last.0.max(hour));
        let index = match self.0.binary_search_by_key(&hour, |kept| kept.0) {
            Ok(index) => index,
            Err(index) => {
                self.0.insert(index, Hour(hour, 0, 0, 0));
                index
            }
        };
        let Hour(_, executions, errors, microseconds) = &mut self.0[index];
        *executions += 1;
        *errors += u64::from(status == ExecutionStatus::Error);
        *microseconds += u64::try_from(took.as_micros()).unwrap_or(u64::MAX / 1_000_000);
        self.0.retain(|kept| kept.0 > newest - KEPT_HOURS);
    }

    /// The usage of the 24 hours before `now`.
    ///
    /// The hour in which the window begins counts in proportion to its part within the window. At a
    /// full hour that is exact.
    pub fn usage(&self, now: Timestamp) -> Usage {
        let now = now.epoch_milliseconds();
        let begin = now - 24 * HOUR_MS;
        let (mut executions, mut errors, mut microseconds) = (0.0, 0.0, 0.0);
        for Hour(hour, n, failed, took) in &self.0 {
            let inside = ((hour + 1) * HOUR_MS - begin).clamp(0, HOUR_MS);
            // Clocks differ, so an execution may be counted for the coming hour.
            let ahead = hour * HOUR_MS > now + HOUR_MS;
            let part = if ahead { 0.0 } else { inside as f64 / HOUR_MS as f64 };
            executions += part * *n as f64;
            errors += part * *failed as f64;
            microseconds += part * *took as f64;
        }
        let (invocations, failed) = (executions.round() as u64, errors.round() as u64);
        if invocations == 0 {
            return Usage::default();
        }
        Usage {
            invocations,
            errors: failed.min(invocations),
            average_duration: two_decimals(microseconds / executions / 1000.0),
            error_rate: two_decimals(failed.min(invocations) as f64 / invocations as f64 * 100.0),
        }
    }
}

fn two_decimals(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_epoch_milliseconds(1_800_000_000_000 + minutes * 60_000).unwrap()
    }

    #[test]
    fn usage_is_exact_at_every_full_hour() {
        let mut hours = HourlyUsage::default();
        // In hour h: h executions of h ms, every third of which fails.
        let start = 1_800_000_000 / 3600 * 60 - 1_800_000_000 / 60;
        for hour in 0..50_i64 {
            for i in 0..hour {
                let outcome =
                    if i % 3 == 0 { ExecutionStatus::Error } else { ExecutionStatus::Success };
                let took = Duration::from_millis(u64::try_from(hour).unwrap());
                hours.count(at(start + hour * 60 + i), outcome, took);
            }
            let now = at(start + (hour + 1) * 60);
            let window = (hour - 23).max(0)..=hour;
            let n: i64 = window.clone().sum();
            let failed: i64 = window.clone().map(|h| (h + 2) / 3).sum();
            let took: i64 = window.map(|h| h * h).sum();
            let usage = hours.usage(now);
            assert_eq!(usage.invocations, n as u64, "hour {hour}");
            assert_eq!(usage.errors, failed as u64, "hour {hour}");
            let mean = if n == 0 { 0.0 } else { two_decimals(took as f64 / n as f64) };
            assert!((usage.average_duration - mean).abs() < 0.011, "hour {hour}: {usage:?}");
        }
    }

    #[test]
    fn the_oldest_hour_counts_in_proportion() {
        let mut hours = HourlyUsage::default();
        for minute in 0..60 {
            hours.count(at(minute), ExecutionStatus::Success, Duration::from_millis(10));
        }
        let full = hours.usage(at(24 * 60));
        assert_eq!(full.invocations, 60);
        assert_eq!(hours.usage(at(24 * 60 + 45)).invocations, 15);
        assert_eq!(hours.usage(at(25 * 60)), Usage::default());
    }

    #[test]
    fn at_most_25_hours_are_kept() {
        let mut hours = HourlyUsage::default();
        for hour in 0..100 {
            for _ in 0..10 {
                hours.count(at(hour * 60), ExecutionStatus::Error, Duration::from_secs(900));
            }
        }
        assert_eq!(hours.0.len(), 25);
        hours.count(at(0), ExecutionStatus::Error, Duration::ZERO);
        assert_eq!(hours.0.len(), 25, "what is too old is not kept");
        assert_eq!(hours.usage(at(99 * 60 + 59)).error_rate, 100.0);
    }

    #[test]
    fn stored_hours_out_of_order_are_an_error() {
        let stored = |text| serde_json::from_str::<HourlyUsage>(text).is_ok();
        assert!(stored("[]") && stored("[[1, 2, 0, 3], [2, 1, 1, 1]]"));
        assert!(!stored("[[2, 1, 1, 1], [1, 2, 0, 3]]") && !stored("[[1, 1, 0, 0], [1, 1, 0, 0]]"));
    }

    proptest! {
        #[test]
        fn the_order_of_counting_is_irrelevant(
            mut minutes in proptest::collection::vec(0..3000_i64, 1..60)
        ) {
            let count = |minutes: &[i64]| {
                let mut hours = HourlyUsage::default();
                for minute in minutes {
                    hours.count(at(*minute), ExecutionStatus::Success, Duration::from_millis(5));
                }
                hours
            };
            let as_given = count(&minutes);
            minutes.sort_unstable();
            prop_assert_eq!(as_given, count(&minutes));
        }
    }
}
