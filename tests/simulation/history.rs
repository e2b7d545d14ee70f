//! What happened, in order, with the paused time at which it did.

use std::fmt::{self, Display};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

/// Which call of a run.
pub(crate) type CallNumber = usize;
/// Which of the three gateways, or of the three providers.
pub(crate) type Place = usize;

tokio::task_local! {
    /// Whose future is being polled.
    pub(crate) static CALL: CallNumber;
}

/// Who is being polled; nobody where a connection is closed by the reaper.
pub(crate) fn polled() -> Option<CallNumber> {
    CALL.try_with(|call| *call).ok()
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Since the run began.
    pub(crate) at: Duration,
    pub(crate) event: Event,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    Arrived {
        call: CallNumber,
        gateway: Place,
        ask: String,
    },
    /// A gateway wants a new connection; `wire` is what it will be called.
    Dialled {
        call: CallNumber,
        gateway: Place,
        provider: Place,
        wire: usize,
    },
    NotConnected {
        call: CallNumber,
        wire: usize,
        why: &'static str,
    },
    /// A request begins to be written.
    Sent {
        call: CallNumber,
        gateway: Place,
        provider: Place,
        wire: usize,
        reused: bool,
    },
    /// A provider has read it. What it does with it, and whether anybody could ask for better.
    Heard {
        call: CallNumber,
        provider: Place,
        exchange: usize,
        wire: usize,
        act: String,
    },
    /// A provider is done with it; `gone`: the gateway closed before.
    Over {
        call: CallNumber,
        provider: Place,
        exchange: usize,
        gone: bool,
    },
    /// The gateway lets go of a connection. `unanswered`: nothing of an answer to the last request has been read.
    Closed {
        call: Option<CallNumber>,
        gateway: Place,
        wire: usize,
        unanswered: bool,
    },
    Replied {
        call: CallNumber,
        provider: String,
        attempts: u32,
    },
    Read {
        call: CallNumber,
        bytes: usize,
    },
    /// A client has read nothing for a while; so many bytes have left the provider and not reached it.
    Paused {
        call: CallNumber,
        ahead: usize,
    },
    Ended {
        call: CallNumber,
        end: String,
    },
}

impl Event {
    pub(crate) fn call(&self) -> Option<CallNumber> {
        match self {
            Self::Closed { call, .. } => *call,
            Self::Arrived { call, .. }
            | Self::Dialled { call, .. }
            | Self::NotConnected { call, .. }
            | Self::Sent { call, .. }
            | Self::Heard { call, .. }
            | Self::Over { call, .. }
            | Self::Replied { call, .. }
            | Self::Read { call, .. }
            | Self::Paused { call, .. }
            | Self::Ended { call, .. } => Some(*call),
        }
    }
}

impl Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>10.3} {:?}", self.at.as_secs_f64(), self.event)
    }
}

/// Where everybody writes. Cloning shares it.
#[derive(Debug, Clone)]
pub(crate) struct History {
    began: Instant,
    entries: Arc<Mutex<Vec<Entry>>>,
}

impl History {
    pub(crate) fn new(began: Instant) -> Self {
        Self { began, entries: Arc::default() }
    }

    pub(crate) fn now(&self) -> Duration {
        self.began.elapsed()
    }

    pub(crate) fn note(&self, event: Event) {
        let at = self.now();
        self.entries.lock().unwrap().push(Entry { at, event });
    }

    pub(crate) fn take(&self) -> Vec<Entry> {
        std::mem::take(&mut self.entries.lock().unwrap())
    }
}
