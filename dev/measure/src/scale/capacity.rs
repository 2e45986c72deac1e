//! Capacities that refill by the second, and those that are given back.
//!
//! Everything is counted in whole numbers, of nanoseconds and billionths of a unit, so that
//! every machine comes to the same result.

use super::limits;

/// Nanoseconds in a second; also billionths in a unit, so that a rate is added without dividing.
pub(super) const SECOND: u64 = 1_000_000_000;

/// Nanoseconds in a millisecond.
pub(super) const MILLISECOND: u64 = 1_000_000;

/// Units that come back at a rate, up to a most.
///
/// It is open while anything is left, and what is taken beyond that is paid back before it opens
/// again: what a read costs is known only once it was made. So large items wait no longer than
/// small ones.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    rate: u64,
    most: i64,
    left: i64,
    at: u64,
}

impl Bucket {
    /// Full, with `rate` units a second up to `most` units.
    pub(super) fn new(rate: u64, most: u64) -> Self {
        let most = (most * SECOND).cast_signed();
        Self { rate, most, left: most, at: 0 }
    }

    /// The same with no more than `units` left at the beginning.
    pub(super) fn with_left(self, units: u64) -> Self {
        Self { left: self.most.min((units * SECOND).cast_signed()), ..self }
    }

    /// Whether anything is left at this time.
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

/// Whose share of the account's concurrent executions is meant.
#[derive(Clone, Copy, Debug)]
pub(super) enum Share {
    /// Of the Lambda that calls users' functions.
    Invocations,
    /// Of everything else: users' functions, and the counter.
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
    /// `most` at a time, of which `reserved` are kept for the invocations Lambda and are its
    /// most; 0 reserves none and leaves all to whoever comes first.
    pub(super) fn new(most: u64, reserved: u64) -> Self {
        Self { most, reserved, invocations: 0, others: 0 }
    }

    /// Begins an execution, if one more may run.
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

    /// Ends an execution that was begun.
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

/// The execution environments of one function. They stay for as long as is simulated.
#[derive(Clone, Debug)]
pub(super) struct Environments {
    busy: u64,
    made: u64,
    new: Bucket,
}

impl Environments {
    pub(super) fn new() -> Self {
        let rate = limits::NEW_ENVIRONMENTS / limits::NEW_ENVIRONMENTS_SECONDS;
        Self { busy: 0, made: 0, new: Bucket::new(rate, limits::NEW_ENVIRONMENTS) }
    }

    /// Whether one is idle, or one more may be made.
    pub(super) fn has(&mut self, now: u64) -> bool {
        self.busy < self.made || self.new.is_open(now)
    }

    /// Takes an idle one, or makes one.
    pub(super) fn begin(&mut self) {
        if self.busy == self.made {
            self.new.take(1);
            self.made += 1;
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
    fn a_bucket_gives_its_rate_and_no_more() {
        let mut bucket = Bucket::new(1_000, 1_000);
        let mut given = 0;
        // Ten seconds, of which each tenth of a millisecond asks for one: ten times the rate.
        for tick in 0..100_000 {
            if bucket.is_open(tick * MILLISECOND / 10) {
                bucket.take(1);
                given += 1;
            }
        }
        // What was stored, and the ten seconds' own.
        assert!((10_999..=11_001).contains(&given), "{given}");
    }

    #[test]
    fn what_is_taken_beyond_a_bucket_is_paid_back() {
        let mut bucket = Bucket::new(10, 10);
        assert!(bucket.is_open(0));
        bucket.take(30);
        assert!(!bucket.is_open(2 * SECOND));
        assert!(bucket.is_open(2 * SECOND + MILLISECOND));
    }

    #[test]
    fn a_reserve_is_kept_from_others_and_bounds_its_owner() {
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
    fn environments_are_made_at_a_bounded_rate_and_used_again() {
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
