//! The exact tier in memory.
//!
//! quick_cache weighs entries in bytes and lets them go by use. It knows nothing of age: an entry carries the moment at
//! which it expires, and one that has expired is a miss until another takes its place. With moka, which drops entries on
//! time, a miss cost half as much again, in queues and housekeeping.

use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use foldhash::quality::RandomState;
use http::HeaderValue;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{OptionsBuilder, Weighter};
use tokio::time::Instant;

use super::key::Key;
use crate::api::Usage;
use crate::call::{Call, Name};
use crate::config::Scope;

/// Bytes that an entry takes besides what is in it.
const OVERHEAD: usize = 512;
/// What an entry usually takes, for the size of the lists of entries.
const USUAL_WEIGHT: u64 = 4 << 10;
/// The least that one shard holds; an entry must fit into its shard.
const SHARD: u64 = 8 << 20;
const MOST_SHARDS: u64 = 64;

/// Whole answers by key. Cloning shares the entries.
#[derive(Debug, Clone)]
pub struct ExactCache {
    /// By the hash of the key: two keys of one hash push each other out, and neither is taken for the other.
    entries: Arc<Cache<u64, Arc<Entry>, Weights, BuildHasherDefault<AsItIs>>>,
    /// Seeded at random, so that nobody can choose two such keys.
    hash: RandomState,
    scope: Scope,
    ttl: Duration,
}

#[derive(Debug)]
struct Entry {
    key: Key,
    kept: Kept,
    weight: u64,
    stored: Instant,
    expires: Instant,
}

#[derive(Debug, Clone)]
struct Weights;

impl Weighter<u64, Arc<Entry>> for Weights {
    fn weight(&self, _: &u64, entry: &Arc<Entry>) -> u64 {
        entry.weight
    }
}

/// An answer as it is kept: copied, so that no connection's buffer stays alive for it.
#[derive(Debug, Clone)]
pub struct Kept {
    pub content_type: HeaderValue,
    pub body: Bytes,
    pub provider: Name,
    pub model: Name,
    pub usage: Option<Usage>,
    pub dropped: Option<HeaderValue>,
}

/// A header's value is a slice of the provider's connection too. Nearly always it is the same, and not copied but
/// named.
fn copied(content_type: &HeaderValue) -> HeaderValue {
    const JSON: HeaderValue = HeaderValue::from_static("application/json");
    if content_type == JSON {
        return JSON;
    }
    HeaderValue::from_bytes(content_type.as_bytes()).unwrap_or(JSON)
}

/// What stands for a key is a hash already.
#[derive(Debug, Default, Clone, Copy)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        unreachable!("a u64 is written as one, not as {} bytes", bytes.len());
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// An answer that was found.
#[derive(Debug, Clone)]
pub struct Hit {
    pub kept: Kept,
    pub age: Duration,
}

impl ExactCache {
    /// `max_size` is in bytes over all entries; `scope` says who shares them.
    pub fn new(max_size: u64, scope: Scope, ttl: Duration) -> Self {
        let options = OptionsBuilder::new()
            .weight_capacity(max_size)
            .estimated_items_capacity(usize::try_from(max_size / USUAL_WEIGHT).unwrap_or(usize::MAX).max(1))
            .shards(usize::try_from((max_size / SHARD).clamp(1, MOST_SHARDS)).unwrap_or(1))
            .build()
            .expect("both capacities are given");
        let entries = Cache::with_options(options, Weights, BuildHasherDefault::default(), DefaultLifecycle::default());
        Self { entries: Arc::new(entries), hash: RandomState::default(), scope, ttl }
    }

    pub fn key(&self, call: &Call) -> Key {
        Key::new(call, self.scope, &self.hash)
    }

    /// The answer to an equal call, not older than `max_age`.
    pub fn get(&self, key: &Key, max_age: Option<Duration>, now: Instant) -> Option<Hit> {
        let entry = self.entries.get(&key.hash)?;
        let age = now.saturating_duration_since(entry.stored);
        let fresh = now < entry.expires && max_age.is_none_or(|most| age <= most);
        (fresh && *key == entry.key).then(|| Hit { kept: entry.kept.clone(), age })
    }

    /// Keeps a copy of an answer.
    pub fn put(&self, key: Key, answer: &Kept, now: Instant) {
        let (key, body) = key.keep_with(&answer.body);
        let weight = (OVERHEAD + key.weight() + body.len()) as u64;
        let kept = Kept { content_type: copied(&answer.content_type), body, ..answer.clone() };
        let entry = Entry { key, kept, weight, stored: now, expires: now + self.ttl };
        self.entries.insert(entry.key.hash, Arc::new(entry));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Caller;
    use crate::dialects::testing::call;

    const MEBIBYTE: u64 = 1 << 20;
    const HOUR: Duration = Duration::from_secs(3600);

    fn key(cache: &ExactCache, prompt: &str) -> Key {
        let caller = Caller { key: "k".into(), user: "u".into(), team: None, models: Vec::new() };
        let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"{prompt}"}}]}}"#);
        cache.key(&call(&body, Arc::new(caller)))
    }

    fn answer(text: &'static [u8]) -> Kept {
        Kept {
            content_type: HeaderValue::from_static("application/json"),
            body: Bytes::from_static(text),
            provider: Name::from("p"),
            model: Name::from("m"),
            usage: None,
            dropped: None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_found_until_it_expires() {
        let cache = ExactCache::new(MEBIBYTE, Scope::User, HOUR);
        cache.put(key(&cache, "hi"), &answer(b"{}"), Instant::now());
        tokio::time::advance(HOUR / 2).await;
        let found = |max_age| cache.get(&key(&cache, "hi"), max_age, Instant::now());
        let hit = found(None).unwrap();
        assert_eq!((&*hit.kept.body, hit.age), (&b"{}"[..], HOUR / 2));
        assert!(found(Some(HOUR / 4)).is_none());
        assert!(cache.get(&key(&cache, "ho"), None, Instant::now()).is_none());
        tokio::time::advance(HOUR / 2).await;
        assert!(found(None).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn one_hash_for_two_keys_gives_nobody_the_others_answer() {
        let cache = ExactCache::new(MEBIBYTE, Scope::User, HOUR);
        let (first, mut second) = (key(&cache, "first"), key(&cache, "second"));
        second.hash = first.hash;
        let now = Instant::now();
        cache.put(first.clone(), &answer(b"1"), now);
        assert!(cache.get(&second, None, now).is_none());
        cache.put(second.clone(), &answer(b"2"), now);
        assert!(cache.get(&first, None, now).is_none());
        assert_eq!(cache.get(&second, None, now).unwrap().kept.body, "2");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_kept_is_bounded() {
        let cache = ExactCache::new(MEBIBYTE, Scope::User, HOUR);
        static LONG: [u8; 10_000] = [b'x'; 10_000];
        for number in 0..1_000 {
            cache.put(key(&cache, &number.to_string()), &answer(&LONG), Instant::now());
        }
        assert!((50..=100).contains(&cache.entries.len()), "{}", cache.entries.len());
        assert!(cache.entries.weight() <= MEBIBYTE);
    }
}
