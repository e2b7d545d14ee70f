//! What a connection and the answers on it tell each other.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::streams::Stream;

/// Requests of a connection that are being answered.
#[derive(Debug)]
pub(super) struct Busy {
    answering: AtomicUsize,
    opened: Instant,
    /// When the last answer ended, in milliseconds since `opened`.
    idle_since: AtomicU64,
}

/// One of them.
#[derive(Debug)]
pub(super) struct BusyGuard {
    busy: Arc<Busy>,
    /// Over HTTP/2.
    pub(super) stream: Option<Box<Stream>>,
}

impl Default for Busy {
    fn default() -> Self {
        Self {
            answering: AtomicUsize::new(0),
            opened: Instant::now(),
            idle_since: AtomicU64::new(0),
        }
    }
}

impl Busy {
    pub(super) fn enter(self: &Arc<Self>, stream: Option<Box<Stream>>) -> BusyGuard {
        self.answering.fetch_add(1, Ordering::Relaxed);
        BusyGuard { busy: Arc::clone(self), stream }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.answering.load(Ordering::Relaxed) == 0
    }

    pub(super) fn idle_since(&self) -> Instant {
        self.opened + Duration::from_millis(self.idle_since.load(Ordering::Relaxed))
    }
}

impl Drop for BusyGuard {
    fn drop(&mut self) {
        let since = u64::try_from(self.busy.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.busy.idle_since.store(since, Ordering::Relaxed);
        self.busy.answering.fetch_sub(1, Ordering::Relaxed);
    }
}
