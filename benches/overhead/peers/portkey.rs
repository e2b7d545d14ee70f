//! Portkey's open gateway on Node. It is told by headers of each call where the call goes.

use std::io;

use super::program::Program;
use super::{Kind, Peer, Place, free_address};
use crate::process::Process;

pub(super) const PROGRAM: Program = Program {
    names: &["gateway"],
    package: None,
    how: "`npm install @portkey-ai/gateway`, its `node_modules/.bin` in PATH",
};

pub(super) fn start(place: &Place) -> io::Result<Peer> {
    let address = free_address()?;
    let port = format!("--port={}", address.port());
    let process = Process::start(&place.cores, PROGRAM.find()?, &["--headless", &port])?;
    let upstream = place.upstream;
    let headers = format!("x-portkey-provider: openai\r\nx-portkey-custom-host: http://{upstream}/v1\r\n");
    Ok(Peer { headers, ..Peer::new(Kind::Portkey, address, process) })
}
