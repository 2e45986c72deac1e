//! The processor time that a function has used, minute by minute.

use serde::Serialize;
use utoipa::ToSchema;

use super::Timestamp;

const MINUTE_MS: i64 = 60_000;

/// How many minutes there are: an hour.
const MINUTES: usize = 60;

/// The longest execution: the largest timeout of a function. One that began so long before the hour
/// may reach into it.
const LONGEST_EXECUTION_MS: i64 = 900_000;

/// The processor time of a function over the last 60 full minutes.
///
/// That of an execution is spread evenly over the time that it took.
#[derive(Debug)]
pub struct ProcessorTime {
    /// When the first of the minutes begins, in milliseconds since 1970.
    begin: i64,
    /// Milliseconds of processor time in each minute.
    minutes: [f64; MINUTES],
    /// Whether any execution told its processor time.
    is_measured: bool,
    /// The executions that began before this were not read, in milliseconds since 1970.
    read_from: i64,
}

/// What a function used in one minute.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct ProcessorTimePoint {
    /// When the minute began, in seconds since 1970.
    pub timestamp: i64,
    /// Seconds of processor time for each second.
    #[schema(minimum = 0)]
    pub value: f64,
}

/// What an execution used.
#[derive(Clone, Copy, Debug)]
pub struct UsedProcessorTime {
    /// When it began.
    pub began: Timestamp,
    /// How long it took, in milliseconds.
    pub duration: f64,
    /// Its processor time in milliseconds, where it is known.
    pub cpu_time: Option<f64>,
}

impl ProcessorTime {
    /// The 60 full minutes before `now`, without an execution.
    pub fn before(now: Timestamp) -> Self {
        let end = now.epoch_milliseconds().div_euclid(MINUTE_MS) * MINUTE_MS;
        let begin = end - MINUTES as i64 * MINUTE_MS;
        Self { begin, minutes: [0.0; MINUTES], is_measured: false, read_from: i64::MIN }
    }

    /// The time from which on an execution counts, and before which: those that began in it may
    /// reach into the hour.
    pub fn window(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        let end = self.begin + MINUTES as i64 * MINUTE_MS;
        let [since, until] = [self.begin - LONGEST_EXECUTION_MS, end];
        (Timestamp::from_epoch_milliseconds(since), Timestamp::from_epoch_milliseconds(until))
    }

    /// Adds what an execution used.
    pub fn add(&mut self, used: UsedProcessorTime) {
        let Some(cpu_time) = used.cpu_time else { return };
        let began = (used.began.epoch_milliseconds() - self.begin) as f64;
        // An instant has no share in any time.
        let took = used.duration.max(1.0);
        for (number, minute) in self.minutes.iter_mut().enumerate() {
            let (from, to) = ((number as i64 * MINUTE_MS) as f64, MINUTE_MS as f64);
            let inside = (began + took).min(from + to) - began.max(from);
            if inside > 0.0 {
                *minute += cpu_time * inside / took;
                self.is_measured = true;
            }
        }
    }

    /// Says that the executions that began before `oldest` were not read. The minutes up to then
    /// have no point.
    pub fn was_read_from(&mut self, oldest: Timestamp) {
        self.read_from = oldest.epoch_milliseconds();
    }

    /// A point for each minute, the oldest first.
    pub fn points(&self) -> Vec<ProcessorTimePoint> {
        let point = |(number, used): (usize, &f64)| {
            let begins = self.begin + number as i64 * MINUTE_MS;
            let value = (used / MINUTE_MS as f64 * 1e6).round() / 1e6;
            (begins >= self.read_from)
                .then_some(ProcessorTimePoint { timestamp: begins / 1000, value })
        };
        self.minutes.iter().enumerate().filter_map(point).collect()
    }

    /// What was used in the last minute; `None` where no execution of the hour told its processor
    /// time, or too many were there to read.
    pub fn last(&self) -> Option<f64> {
        self.points().last().filter(|_| self.is_measured).map(|point| point.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_030_000;

    /// So many milliseconds before the last full minute ended.
    fn ago(ms: i64) -> Timestamp {
        let end = NOW.div_euclid(MINUTE_MS) * MINUTE_MS;
        Timestamp::from_epoch_milliseconds(end - ms).unwrap()
    }

    fn hour() -> ProcessorTime {
        ProcessorTime::before(Timestamp::from_epoch_milliseconds(NOW).unwrap())
    }

    fn used(
        began: Timestamp,
        duration: f64,
        cpu_time: impl Into<Option<f64>>,
    ) -> UsedProcessorTime {
        UsedProcessorTime { began, duration, cpu_time: cpu_time.into() }
    }

    #[test]
    fn there_is_a_point_for_each_full_minute_of_the_hour() {
        let points = hour().points();
        assert_eq!(points.len(), 60);
        assert!(points.windows(2).all(|two| two[1].timestamp - two[0].timestamp == 60));
        assert_eq!(points[59].timestamp, ago(60_000).epoch_seconds());
        assert_eq!(hour().last(), None, "nothing told its processor time");
    }

    #[test]
    fn processor_time_is_spread_over_the_execution() {
        let mut hour = hour();
        // From half a minute before the last minute to its end: a third of it before.
        hour.add(used(ago(90_000), 90_000.0, 9000.0));
        let points = hour.points();
        assert_eq!((points[58].value, points[59].value), (0.05, 0.1));
        assert_eq!(hour.last(), Some(0.1));
        hour.add(used(ago(1), 0.0, 600.0));
        assert_eq!(hour.last(), Some(0.11), "an execution without a duration counts, too");
        hour.add(used(ago(60_000), 10.0, None));
        assert_eq!(hour.last(), Some(0.11));
    }

    #[test]
    fn an_execution_that_began_before_the_hour_counts_within_it() {
        let mut hour = hour();
        let (since, until) = hour.window();
        assert_eq!((since, until), (Some(ago(75 * 60_000)), Some(ago(0))));
        hour.add(used(ago(61 * 60_000), 120_000.0, 120_000.0));
        assert_eq!(hour.points()[0].value, 1.0);
        assert_eq!(hour.points()[1].value, 0.0);
        let mut other = super::tests::hour();
        other.add(used(ago(70 * 60_000), 1000.0, 1000.0));
        assert_eq!(other.last(), None, "it ended before");
    }

    #[test]
    fn minutes_that_were_not_read_have_no_point() {
        let mut hour = hour();
        hour.add(used(ago(100), 50.0, 60.0));
        hour.was_read_from(ago(100_000));
        let points = hour.points();
        assert_eq!(points.len(), 1, "the minute in which reading ended is not complete");
        assert_eq!(hour.last(), Some(0.001));
        hour.was_read_from(ago(50_000));
        assert_eq!((hour.points(), hour.last()), (vec![], None));
    }
}
