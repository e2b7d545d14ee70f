//! What is measured: programs that stand between the loader and the mock, one file each.

pub(crate) mod bare;
mod nginx;
mod tollgate;

use std::fmt;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use clap::ValueEnum;
use serde::Serialize;
use tempfile::TempDir;

use crate::clock::now_ns;
use crate::cost;
use crate::load::{Line, Load, Request};
use crate::process::Process;
pub(crate) use nginx::version as nginx_version;

const START_WITHIN: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Nginx,
    Bare,
    Tollgate,
}

/// A running program under measurement.
pub(crate) struct Peer {
    pub(crate) kind: Kind,
    pub(crate) address: SocketAddr,
    process: Process,
    #[expect(dead_code, reason = "the program's files stay until it has ended")]
    files: Option<TempDir>,
}

/// Where a peer runs and what it calls.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// None: anywhere.
    pub(crate) cores: Vec<usize>,
    pub(crate) upstream: SocketAddr,
}

impl Kind {
    /// All that this machine can run.
    pub(crate) fn installed() -> impl Iterator<Item = Self> {
        let here = |kind: &Self| *kind != Self::Nginx || nginx_version().is_some();
        Self::value_variants().iter().copied().filter(here)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nginx => "nginx",
            Self::Bare => "bare",
            Self::Tollgate => "tollgate",
        })
    }
}

impl Peer {
    /// Starts it and waits until a call through it succeeds.
    pub(crate) fn start(kind: Kind, place: &Place) -> io::Result<Self> {
        let mut peer = match kind {
            Kind::Nginx => nginx::start(place),
            Kind::Bare => bare::start(place),
            Kind::Tollgate => tollgate::start(place),
        }?;
        let give_up_ns = now_ns() + START_WITHIN.as_nanos() as u64;
        while let Err(error) = one_call(peer.address) {
            if let Some(status) = peer.process.ended()? {
                return Err(io::Error::other(format!("{kind} has ended: {status}")));
            }
            if now_ns() > give_up_ns {
                return Err(io::Error::other(format!("{kind} does not answer: {error}")));
            }
            sleep(Duration::from_millis(5));
        }
        Ok(peer)
    }

    pub(crate) fn cpu_time(&self) -> io::Result<Duration> {
        cost::cpu_time(self.process.id())
    }

    pub(crate) fn memory(&self) -> io::Result<u64> {
        cost::memory(self.process.id())
    }
}

fn one_call(address: SocketAddr) -> io::Result<()> {
    let request = Request::new(address, &Load::closed(1, 0.0));
    let mut body = Vec::new();
    let end = Line::connect(address)?.call(request.bytes(), |piece| body.extend_from_slice(piece))?;
    if end.status == 200 {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&body);
    Err(io::Error::other(format!("status {}: {said}", end.status)))
}

/// Writes a configuration in which each `@NAME@` stands for a value, and returns its path.
fn configure(files: &TempDir, template: &str, values: &[(&str, &dyn fmt::Display)]) -> io::Result<String> {
    let text = values
        .iter()
        .fold(template.to_owned(), |text, (name, value)| text.replace(&format!("@{name}@"), &value.to_string()));
    let path = files.path().join("config");
    fs::write(&path, text)?;
    path.into_os_string().into_string().map_err(|_| io::ErrorKind::InvalidFilename.into())
}

/// Has a program look over its configuration, and tells what it says against it.
fn check(program: &str, arguments: &[&str]) -> io::Result<()> {
    let output = Command::new(program).args(arguments).output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(io::Error::other(format!("{program}: {}", String::from_utf8_lossy(&said))))
}

/// An address that was free a moment ago, for programs that cannot pick one and tell.
fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}
