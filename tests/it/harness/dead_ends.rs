//! Addresses at which nobody answers.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::setup::base_url;

/// A port that is taken and refuses every connection.
#[derive(Debug)]
pub(crate) struct Refusing {
    _socket: TcpSocket,
    address: SocketAddr,
}

impl Refusing {
    pub(crate) fn new() -> Self {
        let socket = bound();
        let address = socket.local_addr().expect("the socket is bound");
        Self { _socket: socket, address }
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn base_url(&self) -> String {
        base_url("openai", &self.origin())
    }
}

/// A listener whose queue is full: the kernel drops every further SYN, as a firewall would.
#[derive(Debug)]
pub(crate) struct Deaf {
    _listener: TcpListener,
    _queue: Vec<TcpStream>,
    address: SocketAddr,
}

impl Deaf {
    pub(crate) async fn new() -> Self {
        let listener = bound().listen(1).expect("a bound socket can listen");
        let address = listener.local_addr().expect("the socket is bound");
        let mut queue = Vec::new();
        // The first connection that the kernel does not complete shows that the queue is full.
        while let Ok(stream) = tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(address)).await {
            queue.push(stream.expect("loopback connects"));
        }
        Self { _listener: listener, _queue: queue, address }
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// A socket that has a free port of loopback. A server may listen there as well as long as this one does not.
pub(super) fn bound() -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("sockets can be made");
    socket.set_reuseaddr(true).expect("an option of all sockets");
    socket.bind("127.0.0.1:0".parse().expect("an address")).expect("loopback has free ports");
    socket
}
