//! The exact tier in memory.
//!
//! moka weighs entries in bytes and lets them go by use and age. Its `get_with` is not used: a leader that is dropped
//! stalls its followers. moka runs on its own clock, so an entry also carries the moment at which it expires, on ours.

use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use moka::sync::Cache;
use tokio::time::Instant;

use super::key::Key;
use crate::api::Usage;

/// Bytes that an entry takes besides what is in it.
const OVERHEAD: usize = 512;

/// Whole answers by key. Cloning shares the entries.
#[derive(Debug, Clone)]
pub struct ExactCache {
    entries: Cache<[u8; 32], Arc<Entry>, BuildHasherDefault<FirstBytes>>,
    ttl: Duration,
}

#[derive(Debug)]
struct Entry {
    material: Box<[u8]>,
    kept: Kept,
    stored: Instant,
    expires: Instant,
}

/// An answer as it is kept: copied, so that no connection's buffer stays alive for it.
#[derive(Debug, Clone)]
pub struct Kept {
    pub content_type: HeaderValue,
    pub body: Bytes,
    pub provider: Arc<str>,
    pub model: Arc<str>,
    pub usage: Option<Usage>,
}

impl Kept {
    /// The same in memory of its own. A header's value is a slice of the provider's connection too.
    fn copied(&self) -> Self {
        Self {
            content_type: HeaderValue::from_bytes(self.content_type.as_bytes())
                .unwrap_or(HeaderValue::from_static("application/json")),
            body: Bytes::copy_from_slice(&self.body),
            ..self.clone()
        }
    }
}

/// The keys are hashes already: their first bytes are as good as any hash of them.
#[derive(Debug, Default, Clone, Copy)]
struct FirstBytes(u64);

impl Hasher for FirstBytes {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_le_bytes(*first);
        }
    }

    /// The length of the key, which is always the same.
    fn write_usize(&mut self, _: usize) {}
}

/// An answer that was found.
#[derive(Debug, Clone)]
pub struct Hit {
    pub kept: Kept,
    pub age: Duration,
}

impl ExactCache {
    /// `max_size` is in bytes over all entries.
    pub fn new(max_size: u64, ttl: Duration) -> Self {
        let weigh = |_: &[u8; 32], entry: &Arc<Entry>| {
            u32::try_from(OVERHEAD + entry.material.len() + entry.kept.body.len()).unwrap_or(u32::MAX)
        };
        let entries = Cache::builder()
            .max_capacity(max_size)
            .time_to_live(ttl)
            .weigher(weigh)
            .build_with_hasher(BuildHasherDefault::default());
        Self { entries, ttl }
    }

    /// The answer to an equal call, not older than `max_age`.
    pub fn get(&self, key: &Key, max_age: Option<Duration>, now: Instant) -> Option<Hit> {
        let entry = self.entries.get(&key.hash)?;
        let age = now.saturating_duration_since(entry.stored);
        let fresh = now < entry.expires && max_age.is_none_or(|most| age <= most);
        (fresh && key.material == entry.material).then(|| Hit { kept: entry.kept.clone(), age })
    }

    /// Keeps a copy of an answer.
    pub fn put(&self, key: Key, answer: &Kept, now: Instant) {
        let kept = answer.copied();
        let entry = Entry { material: key.material, kept, stored: now, expires: now + self.ttl };
        self.entries.insert(key.hash, Arc::new(entry));
    }
}
