//! The exact tier in memory.
//!
//! moka weighs entries in bytes and lets them go by use and age. Its `get_with` is not used: a leader that is dropped
//! stalls its followers. moka runs on its own clock, so an entry also carries the moment at which it expires, on ours.

use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use foldhash::quality::RandomState;
use http::HeaderValue;
use moka::sync::Cache;
use tokio::time::Instant;

use super::key::Key;
use crate::api::Usage;
use crate::call::{Call, Name};
use crate::config::Scope;

/// Bytes that an entry takes besides what is in it.
const OVERHEAD: usize = 512;

/// Whole answers by key. Cloning shares the entries.
#[derive(Debug, Clone)]
pub struct ExactCache {
    /// By the hash of the key: two keys of one hash push each other out, and neither is taken for the other.
    entries: Cache<u64, Arc<Entry>, BuildHasherDefault<AsItIs>>,
    /// Seeded at random, so that nobody can choose two such keys.
    hash: RandomState,
    scope: Scope,
    ttl: Duration,
}

#[derive(Debug)]
struct Entry {
    key: Key,
    kept: Kept,
    stored: Instant,
    expires: Instant,
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

impl Kept {
    /// The same in memory of its own. A header's value is a slice of the provider's connection too.
    fn copied(&self) -> Self {
        Self { content_type: copied(&self.content_type), body: Bytes::copy_from_slice(&self.body), ..self.clone() }
    }
}

/// Nearly always the same, and then not copied but named.
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
        let weigh = |_: &u64, entry: &Arc<Entry>| {
            u32::try_from(OVERHEAD + entry.key.weight() + entry.kept.body.len()).unwrap_or(u32::MAX)
        };
        let entries = Cache::builder()
            .max_capacity(max_size)
            .time_to_live(ttl)
            .weigher(weigh)
            .build_with_hasher(BuildHasherDefault::default());
        Self { entries, hash: RandomState::default(), scope, ttl }
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
        let hash = key.hash;
        let entry = Entry { key: key.into_owned(), kept: answer.copied(), stored: now, expires: now + self.ttl };
        self.entries.insert(hash, Arc::new(entry));
    }
}
