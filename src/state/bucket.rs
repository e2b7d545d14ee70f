//! The token bucket as arithmetic.
//!
//! A bucket's whole state is the moment at which it will be full again (the form known as GCRA: ITU-T I.371, annex A).
//! Taking tokens moves that moment away from now, time brings it back, and the bucket is empty when it is as far
//! away as filling takes.

use std::time::Duration;

/// Pico-seconds; a token of a fast bucket costs less than a nano-second.
type Ps = u128;

const PS_PER_NS: Ps = 1_000;

/// The rule of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    burst: u32,
    /// Time that one token takes to come back, rounded up: never more than the rate.
    per_token: Ps,
}

/// The state of a bucket: when it is full, counted from an epoch that the caller keeps. The default is full.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Level {
    full_at: Ps,
}

impl Bucket {
    /// `amount` tokens come back in each `period`, and `burst` fit in. All are at least 1.
    pub fn new(amount: u32, period: Duration, burst: u32) -> Self {
        Self {
            burst: burst.max(1),
            per_token: (period.as_nanos() * PS_PER_NS).div_ceil(Ps::from(amount.max(1))).max(1),
        }
    }

    pub fn burst(&self) -> u32 {
        self.burst
    }

    /// Takes `tokens` at `now` (since the epoch). More than the burst passes when the bucket is full, and leaves it in
    /// debt. `Err` is how long to wait.
    pub fn take(&self, level: Level, now: Duration, tokens: u32) -> Result<Level, Duration> {
        let now = now.as_nanos() * PS_PER_NS;
        let full_at = level.full_at.max(now) + Ps::from(tokens) * self.per_token;
        let room = Ps::from(self.burst.max(tokens)) * self.per_token;
        match (full_at - now).checked_sub(room) {
            None | Some(0) => Ok(Level { full_at }),
            Some(over) => Err(to_duration(over)),
        }
    }

    /// Whole tokens that are there at `now`.
    pub fn remaining(&self, level: Level, now: Duration) -> u32 {
        let missing = self.until_full(level, now).div_ceil(self.per_token);
        u32::try_from(Ps::from(self.burst).saturating_sub(missing)).unwrap_or(u32::MAX)
    }

    /// Until the bucket is full.
    pub fn reset(&self, level: Level, now: Duration) -> Duration {
        to_duration(self.until_full(level, now))
    }

    fn until_full(&self, level: Level, now: Duration) -> Ps {
        level.full_at.saturating_sub(now.as_nanos() * PS_PER_NS)
    }
}

/// Rounded up, so that who waits that long is served.
fn to_duration(ps: Ps) -> Duration {
    Duration::from_nanos(u64::try_from(ps.div_ceil(PS_PER_NS)).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let bucket = Bucket::new(60, 60 * SECOND, 3);
        let mut level = Level::default();
        let now = 100 * SECOND;
        for left in [2, 1, 0] {
            level = bucket.take(level, now, 1).unwrap();
            assert_eq!(bucket.remaining(level, now), left);
        }
        assert_eq!(bucket.take(level, now, 1), Err(SECOND));
        assert_eq!(bucket.reset(level, now), 3 * SECOND);
        level = bucket.take(level, now + SECOND, 1).unwrap();
        assert!(bucket.take(level, now + SECOND, 1).is_err());
    }

    #[test]
    fn more_than_the_burst_needs_a_full_bucket_and_leaves_debt() {
        let bucket = Bucket::new(10, SECOND, 10);
        let level = bucket.take(Level::default(), SECOND, 25).unwrap();
        assert_eq!(bucket.remaining(level, SECOND), 0);
        assert_eq!(bucket.take(level, SECOND, 1), Err(SECOND * 8 / 5));
        assert_eq!(bucket.take(level, SECOND, 25), Err(SECOND * 5 / 2));
    }

    proptest! {
        #[test]
        fn never_admits_more_than_burst_and_rate(
            amount in 1_u32..1_000, burst in 1_u32..50, steps in prop::collection::vec((0_u64..50_000_000, 1_u32..5), 1..200),
        ) {
            let bucket = Bucket::new(amount, SECOND, burst);
            let mut level = Level::default();
            let (mut now, mut admitted) = (Duration::ZERO, 0_u64);
            for (wait, tokens) in steps {
                now += Duration::from_nanos(wait);
                if tokens <= burst && let Ok(taken) = bucket.take(level, now, tokens) {
                    level = taken;
                    admitted += u64::from(tokens);
                }
                let bound = f64::from(burst) + now.as_secs_f64() * f64::from(amount);
                prop_assert!(admitted as f64 <= bound + 1e-6);
            }
        }

        #[test]
        fn who_waits_as_told_is_served(amount in 1_u32..1_000, burst in 1_u32..50, tokens in 1_u32..80) {
            let bucket = Bucket::new(amount, SECOND, burst);
            let level = bucket.take(Level::default(), SECOND, burst).unwrap();
            let wait = bucket.take(level, SECOND, tokens).unwrap_err();
            prop_assert!(bucket.take(level, SECOND + wait, tokens).is_ok());
        }
    }
}
