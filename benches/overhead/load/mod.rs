//! The loader: calls one address as a [`Load`] says and prints an [`Outcome`] as one line of JSON.
//!
//! It runs in a process of its own, on the mock's core, so that nothing it does is charged to the gateway.

mod closed;
mod line;
mod open;
mod reception;
mod request;
mod response;
mod tally;

use std::fmt::Display;
use std::io;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::now_ns;
pub(crate) use line::Line;
use reception::Reception;
pub(crate) use request::{KEY, MODEL, Request};
use tally::Tally;
pub(crate) use tally::{Outcome, Spread};

/// Calls that have begun may end this long after the load.
const GRACE: Duration = Duration::from_secs(5);

/// What to send, how often, for how long. On the command line it is JSON:
/// `{"connections":64,"seconds":3.0,"body":1024}` is a closed loop.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Load {
    connections: u32,
    pub(crate) seconds: f64,
    /// Bytes of each request's body.
    body: usize,
    /// Calls per second over all connections, at fixed instants. Without it, every connection calls again as soon as
    /// it has its answer.
    #[serde(default)]
    rate: Option<u32>,
    /// Ask for streams.
    #[serde(default)]
    stream: Option<Stream>,
    /// Send the same body each time, for hits in a cache; otherwise no two bodies are equal.
    #[serde(default)]
    same: bool,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stream {
    /// Chunks of content in each stream.
    chunks: u64,
    /// Microseconds between two of them; 0: all at once.
    #[serde(default)]
    gap_us: u64,
}

impl Load {
    /// Calls with bodies of 1 KB, one after the other on each connection.
    pub(crate) fn closed(connections: u32, seconds: f64) -> Self {
        Self { connections, seconds, body: 1024, rate: None, stream: None, same: false }
    }

    /// The same calls, `rate` of them due each second.
    pub(crate) fn open(connections: u32, seconds: f64, rate: u32) -> Self {
        Self { rate: Some(rate), ..Self::closed(connections, seconds) }
    }

    pub(crate) fn body(self, body: usize) -> Self {
        Self { body, ..self }
    }

    pub(crate) fn streamed(self, chunks: u64, gap_us: u64) -> Self {
        Self { stream: Some(Stream { chunks, gap_us }), ..self }
    }

    pub(crate) fn same(self) -> Self {
        Self { same: true, ..self }
    }
}

impl FromStr for Load {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        serde_json::from_str(text)
    }
}

/// Carries out one load.
pub(crate) fn run(address: SocketAddr, load: Load) -> io::Result<()> {
    let seconds = Duration::from_secs_f64(load.seconds);
    // Whatever hangs, this process does not outlive its load: the kernel ends it.
    let limit = seconds + 4 * GRACE;
    nix::unistd::alarm::set(u32::try_from(limit.as_secs()).map_err(io::Error::other)?);
    let session = Arc::new(Session::new(address, load, seconds));
    let begun = now_ns();
    match session.load.rate {
        Some(rate) => open::run(&session, rate.into()),
        None => closed::run(&session)?,
    }
    let outcome = session.tally().outcome(begun);
    println!("{}", serde_json::to_string(&outcome)?);
    Ok(())
}

/// One load under way.
struct Session {
    address: SocketAddr,
    load: Load,
    seconds: Duration,
    serial: AtomicU64,
    tally: Mutex<Tally>,
}

impl Session {
    fn new(address: SocketAddr, load: Load, seconds: Duration) -> Self {
        Self {
            address,
            load,
            seconds,
            // Microseconds since the machine started: no later load comes upon a number of this one, as long as no
            // load makes a million calls a second.
            serial: AtomicU64::new(now_ns() / 1_000),
            tally: Mutex::new(Tally::new()),
        }
    }

    fn request(&self) -> Request {
        Request::new(self.address, &self.load)
    }

    /// The bytes of the next call.
    fn next<'a>(&self, request: &'a mut Request) -> &'a [u8] {
        if !self.load.same {
            request.number(self.serial.fetch_add(1, Ordering::Relaxed));
        }
        request.bytes()
    }

    fn reception(&self, begun_ns: u64) -> Reception {
        Reception::new(begun_ns, self.load.stream)
    }

    fn fail(&self, reason: &dyn Display) {
        self.tally().fail(reason);
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
