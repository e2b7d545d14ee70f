//! The ground that all measurements stand on: the mock, and the cores on which peers and loaders run.

use std::io;
use std::net::SocketAddr;

use crate::cores::Cores;
use crate::listener::printed_address;
use crate::load::{Load, Loader, Outcome};
use crate::peers::{Kind, Peer, Place, Size};
use crate::process::Process;

pub(crate) struct Bench {
    pub(crate) provider: SocketAddr,
    cores: Option<Cores>,
    #[expect(dead_code, reason = "ended on drop")]
    mock: Process,
}

impl Bench {
    /// Starts the mock. It has to be dropped after all peers, which call it.
    pub(crate) fn new(cores: Option<Cores>) -> io::Result<Self> {
        let mut mock = Process::start_mode(cores.map(|cores| cores.around).as_slice(), &["mock", "0"])?;
        Ok(Self { provider: printed_address(&mut mock)?, cores, mock })
    }

    /// Starts a peer on the gateway's core.
    pub(crate) fn peer(&self, kind: Kind) -> io::Result<Peer> {
        self.peer_of(kind, 1, Size::default())
    }

    /// Starts a peer with one or two workers that is prepared for more than usual.
    pub(crate) fn peer_of(&self, kind: Kind, workers: usize, size: Size) -> io::Result<Peer> {
        let cores = self.cores.map_or(Vec::new(), |cores| vec![cores.gateway, cores.second]);
        let cores = cores.into_iter().take(workers).collect();
        Peer::start(kind, &Place { cores, upstream: self.provider, size })
    }

    /// A loader that is connected to a peer.
    pub(crate) fn loader(&self, peer: &Peer, load: &Load) -> io::Result<Loader> {
        let load = load.clone().headers(&peer.headers);
        Loader::start(self.cores.map(|cores| cores.around), peer.address, &load)
    }

    /// The same load on the mock itself.
    pub(crate) fn direct(&self, load: &Load) -> io::Result<Outcome> {
        Loader::start(self.cores.map(|cores| cores.around), self.provider, load)?.run()
    }
}
