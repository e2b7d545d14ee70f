//! The parts of a benchmark that run as processes of their own: modes of its executable.

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;

use clap::Subcommand;

use crate::load::{self, Load};
use crate::peers::bare;
use crate::{mock, process};

#[derive(Debug, Subcommand)]
pub(crate) enum Part {
    /// Part: the mock provider
    Mock { port: u16 },
    /// Part: the bare pass-through
    Bare { port: u16, upstream: SocketAddr },
    /// Part: a load, as JSON
    Load { address: SocketAddr, load: Load },
    /// Part: a program on certain cores
    Run {
        #[arg(long)]
        core: Vec<usize>,
        /// What it prints goes nowhere
        #[arg(long)]
        quiet: bool,
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
}

impl Part {
    pub(crate) fn play(self) -> io::Result<()> {
        match self {
            Self::Mock { port } => mock::run(port),
            Self::Bare { port, upstream } => bare::run(port, upstream),
            Self::Load { address, load } => load::run(address, load),
            Self::Run { core, quiet, command } => process::become_program(&core, quiet, &command),
        }
    }
}
