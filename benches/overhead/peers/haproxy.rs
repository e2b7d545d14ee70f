//! Another forwarder in C, on one thread, reusing connections.

use std::fmt::Display;
use std::io;

use super::program::{Program, check};
use super::{Kind, Peer, Place, configure, free_address};
use crate::process::Process;

pub(super) const PROGRAM: Program =
    Program { names: &["haproxy", "/usr/sbin/haproxy"], package: Some("haproxy"), how: "`apt-get install haproxy`" };

pub(super) fn start(place: &Place) -> io::Result<Peer> {
    let program = PROGRAM.find()?;
    let (files, address) = (tempfile::tempdir()?, free_address()?);
    let values: [(&str, &dyn Display); 3] =
        [("LISTEN", &address), ("UPSTREAM", &place.upstream), ("CONNECTIONS", &place.size.connections)];
    let config = configure(&files, include_str!("haproxy.cfg"), &values)?;
    check(&program, &["-c", "-f", &config])?;
    let process = Process::start(&place.cores, &program, &["-db", "-f", &config])?;
    Ok(Peer { files: Some(files), ..Peer::new(Kind::Haproxy, address, process) })
}
