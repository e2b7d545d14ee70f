//! The loader: calls one address as a [`Load`] says and tells what came of it, an [`Outcome`].
//!
//! It runs in a process of its own, on the mock's core, so that nothing it does is charged to the gateway.

mod closed;
mod connection;
mod cue;
mod door;
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
pub(crate) use cue::Loader;
pub(crate) use door::Door;
pub(crate) use line::Line;
use reception::Reception;
pub(crate) use request::{KEY, MODEL, Request, key};
use tally::Tally;
pub(crate) use tally::{Outcome, Spread};

/// For connections to open; whatever hangs, a loader does not outlive its load: the kernel ends it.
const PREPARATION: Duration = Duration::from_secs(120);
/// Calls that have begun may end this long after the load.
const GRACE: Duration = Duration::from_secs(5);
/// A prime: it has no divisor in common with a number of bodies or keys.
const STRIDE: u64 = 1_000_003;

/// What to send, how often, for how long. On the command line it is JSON:
/// `{"connections":64,"seconds":3.0,"body":1024}` is a closed loop.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Load {
    connections: u32,
    pub(crate) seconds: f64,
    #[serde(default)]
    door: Door,
    /// [`MODEL`] if none.
    #[serde(default)]
    model: Option<String>,
    /// Bytes of each request's body.
    body: usize,
    /// Calls per second over all connections, at fixed instants. Without it, every connection calls again as soon as
    /// it has its answer.
    #[serde(default)]
    rate: Option<u32>,
    /// Ends the load after so many calls.
    #[serde(default)]
    calls: Option<u64>,
    /// Ask for streams.
    #[serde(default)]
    stream: Option<Stream>,
    /// Begin a stream on every connection and call no more.
    #[serde(default)]
    hold: bool,
    /// Send so many bodies over and over, for hits in a cache; otherwise no two bodies are equal.
    #[serde(default)]
    bodies: Option<u64>,
    /// Use so many keys in turn.
    #[serde(default)]
    keys: Option<u64>,
    /// Further lines for the head of each request.
    #[serde(default)]
    headers: String,
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
        let (rate, calls, stream, bodies, keys) = (None, None, None, None, None);
        let (door, model, hold, headers) = (Door::Chat, None, false, String::new());
        Self { connections, seconds, door, model, body: 1024, rate, calls, stream, hold, bodies, keys, headers }
    }

    /// The same calls, `rate` of them due each second.
    pub(crate) fn open(connections: u32, seconds: f64, rate: u32) -> Self {
        Self { rate: Some(rate), ..Self::closed(connections, seconds) }
    }

    /// A stream on each connection that has begun and goes on in a minute.
    pub(crate) fn held(connections: u32) -> Self {
        Self { hold: true, ..Self::closed(connections, 0.0).streamed(2, 60_000_000) }
    }

    /// By another door, for another model.
    pub(crate) fn by(self, door: Door, model: &str) -> Self {
        Self { door, model: Some(model.to_owned()), ..self }
    }

    pub(crate) fn lasting(self, seconds: f64) -> Self {
        Self { seconds, ..self }
    }

    pub(crate) fn body(self, body: usize) -> Self {
        Self { body, ..self }
    }

    pub(crate) fn calls(self, calls: u64) -> Self {
        Self { calls: Some(calls), ..self }
    }

    pub(crate) fn streamed(self, chunks: u64, gap_us: u64) -> Self {
        Self { stream: Some(Stream { chunks, gap_us }), ..self }
    }

    pub(crate) fn is_streamed(&self) -> bool {
        self.stream.is_some()
    }

    pub(crate) fn bodies(self, bodies: u64) -> Self {
        Self { bodies: Some(bodies), ..self }
    }

    pub(crate) fn keys(self, keys: u64) -> Self {
        Self { keys: Some(keys), ..self }
    }

    pub(crate) fn headers(self, headers: &str) -> Self {
        Self { headers: headers.to_owned(), ..self }
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
    end_after(PREPARATION)?;
    let session = Arc::new(Session::new(address, load));
    match session.load.rate {
        Some(rate) => open::run(&session, rate.into()),
        None => closed::run(&session),
    }
}

fn end_after(time: Duration) -> io::Result<()> {
    nix::unistd::alarm::set(u32::try_from(time.as_secs()).map_err(io::Error::other)?);
    Ok(())
}

/// One load under way.
struct Session {
    address: SocketAddr,
    load: Load,
    first_serial: u64,
    serial: AtomicU64,
    tally: Mutex<Tally>,
}

impl Session {
    fn new(address: SocketAddr, load: Load) -> Self {
        // Microseconds since the machine started: no later load comes upon a number of this one, as long as no load
        // makes a million calls a second.
        let first_serial = load.bodies.map_or_else(|| now_ns() / 1_000, |_| 0);
        Self { address, load, first_serial, serial: first_serial.into(), tally: Mutex::new(Tally::new()) }
    }

    /// How long the load goes on from now.
    fn begin(&self) -> io::Result<Duration> {
        let seconds = Duration::from_secs_f64(self.load.seconds);
        end_after(seconds + 4 * GRACE)?;
        Ok(seconds)
    }

    fn request(&self) -> Request {
        Request::new(self.address, &self.load)
    }

    /// Makes `request` the next one; `false` after the last.
    fn next(&self, request: &mut Request) -> bool {
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        // All of them, each as often as any other, in an order that no memory cache foresees.
        let one_of = |all: u64| serial.wrapping_mul(STRIDE) % all;
        request.number(self.load.bodies.map_or(serial, one_of));
        if let Some(keys) = self.load.keys {
            request.key(one_of(keys));
        }
        self.load.calls.is_none_or(|calls| serial - self.first_serial < calls)
    }

    /// No call is left.
    fn exhausted(&self) -> bool {
        let made = self.serial.load(Ordering::Relaxed) - self.first_serial;
        self.load.calls.is_some_and(|calls| made >= calls)
    }

    fn reception(&self, begun_ns: u64) -> Reception {
        Reception::new(begun_ns, self.load.door, self.load.stream)
    }

    fn fail(&self, reason: &dyn Display) {
        self.tally().fail(reason);
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
