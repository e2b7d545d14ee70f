//! A provider's keys: the one with the fewest calls under way is taken, each rests after its own refusals.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use crate::error::{Failure, FailureClass};
use crate::upstream::ProviderKey;

/// Rest after a 429 that does not say how long.
const COOL: Duration = Duration::from_secs(1);
/// Rest after a 401, 402 or 403: somebody has to do something about the key.
const OUT: Duration = Duration::from_secs(300);

#[derive(Debug)]
pub(super) struct KeyPool {
    keys: Vec<Key>,
    turn: AtomicUsize,
}

#[derive(Debug)]
struct Key {
    key: ProviderKey,
    rest: Mutex<Option<Rest>>,
    /// Calls under way with it; not counted where it is the only one.
    under_way: AtomicUsize,
}

/// A key while a call is under way with it. Dropping it makes the key's load less by one.
#[derive(Debug)]
pub(super) struct KeyUse {
    place: usize,
    /// `None`: there is no choice, and nothing to count.
    counted: Option<Arc<KeyPool>>,
}

#[derive(Debug, Clone, Copy)]
struct Rest {
    until: Instant,
    limited: bool,
}

/// How a key stands, for whoever looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyStance {
    Ready,
    /// It was rate limited.
    Resting {
        until: Instant,
    },
    /// It was refused, or its money is spent: somebody has to do something about it.
    Out {
        until: Instant,
    },
}

/// No key is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AllRest {
    pub(super) until: Instant,
    /// The one that is ready first rests because of a rate limit.
    pub(super) limited: bool,
}

impl KeyPool {
    /// `keys` is not empty.
    pub(super) fn new(keys: Vec<ProviderKey>) -> Arc<Self> {
        let key = |key| Key { key, rest: Mutex::default(), under_way: AtomicUsize::new(0) };
        Arc::new(Self { keys: keys.into_iter().map(key).collect(), turn: AtomicUsize::new(0) })
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Of the keys that do not rest the one with the fewest calls under way; those that have equally few take turns.
    /// Calls that choose at the same moment may choose the same one.
    pub(super) fn next(self: &Arc<Self>, now: Instant) -> Result<KeyUse, AllRest> {
        if let [only] = self.keys.as_slice() {
            return only.resting(now).map_or(Ok(KeyUse { place: 0, counted: None }), |rest| Err(rest.into()));
        }
        let place = self.least_loaded(self.turn.fetch_add(1, Ordering::Relaxed), now)?;
        self.keys[place].under_way.fetch_add(1, Ordering::Relaxed);
        Ok(KeyUse { place, counted: Some(Arc::clone(self)) })
    }

    /// The place of the same key as a look: nobody's turn is used up, and nothing is counted.
    pub(super) fn ready(&self, now: Instant) -> Result<usize, AllRest> {
        self.least_loaded(self.turn.load(Ordering::Relaxed), now)
    }

    fn least_loaded(&self, turn: usize, now: Instant) -> Result<usize, AllRest> {
        let mut least: Option<(usize, usize)> = None;
        let mut soonest: Option<Rest> = None;
        for step in 0..self.keys.len() {
            let place = (turn.wrapping_add(step)) % self.keys.len();
            let key = &self.keys[place];
            if let Some(rest) = key.resting(now) {
                if soonest.is_none_or(|soonest| rest.until < soonest.until) {
                    soonest = Some(rest);
                }
                continue;
            }
            let load = key.under_way.load(Ordering::Relaxed);
            if least.is_none_or(|(least, _)| load < least) {
                least = Some((load, place));
            }
            if load == 0 {
                break;
            }
        }
        least.map(|(_, place)| place).ok_or_else(|| soonest.expect("a pool is not empty").into())
    }

    pub(super) fn get(&self, place: usize) -> &ProviderKey {
        &self.keys[place].key
    }

    /// Of each key, in the order of the configuration.
    pub(super) fn stances(&self, now: Instant) -> Vec<KeyStance> {
        let stance = |key: &Key| match key.resting(now) {
            None => KeyStance::Ready,
            Some(Rest { until, limited: true }) => KeyStance::Resting { until },
            Some(Rest { until, limited: false }) => KeyStance::Out { until },
        };
        self.keys.iter().map(stance).collect()
    }

    /// Lets a key rest after a failure that is its own ([`FailureClass::is_key_fault`]). Returns how long it
    /// is out, if it is out with this rather than cooling: each time that a key goes out is told once.
    pub(super) fn rest(&self, place: usize, failure: &Failure, now: Instant) -> Option<Duration> {
        let limited = failure.class == FailureClass::RateLimited;
        let asked = failure.retry_after;
        let until = now + if limited { asked.unwrap_or(COOL) } else { asked.unwrap_or_default().max(OUT) };
        let mut rest = self.keys[place].lock();
        let before = rest.filter(|rest| rest.until > now);
        let was_out = before.is_some_and(|rest| !rest.limited);
        // A shorter rest never replaces a longer one, nor does a limit make a key that is out merely a limited one.
        let until = before.map_or(until, |rest| rest.until.max(until));
        *rest = Some(Rest { until, limited: limited && !was_out });
        (!limited && !was_out).then(|| until.saturating_duration_since(now))
    }
}

impl KeyUse {
    /// The key's, in its pool.
    pub(super) fn place(&self) -> usize {
        self.place
    }
}

impl Drop for KeyUse {
    fn drop(&mut self) {
        if let Some(pool) = &self.counted {
            pool.keys[self.place].under_way.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl From<Rest> for AllRest {
    fn from(Rest { until, limited }: Rest) -> Self {
        Self { until, limited }
    }
}

impl Key {
    fn resting(&self, now: Instant) -> Option<Rest> {
        self.lock().filter(|rest| rest.until > now)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Rest>> {
        self.rest.lock().expect("nothing panics while the lock is held")
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::config::AuthStyle;

    fn pool(count: usize) -> Arc<KeyPool> {
        KeyPool::new(
            (0..count)
                .map(|n| ProviderKey::new(AuthStyle::Bearer, &SecretString::from(format!("k{n}"))).unwrap())
                .collect(),
        )
    }

    /// The key that a call of a moment gets.
    fn next(pool: &Arc<KeyPool>, now: Instant) -> Result<usize, AllRest> {
        pool.next(now).map(|key| key.place())
    }

    fn loads(pool: &KeyPool) -> Vec<usize> {
        pool.keys.iter().map(|key| key.under_way.load(Ordering::Relaxed)).collect()
    }

    fn failure(class: FailureClass, retry_after: Option<u64>) -> Failure {
        Failure { retry_after: retry_after.map(Duration::from_secs), ..Failure::new(class) }
    }

    #[tokio::test(start_paused = true)]
    async fn keys_take_turns_and_rest_alone() {
        let (pool, now) = (pool(3), Instant::now());
        let turns: Vec<_> = (0..6).map(|_| next(&pool, now).unwrap()).collect();
        assert_eq!(turns, [0, 1, 2, 0, 1, 2]);
        assert_eq!(pool.rest(1, &failure(FailureClass::Unauthorized, None), now), Some(OUT));
        assert_eq!(pool.rest(1, &failure(FailureClass::Unauthorized, None), now), None);
        assert!((0..6).all(|_| next(&pool, now).unwrap() != 1));
    }

    #[tokio::test(start_paused = true)]
    async fn the_key_with_the_fewest_calls_is_taken() {
        let (pool, now) = (pool(3), Instant::now());
        let mut held: Vec<_> = (0..7).map(|_| pool.next(now).unwrap()).collect();
        assert_eq!(loads(&pool), [3, 2, 2]);
        held.retain(|key| key.place() != 2);
        assert_eq!(pool.ready(now), Ok(2), "a look");
        assert_eq!(loads(&pool), [3, 2, 0], "takes nothing");
        held.extend((0..5).map(|_| pool.next(now).unwrap()));
        assert_eq!(loads(&pool), [3, 3, 4]);
        drop(held);
        assert_eq!(loads(&pool), [0; 3]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_that_rests_is_not_taken_however_idle_it_is() {
        let (pool, now) = (pool(2), Instant::now());
        pool.rest(1, &failure(FailureClass::RateLimited, Some(7)), now);
        let held: Vec<_> = (0..4).map(|_| pool.next(now).unwrap()).collect();
        assert_eq!(loads(&pool), [4, 0]);
        let later = now + Duration::from_secs(7);
        let more: Vec<_> = (0..4).map(|_| pool.next(later).unwrap()).collect();
        assert_eq!(loads(&pool), [4, 4]);
        drop((held, more));
        assert_eq!(loads(&pool), [0; 2]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_only_key_is_not_counted() {
        let (pool, now) = (pool(1), Instant::now());
        let _held: Vec<_> = (0..4).map(|_| pool.next(now).unwrap()).collect();
        assert_eq!((loads(&pool), Arc::strong_count(&pool)), (vec![0], 1));
    }

    #[tokio::test(start_paused = true)]
    async fn each_class_of_refusal_leaves_its_mark() {
        for (class, retry_after, stance) in [
            (FailureClass::Unauthorized, None, |now| KeyStance::Out { until: now + OUT }),
            (FailureClass::Forbidden, Some(1), |now| KeyStance::Out { until: now + OUT }),
            (FailureClass::Billing, None, |now| KeyStance::Out { until: now + OUT }),
            (FailureClass::Billing, Some(3_600), |now| KeyStance::Out { until: now + 12 * OUT }),
            (FailureClass::RateLimited, None, |now| KeyStance::Resting { until: now + COOL }),
            (FailureClass::RateLimited, Some(60), |now| KeyStance::Resting { until: now + 60 * COOL }),
        ] as [(_, _, fn(Instant) -> KeyStance); 6]
        {
            let (pool, now) = (pool(2), Instant::now());
            let alert = pool.rest(0, &failure(class, retry_after), now);
            assert_eq!(pool.stances(now), [stance(now), KeyStance::Ready], "{class:?} {retry_after:?}");
            assert_eq!(alert.is_some(), matches!(stance(now), KeyStance::Out { .. }), "{class:?}");
            assert_eq!(pool.stances(now + 12 * OUT), [KeyStance::Ready; 2]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_goes_out_once_whatever_else_its_calls_bring_back() {
        let (pool, now) = (pool(1), Instant::now());
        let (limited, refused) =
            (failure(FailureClass::RateLimited, Some(3_600)), failure(FailureClass::Unauthorized, None));
        // Calls that were under way with it end in any order.
        assert_eq!(pool.rest(0, &limited, now), None);
        assert_eq!(pool.rest(0, &refused, now), Some(12 * OUT));
        assert_eq!(pool.rest(0, &refused, now), None);
        assert_eq!(pool.rest(0, &limited, now), None);
        assert_eq!(pool.stances(now), [KeyStance::Out { until: now + 12 * OUT }]);
        // The next time is told again.
        let later = now + 12 * OUT;
        assert_eq!(pool.rest(0, &refused, later), Some(OUT));
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_rests_no_longer_than_its_limit_says() {
        let (pool, now) = (pool(1), Instant::now());
        let short = Failure { retry_after: Some(Duration::from_millis(17)), ..Failure::new(FailureClass::RateLimited) };
        pool.rest(0, &short, now);
        assert_eq!(next(&pool, now).unwrap_err().until, now + Duration::from_millis(17));
        assert_eq!(next(&pool, now + Duration::from_millis(17)), Ok(0));
    }

    #[tokio::test(start_paused = true)]
    async fn the_soonest_key_is_told_when_all_rest() {
        let (pool, now) = (pool(2), Instant::now());
        pool.rest(0, &failure(FailureClass::RateLimited, Some(7)), now);
        pool.rest(1, &failure(FailureClass::RateLimited, Some(30)), now);
        pool.rest(1, &failure(FailureClass::RateLimited, Some(5)), now);
        let soonest = next(&pool, now).unwrap_err();
        assert_eq!(soonest, AllRest { until: now + Duration::from_secs(7), limited: true });
        assert_eq!(next(&pool, now + Duration::from_secs(7)), Ok(0));
        assert!((0..4).all(|_| next(&pool, now + Duration::from_secs(29)) == Ok(0)));
    }
}
