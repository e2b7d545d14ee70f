//! The exact tier in memory.
//!
//! quick_cache weighs entries in bytes and lets them go by use. It knows nothing of age: an entry carries the moment at
//! which it expires, and one that has expired is a miss until another takes its place. moka, which could drop it on
//! time, costs a miss 1.5 us more in queues and housekeeping (PERFORMANCE: the whole call has 22).

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
