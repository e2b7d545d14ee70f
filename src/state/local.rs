//! Buckets of this process.

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use smallvec::SmallVec;
use tokio::time::Instant;

use super::bucket::{Bucket, Level};
use crate::error::Standing;

/// A bucket and its level.
#[derive(Debug)]
pub struct Counter {
    bucket: Bucket,
    epoch: Instant,
    level: Mutex<Level>,
}

/// Which of the counters refused, and when to come again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// Its place in the slice.
    pub counter: usize,
    pub retry_after: Duration,
    pub standing: Standing,
}

impl Counter {
    /// Full at `epoch`.
    pub fn new(bucket: Bucket, epoch: Instant) -> Self {
        Self { bucket, epoch, level: Mutex::default() }
    }

    /// Takes one token.
    pub fn take(&self, now: Instant) -> Result<Standing, Wait> {
        take_all(&[self], now).map(|standing| standing.expect("one counter was asked"))
    }

    /// How long until one token is there; zero if it is.
    pub fn wait(&self, now: Instant) -> Duration {
        self.bucket.take(*self.lock(), self.since_epoch(now), 1).err().unwrap_or_default()
    }

    fn since_epoch(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.epoch)
    }

    fn lock(&self) -> MutexGuard<'_, Level> {
        self.level.lock().expect("nothing panics while the lock is held")
    }

    fn standing(&self, level: Level, now: Duration) -> Standing {
        Standing {
            limit: self.bucket.burst(),
            remaining: self.bucket.remaining(level, now),
            reset: self.bucket.reset(level, now),
        }
    }
}

/// Takes one token from each counter, or none from any: a refusal consumes nothing. Returns how the caller stands with
/// the counter that has the least share left.
///
/// Counters are locked in the order given, which must be the same everywhere (global, user, key).
pub fn take_all(counters: &[&Counter], now: Instant) -> Result<Option<Standing>, Wait> {
    let mut taken: SmallVec<[_; 3]> = SmallVec::new();
    for (place, counter) in counters.iter().enumerate() {
        let level = counter.lock();
        let elapsed = counter.since_epoch(now);
        match counter.bucket.take(*level, elapsed, 1) {
            Ok(after) => taken.push((level, after, counter.standing(after, elapsed))),
            Err(retry_after) => {
                let standing = counter.standing(*level, elapsed);
                return Err(Wait { counter: place, retry_after, standing });
            }
        }
    }
    let mut tightest: Option<Standing> = None;
    for (mut level, after, standing) in taken {
        *level = after;
        if tightest.is_none_or(|least| share(&standing) < share(&least)) {
            tightest = Some(standing);
        }
    }
    Ok(tightest)
}

fn share(standing: &Standing) -> f64 {
    f64::from(standing.remaining) / f64::from(standing.limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counter(amount: u32, epoch: Instant) -> Counter {
        Counter::new(Bucket::new(amount, Duration::from_secs(60), amount), epoch)
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_consumes_nothing() {
        let now = Instant::now();
        let (wide, narrow) = (counter(10, now), counter(1, now));
        let standing = take_all(&[&wide, &narrow], now).unwrap().unwrap();
        assert_eq!((standing.limit, standing.remaining), (1, 0));
        for _ in 0..20 {
            let wait = take_all(&[&wide, &narrow], now).unwrap_err();
            assert_eq!((wait.counter, wait.retry_after), (1, Duration::from_secs(60)));
        }
        assert_eq!(take_all(&[&wide], now).unwrap().unwrap().remaining, 8);
    }

    #[tokio::test(start_paused = true)]
    async fn the_wait_runs_out() {
        let now = Instant::now();
        let counter = counter(1, now);
        counter.take(now).unwrap();
        let wait = counter.wait(now);
        tokio::time::advance(wait).await;
        counter.take(Instant::now()).unwrap();
    }
}
