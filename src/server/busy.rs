//! What a connection and the answers on it tell each other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::streams::Stream;

/// How long a connection may be idle between two requests (nginx: 75 s).
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// What an answer that comes bit by bit may give before it has to wait for what it gave.
const STRIDE: usize = 16 << 10;

/// Requests of a connection that are being answered.
#[derive(Debug)]
pub(super) struct Busy {
    answering: AtomicUsize,
    opened: Instant,
    /// When the last answer ended, in milliseconds since `opened`.
    idle_since: AtomicU64,
    /// The answer under way has given enough for now: what it gave is to be written first, and room found for more.
    ahead: AtomicBool,
}

/// One of them.
#[derive(Debug)]
pub(super) struct BusyGuard {
    busy: Arc<Busy>,
    /// Since it has been ahead.
    given: usize,
    /// Over HTTP/2.
    pub(super) stream: Option<Box<Stream>>,
}

impl Default for Busy {
    fn default() -> Self {
        Self {
            answering: AtomicUsize::new(0),
            opened: Instant::now(),
            idle_since: AtomicU64::new(0),
            ahead: AtomicBool::new(false),
        }
    }
}

impl Busy {
    pub(super) fn enter(self: &Arc<Self>, stream: Option<Box<Stream>>) -> BusyGuard {
        self.answering.fetch_add(1, Ordering::Relaxed);
        BusyGuard { busy: Arc::clone(self), given: 0, stream }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.answering.load(Ordering::Relaxed) == 0
    }

    pub(super) fn idle_since(&self) -> Instant {
        self.opened + Duration::from_millis(self.idle_since.load(Ordering::Relaxed))
    }

    /// Until when a connection may stay open that begins no request: its first one has as long as `first`. While something
    /// is being answered, when to look again: nobody tells when the last answer has ended.
    pub(super) fn idle_until(&self, first: Duration, now: Instant) -> Instant {
        if !self.is_idle() {
            return now + first;
        }
        let since = self.idle_since();
        since + if since == self.opened { first } else { KEEP_ALIVE }
    }

    pub(super) fn is_ahead(&self) -> bool {
        self.ahead.load(Ordering::Relaxed)
    }

    /// There is room for more. To be followed by waking the connection's task: the answer may have said that it waits.
    pub(super) fn caught_up(&self) {
        self.ahead.store(false, Ordering::Relaxed);
    }
}

impl BusyGuard {
    /// Takes in that the answer has given so many bytes.
    pub(super) fn gave(&mut self, bytes: usize) {
        self.given += bytes;
        if self.given >= STRIDE {
            self.given = 0;
            self.busy.ahead.store(true, Ordering::Relaxed);
        }
    }

    /// Whether the answer is to wait before it gives more.
    pub(super) fn is_ahead(&self) -> bool {
        self.busy.is_ahead()
    }
}

impl Drop for BusyGuard {
    fn drop(&mut self) {
        let since = u64::try_from(self.busy.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.busy.idle_since.store(since, Ordering::Relaxed);
        self.busy.answering.fetch_sub(1, Ordering::Relaxed);
    }
}
