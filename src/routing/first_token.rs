//! How soon a target's streams begin to say something.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

/// Streams that are remembered.
const KEPT: usize = 128;

/// The last 128 times to the first token. Noting one is two atomic stores and takes no lock; a look sorts a copy. Slow
/// times leave with the number of streams that follow, not with time: a target that nobody asks keeps its figure.
#[derive(Debug)]
pub(super) struct FirstTokens {
    /// In microseconds; 0 is a place that is still empty.
    times: [AtomicU32; KEPT],
    next: AtomicUsize,
}

impl Default for FirstTokens {
    fn default() -> Self {
        Self { times: [const { AtomicU32::new(0) }; KEPT], next: AtomicUsize::new(0) }
    }
}

impl FirstTokens {
    /// Times beyond an hour count as an hour and a bit.
    pub(super) fn note(&self, time: Duration) {
        let place = self.next.fetch_add(1, Ordering::Relaxed) % KEPT;
        let micros = u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
        self.times[place].store(micros.max(1), Ordering::Relaxed);
    }

    /// The time that 95 of 100 streams kept within (nearest rank); `None` before the first stream.
    pub(super) fn p95(&self) -> Option<Duration> {
        let times = self.times.iter().map(|time| time.load(Ordering::Relaxed));
        let mut times: Vec<u32> = times.filter(|time| *time > 0).collect();
        times.sort_unstable();
        let rank = (times.len() * 95).div_ceil(100);
        let time = times.get(rank.checked_sub(1)?)?;
        Some(Duration::from_micros((*time).into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(millis: impl IntoIterator<Item = u64>) -> Option<Duration> {
        let times = FirstTokens::default();
        millis.into_iter().for_each(|millis| times.note(Duration::from_millis(millis)));
        times.p95()
    }

    #[test]
    fn the_rank_is_the_nearest() {
        let millis = |millis| Some(Duration::from_millis(millis));
        assert_eq!(of([]), None);
        assert_eq!(of([7]), millis(7));
        assert_eq!(of([3, 1, 2]), millis(3));
        assert_eq!(of(1..=100), millis(95));
        assert_eq!(of((1..=20).rev()), millis(19));
    }

    #[test]
    fn what_is_long_ago_is_forgotten() {
        assert_eq!(of(std::iter::repeat_n(9_000, 500).chain(std::iter::repeat_n(10, KEPT))), of([10]));
        assert_eq!(of([0]), Some(Duration::from_micros(1)));
        assert!(of([u64::MAX / 1_000]).is_some());
    }
}
