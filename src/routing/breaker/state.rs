//! The rules of a breaker as a state machine: pure, of fixed size, and told what time it is.
//!
//! It opens when so many calls in a row have failed, or when of at least twenty calls of the last ten seconds half have,
//! or were slow; fewer of these than [`Rule::failures`] never open it. An opening lasts as long as configured and at least
//! as long as the provider asked for; each further one without a success in between lasts twice as long as the one before,
//! up to ten times, and up to a fifth longer by chance, so that many gateways do not probe in step. Then one probe may
//! pass. A slow answer is a success that ends a row of failures and forgets nothing else.
//!
//! Checks are no calls: nobody waits for them, and they pass at any time. While it is closed they count like calls. A good
//! one ends an opening, but for what the provider asked for; a bad one is a bad probe when an opening is over.

use std::time::Duration;

use tokio::time::Instant;

use super::Stance;
use crate::routing::window::Window;

/// Of fewer calls a share says little.
const ENOUGH_CALLS: u32 = 20;
/// How often the configured time the longest opening lasts, before chance.
const MOST: u32 = 10;
/// The part of an opening that chance may add.
const BY_CHANCE: f64 = 0.2;
/// When to come back while a probe is under way: its verdict may come at any moment.
const SOON: Duration = Duration::from_secs(1);

/// When to open and for how long.
#[derive(Debug, Clone, Copy)]
pub(in crate::routing) struct Rule {
    /// Consecutive failures; at least 1.
    pub(in crate::routing) failures: u32,
    pub(in crate::routing) open: Duration,
}

#[derive(Debug)]
pub(super) struct State {
    rule: Rule,
    phase: Phase,
    /// Changes with the phase: a verdict on a call that began in an earlier era is not believed.
    era: u64,
    /// Of the last opening, as long as we make it ourselves.
    end: Instant,
    /// An opening lasts at least until then: as long as the provider asked for since the last success.
    asked: Instant,
    /// In a row, of this era.
    failures: u32,
    /// Since the last success.
    openings: u32,
    /// Of this era.
    window: Window<Calls>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Closed,
    Open,
    /// The probe is under way; nobody else may pass.
    HalfOpen,
}

#[derive(Debug, Default, Clone, Copy)]
struct Calls {
    all: u32,
    /// Failed or slow.
    bad: u32,
}

/// A call that may pass.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pass {
    pub(super) era: u64,
    pub(super) probe: bool,
}

impl State {
    pub(super) fn new(rule: Rule, epoch: Instant) -> Self {
        let window = Window::new(epoch);
        Self { rule, phase: Phase::Closed, era: 0, end: epoch, asked: epoch, failures: 0, openings: 0, window }
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether nobody may pass, and until when.
    pub(super) fn closed_until(&self, now: Instant) -> Option<Instant> {
        match self.phase {
            Phase::Open if now < self.until() => Some(self.until()),
            Phase::HalfOpen => Some(now + SOON),
            Phase::Closed | Phase::Open => None,
        }
    }

    /// The same for whoever only looks.
    pub(super) fn stance(&self, now: Instant) -> Stance {
        match self.phase {
            Phase::Closed => Stance::Closed,
            Phase::Open if now < self.until() => Stance::Open { until: self.until() },
            Phase::Open | Phase::HalfOpen => Stance::HalfOpen,
        }
    }

    /// `Err`: not before then.
    pub(super) fn pass(&mut self, now: Instant) -> Result<Pass, Instant> {
        if let Some(until) = self.closed_until(now) {
            return Err(until);
        }
        let probe = self.phase == Phase::Open;
        if probe {
            self.enter(Phase::HalfOpen);
        }
        Ok(Pass { era: self.era, probe })
    }

    /// The other side lives: a probe has its verdict with that, and belongs to the era that it begins. Nothing is counted
    /// or forgotten.
    pub(super) fn confirm(&mut self, pass: &mut Pass) {
        if pass.era == self.era && self.phase == Phase::HalfOpen {
            self.enter(Phase::Closed);
            self.failures = 0;
            self.window.clear();
            *pass = Pass { era: self.era, probe: false };
        }
    }

    /// The other side lives and is slow: for a probe that is not enough.
    pub(super) fn confirm_slow(&mut self, pass: Pass, now: Instant, jitter: f64) {
        if pass.era == self.era && self.phase == Phase::HalfOpen {
            self.open(now, jitter);
        }
    }

    pub(super) fn succeed(&mut self, mut pass: Pass, now: Instant) {
        if pass.probe {
            self.confirm(&mut pass);
        }
        if pass.era == self.era {
            self.failures = 0;
            self.openings = 0;
            self.asked = now;
            self.window.at(now).all += 1;
        }
    }

    /// As [`Self::fail`], but that no row goes on with it.
    pub(super) fn succeed_slowly(&mut self, pass: Pass, now: Instant, jitter: f64) {
        if pass.era == self.era {
            self.failures = 0;
            self.count_bad(now, jitter);
        }
    }

    /// `retry_after` lengthens an opening, also one that other calls have caused; it never causes one. `jitter` is from 0
    /// to 1.
    pub(super) fn fail(&mut self, pass: Pass, now: Instant, retry_after: Option<Duration>, jitter: f64) {
        if let Some(wait) = retry_after {
            self.asked = self.asked.max(now + wait);
        }
        if pass.era == self.era {
            self.failures = self.failures.saturating_add(1);
            self.count_bad(now, jitter);
        }
    }

    /// A call ended without a verdict: if it was the probe, the next may be.
    pub(super) fn give_back(&mut self, pass: Pass) {
        if pass.era == self.era && self.phase == Phase::HalfOpen {
            self.enter(Phase::Open);
        }
    }

    /// What a check begins with: it takes nobody's place, and what it finds is of this era.
    pub(super) fn look(&self) -> Pass {
        Pass { era: self.era, probe: false }
    }

    /// A check has found that somebody is there. The next call is the probe: a check knows less than a call.
    pub(super) fn found_up(&mut self, look: Pass, now: Instant) {
        match self.phase {
            Phase::Closed => self.succeed(look, now),
            Phase::Open if look.era == self.era => self.end = self.end.min(now),
            // The call that is under way knows better.
            Phase::Open | Phase::HalfOpen => {}
        }
    }

    /// A check has found that nobody is, or somebody in trouble. `jitter` is from 0 to 1.
    pub(super) fn found_down(&mut self, look: Pass, now: Instant, jitter: f64) {
        match self.phase {
            Phase::Closed => self.fail(look, now, None, jitter),
            Phase::Open if look.era == self.era && now >= self.until() => self.open(now, jitter),
            Phase::Open | Phase::HalfOpen => {}
        }
    }

    fn until(&self) -> Instant {
        self.end.max(self.asked)
    }

    fn count_bad(&mut self, now: Instant, jitter: f64) {
        let second = self.window.at(now);
        second.all += 1;
        second.bad += 1;
        if self.phase == Phase::HalfOpen || self.failures >= self.rule.failures || self.half_are_bad() {
            self.open(now, jitter);
        }
    }

    fn half_are_bad(&self) -> bool {
        let counts = self.window.counts();
        let all: u32 = counts.iter().map(|calls| calls.all).sum();
        let bad: u32 = counts.iter().map(|calls| calls.bad).sum();
        all >= ENOUGH_CALLS && bad >= all.div_ceil(2) && bad >= self.rule.failures
    }

    fn open(&mut self, now: Instant, jitter: f64) {
        let times = (1_u32 << self.openings.min(MOST.ilog2() + 1)).min(MOST);
        let chance = if self.openings == 0 { 0.0 } else { BY_CHANCE * jitter };
        let length = self.rule.open * times;
        self.end = now + length + length.mul_f64(chance);
        self.openings = self.openings.saturating_add(1);
        self.enter(Phase::Open);
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.era += 1;
    }
}
