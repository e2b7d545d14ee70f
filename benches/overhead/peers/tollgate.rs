//! Tollgate itself, with all that a call goes through: auth, limits, metering, the log of calls (into `/dev/null`)
//! and the exact cache.

use std::fmt::Display;
use std::io;

use super::program::check;
use super::{Kind, Peer, Place, configure, free_address};
use crate::load::{KEY, MODEL};
use crate::process::Process;

pub(super) fn start(place: &Place) -> io::Result<Peer> {
    let program = env!("CARGO_BIN_EXE_tollgate");
    let (files, address, admin) = (tempfile::tempdir()?, free_address()?, free_address()?);
    let values: [(&str, &dyn Display); 5] =
        [("LISTEN", &address), ("ADMIN", &admin), ("UPSTREAM", &place.upstream), ("KEY", &KEY), ("MODEL", &MODEL)];
    let config = configure(&files, include_str!("tollgate.toml"), &values)?;
    check(program, &["check", "--config", &config])?;
    let process = Process::start(&place.cores, program, &["serve", "--config", &config])?;
    Ok(Peer { files: Some(files), ..Peer::new(Kind::Tollgate, address, process) })
}
