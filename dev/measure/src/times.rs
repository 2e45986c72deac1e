//! Durations, measured again and again.

use std::time::{Duration, Instant};

use emulator::terminal::say;
use futures_util::future::join_all;

/// The requests of a turn, of all connections together.
const TURN: usize = 80;

/// Durations of the same thing.
#[derive(Clone, Debug, Default)]
pub struct Times {
    each: Vec<Duration>,
    /// The time of all turns.
    busy: Duration,
}

impl Times {
    /// Adds one.
    pub fn add(&mut self, took: Duration) {
        self.each.push(took);
    }

    /// Requests a second, while they had their turn.
    pub fn rate(&self) -> f64 {
        self.each.len() as f64 / self.busy.as_secs_f64()
    }

    /// The `percent`th percentile in milliseconds; 0 if there are no durations.
    pub fn milliseconds(&self, percent: usize) -> f64 {
        let mut sorted = self.each.clone();
        sorted.sort_unstable();
        let index = sorted.len().saturating_sub(1) * percent / 100;
        sorted.get(index).map_or(0.0, |took| took.as_secs_f64() * 1000.0)
    }
}

/// Times `request` of each of `kinds`, `connections` at once: `rounds` rounds, in each of which
/// every kind has a turn of 80 requests. So noise meets all kinds.
pub async fn compare<K>(
    kinds: &[K],
    connections: usize,
    rounds: usize,
    request: impl AsyncFn(&K),
) -> Vec<Times> {
    let turn = async |kind: &K, times: &mut Times| {
        let began = Instant::now();
        let requests = (0..connections).map(async |_| {
            let mut each = Vec::new();
            for _ in 0..TURN / connections {
                let began = Instant::now();
                request(kind).await;
                each.push(began.elapsed());
            }
            each
        });
        times.each.extend(join_all(requests).await.concat());
        times.busy += began.elapsed();
    };
    let mut all = vec![Times::default(); kinds.len()];
    for kind in kinds {
        // Starts as many processes and connections as are needed.
        turn(kind, &mut Times::default()).await;
    }
    for round in 0..rounds {
        if round % 10 == 0 {
            say(format_args!("{connections} at once: round {round} of {rounds}"));
        }
        // Each kind is first as often as the others, because a turn meets what the one before left.
        for at in (0..kinds.len()).map(|turn| (turn + round) % kinds.len()) {
            turn(&kinds[at], &mut all[at]).await;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_durations_that_were_measured() {
        let mut times = Times::default();
        assert_eq!(times.milliseconds(50), 0.0);
        (1..=101).rev().for_each(|ms| times.add(Duration::from_millis(ms)));
        assert_eq!((times.milliseconds(50), times.milliseconds(99)), (51.0, 100.0));
    }
}
