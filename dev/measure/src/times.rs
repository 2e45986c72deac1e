//! How long something took, again and again.

use std::time::Duration;

/// Durations of the same thing.
#[derive(Clone, Debug, Default)]
pub struct Times(Vec<Duration>);

impl Times {
    /// Takes note of one.
    pub fn add(&mut self, took: Duration) {
        self.0.push(took);
    }

    /// How many there are.
    pub fn number(&self) -> usize {
        self.0.len()
    }

    /// Milliseconds within which `percent` of them were done; 0 where there are none.
    pub fn milliseconds(&self, percent: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let place = sorted.len().saturating_sub(1) * percent / 100;
        sorted.get(place).map_or(0.0, |took| took.as_secs_f64() * 1000.0)
    }
}

impl Extend<Duration> for Times {
    fn extend<I: IntoIterator<Item = Duration>>(&mut self, times: I) {
        self.0.extend(times);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_what_was_seen() {
        let mut times = Times::default();
        assert_eq!(times.milliseconds(50), 0.0);
        times.extend((1..=101).rev().map(Duration::from_millis));
        assert_eq!((times.milliseconds(50), times.milliseconds(99)), (51.0, 100.0));
    }
}
