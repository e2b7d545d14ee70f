//! What is measured: programs that stand between the loader and the mock, one file each.

pub(crate) mod bare;
mod haproxy;
mod kind;
mod litellm;
mod nginx;
mod portkey;
mod program;
pub(crate) mod tollgate;

use std::fmt::Display;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread::sleep;
use std::time::Duration;

use tempfile::TempDir;

use crate::clock::now_ns;
use crate::cost;
use crate::load::{Line, Load, Loader, Outcome, Request};
use crate::process::Process;
pub(crate) use kind::Kind;
pub(crate) use nginx::version as nginx_version;

/// Seconds, in Python.
const START_WITHIN: Duration = Duration::from_secs(60);
/// Between two tries to reach a peer that is starting: what its start is measured with.
const TRY_AGAIN: Duration = Duration::from_micros(250);

/// A running program under measurement.
pub(crate) struct Peer {
    pub(crate) kind: Kind,
    pub(crate) address: SocketAddr,
    /// Lines that every call to it needs.
    pub(crate) headers: String,
    /// From its first instruction to its first answer.
    pub(crate) start: Duration,
    process: Process,
    #[expect(dead_code, reason = "the program's files stay until it has ended")]
    files: Option<TempDir>,
}

/// Where a peer runs, what it calls, and what it is prepared for.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// None: anywhere.
    pub(crate) cores: Vec<usize>,
    pub(crate) upstream: SocketAddr,
    pub(crate) size: Size,
}

/// What a peer's configuration provides for, where it has to be told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    /// From clients, at once.
    pub(crate) connections: u32,
    /// Idle connections to the provider that nginx may keep.
    pub(crate) pool: u32,
    /// Callers' keys, in Tollgate.
    pub(crate) keys: u32,
    /// Providers of the model, in Tollgate.
    pub(crate) providers: u32,
    /// Tollgate has a provider of each format instead.
    pub(crate) formats: bool,
    /// Size of Tollgate's cache.
    pub(crate) cache_mib: u32,
}

impl Default for Size {
    fn default() -> Self {
        Self { connections: 8192, pool: 512, keys: 1, providers: 1, formats: false, cache_mib: 32 }
    }
}

impl Peer {
    /// One that may not yet answer.
    fn new(kind: Kind, address: SocketAddr, process: Process) -> Self {
        Self { kind, address, headers: String::new(), start: Duration::ZERO, process, files: None }
    }

    /// Starts it and waits until a call through it succeeds.
    pub(crate) fn start(kind: Kind, place: &Place) -> io::Result<Self> {
        let mut peer = kind.start(place)?;
        let since_start = |peer: &Self| Duration::from_nanos(now_ns() - peer.process.begun_ns);
        while let Err(error) = one_call(peer.address, &peer.headers) {
            if let Some(status) = peer.process.ended()? {
                return Err(io::Error::other(format!("{kind} has ended: {status}")));
            }
            if since_start(&peer) > START_WITHIN {
                return Err(io::Error::other(format!("{kind} does not answer: {error}")));
            }
            sleep(TRY_AGAIN);
        }
        peer.start = since_start(&peer);
        Ok(peer)
    }

    /// What came of a load, and the CPU time that it took here.
    pub(crate) fn measure(&self, mut loader: Loader) -> io::Result<(Outcome, Duration)> {
        let before = cost::cpu_time(self.process.id())?;
        let outcome = loader.run()?;
        Ok((outcome, cost::cpu_time(self.process.id())? - before))
    }

    pub(crate) fn memory(&self) -> io::Result<u64> {
        cost::memory(self.process.id())
    }
}

fn one_call(address: SocketAddr, headers: &str) -> io::Result<()> {
    let request = Request::new(address, &Load::closed(1, 0.0).headers(headers));
    let mut body = Vec::new();
    let end = Line::connect(address)?.call(request.bytes(), |piece| body.extend_from_slice(piece))?;
    if end.status == 200 {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&body);
    Err(io::Error::other(format!("status {}: {said}", end.status)))
}

/// Writes a configuration in which each `@NAME@` stands for a value, and returns its path.
fn configure(files: &TempDir, template: &str, values: &[(&str, &dyn Display)]) -> io::Result<String> {
    let text = values
        .iter()
        .fold(template.to_owned(), |text, (name, value)| text.replace(&format!("@{name}@"), &value.to_string()));
    let path = files.path().join("config");
    fs::write(&path, text)?;
    path.into_os_string().into_string().map_err(|_| io::ErrorKind::InvalidFilename.into())
}

/// An address that was free a moment ago, for programs that cannot pick one and tell.
fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}
