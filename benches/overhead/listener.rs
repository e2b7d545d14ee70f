//! Where the mock and the bare pass-through listen.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::{TcpListener, TcpSocket};

use crate::process::Process;

/// Connections that may wait to be accepted: a load opens all of its own at once.
const BACKLOG: u32 = 4096;

/// Listens on loopback and prints the port as a line, for whoever started this process. Port 0: a free one.
pub(crate) fn listen(port: u16) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    let listener = socket.listen(BACKLOG)?;
    println!("{}", listener.local_addr()?.port());
    Ok(listener)
}

/// Where the process that has called [`listen`] can be reached.
pub(crate) fn printed_address(process: &mut Process) -> io::Result<SocketAddr> {
    let port = process.line()?.parse::<u16>().map_err(io::Error::other)?;
    Ok((Ipv4Addr::LOCALHOST, port).into())
}
