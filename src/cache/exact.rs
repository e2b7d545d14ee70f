//! The exact tier in memory.
//!
//! moka weighs entries in bytes and lets them go by use and age. Its `get_with` is not used: a leader that is dropped
//! stalls its followers. moka runs on its own clock, so an entry also carries the moment at which it expires, on ours.

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
    entries: Cache<[u8; 32], Arc<Entry>>,
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
            .build();
        Self { entries, ttl }
    }

    /// The answer to an equal call, not older than `max_age`.
    pub fn get(&self, key: &Key, max_age: Option<Duration>, now: Instant) -> Option<Hit> {
        let entry = self.entries.get(&key.hash)?;
        let age = now.saturating_duration_since(entry.stored);
        let fresh = now < entry.expires && max_age.is_none_or(|most| age <= most);
        (fresh && key.matches(&entry.material)).then(|| Hit {
            kept: entry.kept.clone(),
            age,
        })
    }

    /// Keeps a copy of an answer.
    pub fn put(&self, key: &Key, answer: &Kept, now: Instant) {
        let kept = Kept {
            body: Bytes::copy_from_slice(&answer.body),
            ..answer.clone()
        };
        let entry = Entry {
            material: key.material(),
            kept,
            stored: now,
            expires: now + self.ttl,
        };
        self.entries.insert(key.hash, Arc::new(entry));
    }
}
