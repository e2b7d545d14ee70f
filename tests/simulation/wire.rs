//! Connections that are pipes: what a gateway gets when it dials, and what is seen of it from there.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};
use tollgate::net::{Dial, Dialled, NetError};

use crate::history::{CallNumber, Event, History, Place, polled};
use crate::provider::{Provider, Reach};

/// What a pipe holds in each direction.
const CAPACITY: usize = 16 << 10;
/// From the dial to the connection.
const HANDSHAKE: Duration = Duration::from_millis(5);

/// One gateway's way to all providers.
#[derive(Debug)]
pub(crate) struct Network {
    gateway: Place,
    providers: Vec<Arc<Provider>>,
    history: History,
    /// Of all gateways.
    wires: Arc<AtomicUsize>,
    open: Arc<AtomicUsize>,
}

/// What both ends of a connection know of it.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) wire: usize,
    /// Whose request was sent last.
    call: Mutex<Option<CallNumber>>,
    reset: AtomicBool,
}

impl Line {
    pub(crate) fn call(&self) -> CallNumber {
        self.call.lock().unwrap().expect("somebody has asked")
    }

    /// What the gateway meets next is a reset.
    pub(crate) fn reset(&self) {
        self.reset.store(true, Ordering::Relaxed);
    }
}

impl Network {
    pub(crate) fn new(
        gateway: Place,
        providers: &[Arc<Provider>],
        history: &History,
        wires: &Arc<AtomicUsize>,
    ) -> Self {
        let (providers, history) = (providers.to_vec(), history.clone());
        Self { gateway, providers, history, wires: Arc::clone(wires), open: Arc::default() }
    }

    /// Connections that the gateway holds.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }
}

impl Dial for Network {
    fn dial(&self, host: &str, _: u16) -> Dialled {
        let call = polled().expect("only calls dial");
        let place = self.providers.iter().position(|provider| provider.host() == host).expect("a configured host");
        let provider = Arc::clone(&self.providers[place]);
        let wire = self.wires.fetch_add(1, Ordering::Relaxed);
        let (gateway, history) = (self.gateway, self.history.clone());
        history.note(Event::Dialled { call, gateway, provider: place, wire });
        let open = Arc::clone(&self.open);
        Box::pin(async move {
            let mut dialling = Dialling { call, wire, history: history.clone(), why: Some("given up") };
            match provider.reach() {
                Reach::Open => tokio::time::sleep(HANDSHAKE).await,
                Reach::Refused => {
                    dialling.why = Some("refused");
                    return Err(NetError::Connect(io::ErrorKind::ConnectionRefused.into()));
                }
                Reach::NoName => {
                    dialling.why = Some("no such name");
                    return Err(NetError::Dns(io::ErrorKind::NotFound.into()));
                }
                Reach::Blackhole => std::future::pending().await,
            }
            dialling.why = None;
            let (pipe, theirs) = duplex(CAPACITY);
            let line = Arc::new(Line { wire, call: Mutex::default(), reset: AtomicBool::new(false) });
            tokio::spawn(provider.serve(theirs, Arc::clone(&line)));
            open.fetch_add(1, Ordering::Relaxed);
            let state = State::Fresh;
            Ok(Box::new(Wire { pipe, line, gateway, provider: place, history, state, open }) as Box<_>)
        })
    }
}

/// A dial that has not come to anything yet.
struct Dialling {
    call: CallNumber,
    wire: usize,
    history: History,
    /// What to note if it ends like this.
    why: Option<&'static str>,
}

impl Drop for Dialling {
    fn drop(&mut self) {
        if let Some(why) = self.why {
            self.history.note(Event::NotConnected { call: self.call, wire: self.wire, why });
        }
    }
}

/// The gateway's end.
#[derive(Debug)]
struct Wire {
    pipe: DuplexStream,
    line: Arc<Line>,
    gateway: Place,
    provider: Place,
    history: History,
    state: State,
    open: Arc<AtomicUsize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing has been sent.
    Fresh,
    /// A request has been sent, and nothing come back.
    Asking,
    /// Something has come back.
    Answered,
}

impl Wire {
    fn sending(&mut self) {
        let before = std::mem::replace(&mut self.state, State::Asking);
        if before != State::Asking {
            let call = polled().expect("only calls send");
            *self.line.call.lock().unwrap() = Some(call);
            let (gateway, provider, wire) = (self.gateway, self.provider, self.line.wire);
            let reused = before == State::Answered;
            self.history.note(Event::Sent { call, gateway, provider, wire, reused });
        }
    }

    fn broken(&self) -> io::Result<()> {
        if self.line.reset.load(Ordering::Relaxed) { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(()) }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
        let unanswered = self.state == State::Asking;
        let (gateway, wire) = (self.gateway, self.line.wire);
        self.history.note(Event::Closed { call: polled(), gateway, wire, unanswered });
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.broken()?;
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.pipe).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.state = State::Answered;
        }
        polled
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.broken()?;
        self.sending();
        Pin::new(&mut self.pipe).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_shutdown(cx)
    }
}
