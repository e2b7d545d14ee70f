//! The practical floor: nginx with a worker for each core, forwarding blindly over kept connections, logging nothing.

use std::fmt::Display;
use std::io;
use std::process::Command;

use super::program::{Program, check};
use super::{Kind, Peer, Place, configure, free_address};
use crate::process::Process;

pub(super) const PROGRAM: Program =
    Program { names: &["nginx", "/usr/sbin/nginx"], package: Some("nginx"), how: "`apt-get install nginx`" };

/// `None` where it is not installed.
pub(crate) fn version() -> Option<String> {
    let output = Command::new(PROGRAM.find().ok()?).arg("-v").output().ok()?;
    let said = String::from_utf8_lossy(&output.stderr);
    Some(said.trim().split_once("nginx/")?.1.to_owned())
}

pub(super) fn start(place: &Place) -> io::Result<Peer> {
    let program = PROGRAM.find()?;
    let (files, address) = (tempfile::tempdir()?, free_address()?);
    let values: [(&str, &dyn Display); 6] = [
        ("LISTEN", &address),
        ("UPSTREAM", &place.upstream),
        ("FILES", &files.path().display()),
        ("WORKERS", &place.cores.len().max(1)),
        // To the provider too.
        ("CONNECTIONS", &(2 * place.size.connections)),
        ("POOL", &place.size.pool),
    ];
    let config = configure(&files, include_str!("nginx.conf"), &values)?;
    check(&program, &["-t", "-c", &config])?;
    let process = Process::start(&place.cores, &program, &["-c", &config])?;
    Ok(Peer { files: Some(files), ..Peer::new(Kind::Nginx, address, process) })
}
