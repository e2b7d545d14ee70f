//! Checks of a provider's health, for those who ask for them: when one is made, what it means for the provider's breaker,
//! and what the last ones have found. With them a provider that is gone is passed over before a call had to wait for it,
//! and one that is back is asked again before its breaker would have ended its opening.
//!
//! A key is never judged by a check: one that may not see the list of models may be good for calls.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use http::Uri;
use tokio::time::{Instant, sleep_until};

use super::provider::Provider;
use crate::config;
use crate::error::FailureClass;
use crate::upstream::{check_connection, check_models};

/// The part of the time between two checks by which it is longer or shorter by chance, so that many gateways do not
/// check in step.
const BY_CHANCE: f64 = 0.1;

/// How a provider is checked, and what has been found.
#[derive(Debug)]
pub(super) struct Health {
    check: Check,
    every: Duration,
    timeout: Duration,
    /// `None`: no check has ended yet.
    found: Mutex<Option<Found>>,
}

#[derive(Debug)]
enum Check {
    /// Asks for the list of models at this address.
    Models(Uri),
    Connect,
}

/// What a provider's checks have found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// How the last one failed; `None`: it passed.
    pub failure: Option<FailureClass>,
    /// Since when they pass, or fail.
    pub since: Instant,
    /// When the last one ended.
    pub checked_at: Instant,
}

/// The checks of one provider, to be run.
#[derive(Debug)]
pub struct HealthChecks {
    provider: Arc<Provider>,
    health: Arc<Health>,
}

impl Found {
    /// What is known after one more check.
    fn after(before: Option<Self>, failure: Option<FailureClass>, now: Instant) -> Self {
        let same = before.filter(|before| before.failure.is_some() == failure.is_some());
        Self { failure, since: same.map_or(now, |before| before.since), checked_at: now }
    }
}

/// From the start of the gateway to the first check. `chance` is from 0 to 1.
fn first_pause(every: Duration, chance: f64) -> Duration {
    every.mul_f64(chance)
}

/// From the beginning of a check to that of the next. `chance` is from 0 to 1.
fn pause(every: Duration, chance: f64) -> Duration {
    every.mul_f64(1.0 + BY_CHANCE * (2.0 * chance - 1.0))
}

impl Health {
    /// `list` is where the provider's list of models is.
    pub(super) fn new(config: config::Health, list: Uri) -> Self {
        let check = match config.check {
            config::Check::Models => Check::Models(list),
            config::Check::Connect => Check::Connect,
        };
        Self { check, every: config.every, timeout: config.timeout, found: Mutex::default() }
    }

    /// As the configuration calls it.
    pub(super) fn check(&self) -> &'static str {
        match self.check {
            Check::Models(_) => config::Check::Models.as_str(),
            Check::Connect => config::Check::Connect.as_str(),
        }
    }

    pub(super) fn found(&self) -> Option<Found> {
        *self.lock()
    }

    /// Takes in what a check has found, and returns whether that is news.
    fn note(&self, failure: Option<FailureClass>, now: Instant) -> bool {
        let mut found = self.lock();
        let after = Found::after(*found, failure, now);
        let is_news = found.is_none_or(|before| before.since != after.since);
        *found = Some(after);
        is_news
    }

    fn lock(&self) -> MutexGuard<'_, Option<Found>> {
        self.found.lock().expect("nothing panics while the lock is held")
    }
}

impl HealthChecks {
    /// `None`: nobody wants any.
    pub(super) fn of(provider: &Arc<Provider>) -> Option<Self> {
        let health = Arc::clone(provider.health.as_ref()?);
        Some(Self { provider: Arc::clone(provider), health })
    }

    /// Checks over and over, one at a time, until it is dropped, which closes the connection of a check.
    pub async fn run(self) {
        let every = self.health.every;
        let mut next = Instant::now() + first_pause(every, fastrand::f64());
        loop {
            sleep_until(next).await;
            next = Instant::now() + pause(every, fastrand::f64());
            self.check().await;
        }
    }

    async fn check(&self) {
        let Self { provider, health } = self;
        let look = provider.breaker.look();
        let failure = self.ask().await.err();
        let now = Instant::now();
        match failure {
            None => look.up(now),
            Some(_) => look.down(now, fastrand::f64()),
        }
        if !health.note(failure, now) {
            return;
        }
        let (name, check) = (&*provider.name, health.check());
        match failure {
            None => tracing::info!(provider.name = name, health.check = check, "this provider passes its health check"),
            Some(class) => tracing::warn!(
                provider.name = name,
                health.check = check,
                failure.class = class.as_str(),
                "this provider fails its health check"
            ),
        }
    }

    async fn ask(&self) -> Result<(), FailureClass> {
        let Self { provider, health } = self;
        match &health.check {
            Check::Connect => check_connection(&provider.endpoint, health.timeout).await,
            Check::Models(list) => {
                let keys = provider.keys.as_ref();
                let key = keys.map(|keys| keys.get(keys.ready(Instant::now()).unwrap_or_default()));
                check_models(&provider.endpoint, list, key, health.timeout).await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn what_stays_as_it_is_is_no_news() {
        let config = config::Health { check: config::Check::Connect, every: SECOND, timeout: SECOND };
        let health = Health::new(config, Uri::default());
        assert_eq!((health.found(), health.check()), (None, "connect"));
        let start = Instant::now();
        let (connect, timeout) = (Some(FailureClass::Connect), Some(FailureClass::Timeout));
        let mut since = start;
        for (second, failure, is_news) in [
            (1, None, true),
            (2, None, false),
            (3, connect, true),
            (4, timeout, false),
            (5, connect, false),
            (6, None, true),
            (7, None, false),
        ] {
            let checked_at = start + second * SECOND;
            if is_news {
                since = checked_at;
            }
            assert_eq!(health.note(failure, checked_at), is_news, "{second}");
            assert_eq!(health.found(), Some(Found { failure, since, checked_at }), "{second}");
        }
    }

    #[test]
    fn checks_are_spread_over_time() {
        let every = 10 * SECOND;
        assert_eq!([0.0, 0.5, 1.0].map(|chance| first_pause(every, chance).as_secs()), [0, 5, 10]);
        assert_eq!([0.0, 0.5, 1.0].map(|chance| pause(every, chance).as_secs()), [9, 10, 11]);
    }
}
