//! Capacities: rates, concurrency and environments.
//!
//! All numbers are whole, in nanoseconds and billionths of a unit, so that the results are the same
//! on every machine.

use super::limits;

/// Nanoseconds in a second, and billionths in a unit, so that a rate is added without a division.
pub(super) const SECOND: u64 = 1_000_000_000;

/// Nanoseconds in a millisecond.
pub(super) const MILLISECOND: u64 = 1_000_000;

/// A token bucket.
///
/// It is open while anything is left. More than that can be taken, since the cost of a read is known
/// only afterwards, and is paid back before the bucket opens again. So large items wait no longer
/// than small ones.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    rate: u64,
    most: i64,
    left: i64,
    at: u64,
}

impl Bucket {
    /// A full bucket of `rate` units a second and at most `most` units.
    pub(super) fn new(rate: u64, most: u64) -> Self {
        let most = (most * SECOND).cast_signed();
        Self { rate, most, left: most, at: 0 }
    }

    /// The same with at most `units` left.
    pub(super) fn with_left(self, units: u64) -> Self {
        Self { left: self.most.min((units * SECOND).cast_signed()), ..self }
    }

    /// Whether anything is left.
    pub(super) fn is_open(&mut self, now: u64) -> bool {
        let back = ((now - self.at) * self.rate).cast_signed();
        self.left = self.most.min(self.left + back);
        self.at = now;
        self.left > 0
    }

    /// Takes units.
    pub(super) fn take(&mut self, units: u64) {
        self.left -= (units * SECOND).cast_signed();
    }
}

/// A share of the account's concurrent executions.
#[derive(Clone, Copy, Debug)]
pub(super) enum Share {
    /// The Lambda that calls users' functions.
    Invocations,
    /// Everything else: users' functions, and the counter.
    Others,
}

/// The concurrent executions of the account.
#[derive(Debug)]
pub(super) struct Concurrency {
    most: u64,
    reserved: u64,
    invocations: u64,
    others: u64,
}

impl Concurrency {
    /// `most` at a time. `reserved` of them are for the Lambda that calls users' functions, which then
    /// has no more; 0 reserves none.
    pub(super) fn new(most: u64, reserved: u64) -> Self {
        Self { most, reserved, invocations: 0, others: 0 }
    }

    /// Begins an execution if one more may run.
    pub(super) fn begin(&mut self, share: Share) -> bool {
        let is_free = match (self.reserved, share) {
            (0, _) => self.invocations + self.others < self.most,
            (reserved, Share::Invocations) => self.invocations < reserved,
            (reserved, Share::Others) => self.others < self.most.saturating_sub(reserved),
        };
        if is_free {
            *self.of(share) += 1;
        }
        is_free
    }

    /// Ends an execution.
    pub(super) fn end(&mut self, share: Share) {
        *self.of(share) -= 1;
    }

    fn of(&mut self, share: Share) -> &mut u64 {
        match share {
            Share::Invocations => &mut self.invocations,
            Share::Others => &mut self.others,
        }
    }
}

/// The execution environments of one function. The simulation keeps them to its end.
#[derive(Clone, Debug)]
pub(super) struct Environments {
    busy: u64,
    created: u64,
    new: Bucket,
}

impl Environments {
    pub(super) fn new() -> Self {
        let rate = limits::NEW_ENVIRONMENTS / limits::NEW_ENVIRONMENTS_SECONDS;
        Self { busy: 0, created: 0, new: Bucket::new(rate, limits::NEW_ENVIRONMENTS) }
    }

    /// Whether one is idle, or one more may be created.
    pub(super) fn has(&mut self, now: u64) -> bool {
        self.busy < self.created || self.new.is_open(now)
    }

    /// Takes an idle one, or creates one.
    pub(super) fn begin(&mut self) {
        if self.busy == self.created {
            self.new.take(1);
            self.created += 1;
        }
        self.busy += 1;
    }

    pub(super) fn end(&mut self) {
        self.busy -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_burst_and_its_rate() {
        let mut bucket = Bucket::new(1_000, 1_000);
        let mut given = 0;
        // Ten seconds with ten times the rate.
        for tick in 0..100_000 {
            if bucket.is_open(tick * MILLISECOND / 10) {
                bucket.take(1);
                given += 1;
            }
        }
        // The burst, and ten seconds of the rate.
        assert!((10_999..=11_001).contains(&given), "{given}");
    }

    #[test]
    fn a_bucket_opens_after_an_overdraft_is_paid_back() {
        let mut bucket = Bucket::new(10, 10);
        assert!(bucket.is_open(0));
        bucket.take(30);
        assert!(!bucket.is_open(2 * SECOND));
        assert!(bucket.is_open(2 * SECOND + MILLISECOND));
    }

    #[test]
    fn reserved_concurrency_is_a_minimum_and_a_maximum() {
        let mut concurrency = Concurrency::new(10, 4);
        let of = |concurrency: &mut Concurrency, share| {
            (0..20).filter(|_| concurrency.begin(share)).count()
        };
        assert_eq!(of(&mut concurrency, Share::Others), 6);
        assert_eq!(of(&mut concurrency, Share::Invocations), 4);
        concurrency.end(Share::Others);
        assert!(!concurrency.begin(Share::Invocations));
        assert!(concurrency.begin(Share::Others));
    }

    #[test]
    fn environments_are_created_at_a_limited_rate_and_reused() {
        let mut environments = Environments::new();
        let mut begin = |now, times| {
            (0..times)
                .filter(|_| {
                    environments.has(now) && {
                        environments.begin();
                        true
                    }
                })
                .count()
        };
        assert_eq!(begin(0, 1_500), 1_000);
        assert_eq!(begin(SECOND, 1_500), 100);
        for _ in 0..10 {
            environments.end();
        }
        assert!(environments.has(SECOND));
    }
}
