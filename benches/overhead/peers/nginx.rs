//! The practical floor: nginx with one worker, forwarding blindly over kept connections, logging nothing.

use std::io;
use std::process::Command;

use super::{Kind, Peer, Place, check, configure, free_address};
use crate::process::Process;

/// Debian's place for it is not in everybody's `PATH`.
const PROGRAMS: [&str; 2] = ["nginx", "/usr/sbin/nginx"];

/// `None` where it is not installed.
pub(crate) fn version() -> Option<String> {
    find().map(|(_, version)| version)
}

fn find() -> Option<(&'static str, String)> {
    PROGRAMS.into_iter().find_map(|program| {
        let output = Command::new(program).arg("-v").output().ok()?;
        let said = String::from_utf8_lossy(&output.stderr);
        let (_, version) = said.trim().split_once("nginx/")?;
        Some((program, version.to_owned()))
    })
}

pub(super) fn start(place: &Place) -> io::Result<Peer> {
    let (program, _) = find().ok_or(io::ErrorKind::NotFound)?;
    let (files, address) = (tempfile::tempdir()?, free_address()?);
    let values: [(&str, &dyn std::fmt::Display); 3] =
        [("LISTEN", &address), ("UPSTREAM", &place.upstream), ("FILES", &files.path().display())];
    let config = configure(&files, include_str!("nginx.conf"), &values)?;
    check(program, &["-t", "-c", &config])?;
    let process = Process::start(&place.cores, program, &["-c", &config])?;
    Ok(Peer { kind: Kind::Nginx, address, process, files: Some(files) })
}
