//! The retry budget: repeats may be a fifth of the calls of the last ten seconds, and always a few. It keeps an outage
//! from being multiplied by those who wait for its end.

use std::sync::{Mutex, MutexGuard};

use tokio::time::Instant;

use super::window::Window;

/// One repeat for so many calls.
const CALLS_PER_REPEAT: u64 = 5;
const ALWAYS: u64 = 3;

#[derive(Debug)]
pub(super) struct RetryBudget(Mutex<Window<Counts>>);

#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    calls: u64,
    repeats: u64,
}

impl RetryBudget {
    pub(super) fn new(epoch: Instant) -> Self {
        Self(Mutex::new(Window::new(epoch)))
    }

    pub(super) fn count_call(&self, now: Instant) {
        self.window().at(now).calls += 1;
    }

    /// Takes one repeat out of the budget, if there is one.
    pub(super) fn take_repeat(&self, now: Instant) -> bool {
        let mut window = self.window();
        window.at(now);
        let calls: u64 = window.counts().iter().map(|counts| counts.calls).sum();
        let repeats: u64 = window.counts().iter().map(|counts| counts.repeats).sum();
        let allowed = repeats < (calls / CALLS_PER_REPEAT).max(ALWAYS);
        window.at(now).repeats += u64::from(allowed);
        allowed
    }

    fn window(&self) -> MutexGuard<'_, Window<Counts>> {
        self.0.lock().expect("nothing panics while the lock is held")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn repeats_are_a_fifth_of_the_calls_of_ten_seconds() {
        let now = Instant::now();
        let budget = RetryBudget::new(now);
        let repeats = |now| (0..1000).take_while(|_| budget.take_repeat(now)).count();
        assert_eq!(repeats(now), 3);
        for _ in 0..100 {
            budget.count_call(now);
        }
        assert_eq!(repeats(now), 17);
        assert_eq!(repeats(now + Duration::from_secs(9)), 0);
        assert_eq!(repeats(now + Duration::from_secs(10)), 3);
    }
}
