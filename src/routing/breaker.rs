//! A circuit breaker: closed, open for a time after too many failures, then half open for one probe. The rules are in
//! [`state`]; here is what calls hold while they are under way.

mod state;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;
use tokio::time::Instant;

use self::state::{Pass, Phase, State};

pub(super) use self::state::Rule;

#[derive(Debug)]
pub(super) struct Breaker {
    state: Mutex<State>,
    /// 0 closed, 1 half open, 2 open.
    gauge: Gauge,
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
    pass: Pass,
    /// The attempt's answer was slow to begin; with the jitter of an opening that this may cause.
    slow: Option<f64>,
}

/// A check under way, which asks for nobody's permission. Dropped without a verdict, it changes nothing.
#[derive(Debug)]
pub(super) struct Look {
    breaker: Arc<Breaker>,
    pass: Pass,
}

impl Breaker {
    pub(super) fn new(rule: Rule, gauge: Gauge, epoch: Instant) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(State::new(rule, epoch)), gauge })
    }

    /// `Err`: not before then.
    pub(super) fn permit(self: &Arc<Self>, now: Instant) -> Result<Permit, Instant> {
        let mut state = self.lock();
        let pass = state.pass(now)?;
        if pass.probe {
            self.show(&state);
        }
        Ok(Permit { breaker: Arc::clone(self), pass, slow: None })
    }

    /// For a check that begins now.
    pub(super) fn look(self: &Arc<Self>) -> Look {
        Look { breaker: Arc::clone(self), pass: self.lock().look() }
    }

    /// Whether a permit would be refused, and until when.
    pub(super) fn closed_until(&self, now: Instant) -> Option<Instant> {
        self.lock().closed_until(now)
    }

    pub(super) fn stance(&self, now: Instant) -> Stance {
        self.lock().stance(now)
    }

    /// Under the lock, or the last change might not be the last that is shown.
    fn show(&self, state: &State) {
        self.gauge.set(match state.phase() {
            Phase::Closed => 0,
            Phase::HalfOpen => 1,
            Phase::Open => 2,
        });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while the lock is held")
    }
}

impl Permit {
    /// The attempt's answer began later than it should: what is told of it from now on is told of a slow one. `jitter` is
    /// from 0 to 1.
    pub(super) fn slow(&mut self, jitter: f64) {
        self.slow = Some(jitter);
    }

    /// The attempt shows that the other side works.
    pub(super) fn succeed(mut self, now: Instant) {
        let mut state = self.breaker.lock();
        match self.slow {
            None => state.succeed(self.pass, now),
            Some(jitter) => state.succeed_slowly(self.pass, now, jitter),
        }
        if self.pass.probe || self.slow.is_some() {
            self.breaker.show(&state);
            self.pass.probe = false;
        }
    }

    /// The other side lives, which is all that is known yet: a stream has begun, or the caller's own mistake was refused.
    /// A probe has its verdict with that. The count of failures depends on how a stream ends, or one that always breaks
    /// would never be noticed; and callers' mistakes do not hide that every good call fails.
    pub(super) fn confirm(&mut self, now: Instant) {
        if self.pass.probe {
            let mut state = self.breaker.lock();
            match self.slow {
                None => state.confirm(&mut self.pass),
                Some(jitter) => state.confirm_slow(self.pass, now, jitter),
            }
            self.breaker.show(&state);
            self.pass.probe = false;
        }
    }

    /// The attempt failed. `retry_after` lengthens an opening; it never causes one. `jitter` is from 0 to 1.
    pub(super) fn fail(mut self, now: Instant, retry_after: Option<Duration>, jitter: f64) {
        let mut state = self.breaker.lock();
        state.fail(self.pass, now, retry_after, jitter);
        self.breaker.show(&state);
        self.pass.probe = false;
    }
}

impl Look {
    /// Somebody is there.
    pub(super) fn up(self, now: Instant) {
        let mut state = self.breaker.lock();
        state.found_up(self.pass, now);
        self.breaker.show(&state);
    }

    /// Nobody is, or somebody in trouble. `jitter` is from 0 to 1.
    pub(super) fn down(self, now: Instant, jitter: f64) {
        let mut state = self.breaker.lock();
        state.found_down(self.pass, now, jitter);
        self.breaker.show(&state);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.pass.probe {
            let mut state = self.breaker.lock();
            state.give_back(self.pass);
            self.breaker.show(&state);
        }
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
