//! What happened in the last ten seconds, second by second, in a ring of fixed size.

use tokio::time::Instant;

const SECONDS: usize = 10;

/// `T` holds the counts of one second; its default is a second in which nothing happened.
#[derive(Debug)]
pub(super) struct Window<T> {
    epoch: Instant,
    /// The last one that is known, since the epoch. Time does not run backwards: who comes late counts in it.
    second: u64,
    counts: [T; SECONDS],
}

impl<T: Copy + Default> Window<T> {
    pub(super) fn new(epoch: Instant) -> Self {
        Self { epoch, second: 0, counts: [T::default(); SECONDS] }
    }

    /// The counts of the present second; what has become too old is forgotten.
    pub(super) fn at(&mut self, now: Instant) -> &mut T {
        let second = now.saturating_duration_since(self.epoch).as_secs();
        if second > self.second {
            self.move_to(second);
        }
        &mut self.counts[self.second as usize % SECONDS]
    }

    /// The counts of each second, in no order. As old as the last `at`.
    pub(super) fn counts(&self) -> &[T; SECONDS] {
        &self.counts
    }

    pub(super) fn clear(&mut self) {
        self.counts = [T::default(); SECONDS];
    }

    fn move_to(&mut self, second: u64) {
        let steps = (second - self.second).min(SECONDS as u64);
        for step in 0..steps {
            self.counts[(second - step) as usize % SECONDS] = T::default();
        }
        self.second = second;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_second_is_forgotten_after_ten() {
        let epoch = Instant::now();
        let mut window = Window::<u32>::new(epoch);
        let mut sum_after = |millis: u64, more: u32| {
            *window.at(epoch + Duration::from_millis(millis)) += more;
            window.counts().iter().sum::<u32>()
        };
        assert_eq!(sum_after(900, 1), 1);
        assert_eq!(sum_after(1_000, 2), 3);
        assert_eq!(sum_after(9_999, 4), 7);
        assert_eq!(sum_after(10_000, 0), 6);
        assert_eq!(sum_after(500, 8), 14, "late, and not lost");
        assert_eq!(sum_after(19_999, 0), 8);
        assert_eq!(sum_after(1_000_000, 16), 16);
    }
}
