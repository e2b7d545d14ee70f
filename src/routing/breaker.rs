//! A circuit breaker: closed, open for a time after consecutive failures, then half open for one probe.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;
use tokio::time::Instant;

/// When to open and for how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    /// Consecutive failures; at least 1.
    pub(super) failures: u32,
    pub(super) open: Duration,
}

#[derive(Debug)]
pub(super) struct Breaker {
    rule: Rule,
    state: Mutex<State>,
    /// 0 closed, 1 half open, 2 open.
    gauge: Gauge,
}

#[derive(Debug, Clone, Copy)]
struct State {
    phase: Phase,
    /// Changes with the phase: a permit of an earlier era is no longer believed.
    era: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Closed {
        failures: u32,
    },
    Open {
        until: Instant,
    },
    /// The probe is under way; nobody else may pass.
    HalfOpen,
}

/// How a breaker stands, for whoever looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stance {
    Closed,
    Open {
        until: Instant,
    },
    /// A probe is under way, or the next call is one.
    HalfOpen,
}

/// The right to make one attempt. Dropped without a verdict (the client went away, the attempt says nothing about this
/// breaker), it changes nothing but to let another probe go.
#[derive(Debug)]
pub(super) struct Permit {
    breaker: Arc<Breaker>,
    era: u64,
    probe: bool,
}

impl Breaker {
    pub(super) fn new(rule: Rule, gauge: Gauge) -> Arc<Self> {
        let state = State { phase: Phase::Closed { failures: 0 }, era: 0 };
        Arc::new(Self { rule, state: Mutex::new(state), gauge })
    }

    /// `Err`: not before then.
    pub(super) fn permit(self: &Arc<Self>, now: Instant) -> Result<Permit, Instant> {
        let mut state = self.lock();
        let probe = match state.phase {
            Phase::Closed { .. } => false,
            Phase::Open { until } if now < until => return Err(until),
            Phase::Open { .. } => {
                self.enter(&mut state, Phase::HalfOpen);
                true
            }
            // The probe's verdict may come at any moment.
            Phase::HalfOpen => return Err(now + Duration::from_secs(1)),
        };
        Ok(Permit { breaker: Arc::clone(self), era: state.era, probe })
    }

    /// Whether a permit would be refused, and until when.
    pub(super) fn closed_until(&self, now: Instant) -> Option<Instant> {
        match self.lock().phase {
            Phase::Open { until } if now < until => Some(until),
            Phase::HalfOpen => Some(now + Duration::from_secs(1)),
            _ => None,
        }
    }

    pub(super) fn stance(&self, now: Instant) -> Stance {
        match self.lock().phase {
            Phase::Closed { .. } => Stance::Closed,
            Phase::Open { until } if now < until => Stance::Open { until },
            Phase::Open { .. } | Phase::HalfOpen => Stance::HalfOpen,
        }
    }

    fn enter(&self, state: &mut State, phase: Phase) {
        state.phase = phase;
        state.era += 1;
        self.gauge.set(match phase {
            Phase::Closed { .. } => 0,
            Phase::HalfOpen => 1,
            Phase::Open { .. } => 2,
        });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while the lock is held")
    }
}

impl Permit {
    /// The attempt shows that the other side works.
    pub(super) fn succeed(mut self) {
        self.confirm();
        let mut state = self.breaker.lock();
        if state.era == self.era
            && let Phase::Closed { failures } = &mut state.phase
        {
            *failures = 0;
        }
    }

    /// A stream has begun. A probe has its verdict with that; for the count of failures it depends on how the stream
    /// ends, or one that always breaks would never be noticed.
    pub(super) fn confirm(&mut self) {
        let mut state = self.breaker.lock();
        if self.probe && state.era == self.era {
            self.breaker.enter(&mut state, Phase::Closed { failures: 0 });
            self.era = state.era;
        }
        self.probe = false;
    }

    /// The attempt failed. `retry_after` lengthens an opening; it never causes one.
    pub(super) fn fail(mut self, now: Instant, retry_after: Option<Duration>) {
        self.probe = false;
        let mut state = self.breaker.lock();
        if state.era != self.era {
            return;
        }
        let opens = match &mut state.phase {
            Phase::Closed { failures } => {
                *failures += 1;
                *failures >= self.breaker.rule.failures
            }
            _ => true,
        };
        if opens {
            let open = self.breaker.rule.open.max(retry_after.unwrap_or_default());
            self.breaker.enter(&mut state, Phase::Open { until: now + open });
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.probe {
            return;
        }
        let mut state = self.breaker.lock();
        if state.era == self.era && state.phase == Phase::HalfOpen {
            // Long past: the next call may probe.
            self.breaker.enter(&mut state, Phase::Open { until: Instant::now() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: Duration = Duration::from_secs(60);

    fn breaker() -> (Arc<Breaker>, Instant) {
        (Breaker::new(Rule { failures: 3, open: OPEN }, Gauge::default()), Instant::now())
    }

    fn trip(breaker: &Arc<Breaker>, now: Instant) {
        for _ in 0..3 {
            breaker.permit(now).unwrap().fail(now, None);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn opens_after_consecutive_failures_only() {
        let (breaker, now) = breaker();
        for _ in 0..5 {
            breaker.permit(now).unwrap().fail(now, Some(OPEN));
            breaker.permit(now).unwrap().fail(now, None);
            breaker.permit(now).unwrap().succeed();
        }
        trip(&breaker, now);
        assert_eq!(breaker.permit(now).unwrap_err(), now + OPEN);
        assert_eq!(breaker.gauge.get(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn lets_one_probe_through_and_believes_it() {
        let (breaker, now) = breaker();
        trip(&breaker, now);
        let later = now + OPEN;
        let probe = breaker.permit(later).unwrap();
        assert!(breaker.permit(later).is_err());
        probe.succeed();
        let (_one, _two) = (breaker.permit(later).unwrap(), breaker.permit(later).unwrap());

        trip(&breaker, later);
        let again = later + OPEN;
        breaker.permit(again).unwrap().fail(again, Some(2 * OPEN));
        assert_eq!(breaker.permit(again).unwrap_err(), again + 2 * OPEN);
    }

    #[tokio::test(start_paused = true)]
    async fn it_can_be_looked_at_without_being_moved() {
        let (breaker, now) = breaker();
        assert_eq!(breaker.stance(now), Stance::Closed);
        trip(&breaker, now);
        assert_eq!(breaker.stance(now), Stance::Open { until: now + OPEN });
        let later = now + OPEN;
        assert_eq!(breaker.stance(later), Stance::HalfOpen);
        let probe = breaker.permit(later).unwrap();
        assert_eq!(breaker.stance(later), Stance::HalfOpen);
        probe.succeed();
        assert_eq!(breaker.stance(later), Stance::Closed);
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_is_given_up_frees_its_place() {
        let (breaker, now) = breaker();
        trip(&breaker, now);
        tokio::time::advance(OPEN).await;
        let now = Instant::now();
        drop(breaker.permit(now).unwrap());
        assert!(breaker.permit(now).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn late_verdicts_of_an_earlier_era_do_not_count() {
        let (breaker, now) = breaker();
        let slow = breaker.permit(now).unwrap();
        trip(&breaker, now);
        slow.succeed();
        assert!(breaker.permit(now).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn streams_that_always_break_open_it() {
        let (breaker, now) = breaker();
        for _ in 0..3 {
            let mut permit = breaker.permit(now).unwrap();
            permit.confirm();
            permit.fail(now, None);
        }
        assert!(breaker.permit(now).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_breaks_counts_after_its_commit() {
        let (breaker, now) = breaker();
        trip(&breaker, now);
        let later = now + OPEN;
        let mut probe = breaker.permit(later).unwrap();
        probe.confirm();
        assert!(breaker.permit(later).is_ok());
        probe.fail(later, None);
        breaker.permit(later).unwrap().fail(later, None);
        breaker.permit(later).unwrap().fail(later, None);
        assert!(breaker.permit(later).is_err());
    }
}
