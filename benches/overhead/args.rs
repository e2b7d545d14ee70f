//! What may be asked for on the command line.

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::lives::Lives;
use crate::load::Load;
use crate::peers::Kind;

/// What a call costs in Tollgate, beside nginx and a bare hyper pass-through.
#[derive(Debug, Parser)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) mode: Option<Mode>,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// Two short rounds: a look, not a measurement
    #[arg(long)]
    quick: bool,
    /// Rounds of all loads [default: 7]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,
    /// Length of each load [default: 3]
    #[arg(long, value_name = "S")]
    seconds: Option<f64>,
    /// What to measure
    #[arg(long, value_delimiter = ',', value_name = "PEERS", default_values_t = Kind::USUAL)]
    peers: Vec<Kind>,
    /// Install nginx and haproxy from Debian's packages where they are asked for and missing (needs root)
    #[arg(long)]
    install: bool,
    /// Also write everything that was measured
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Given by `cargo bench`; without it, as under `cargo test --benches`, all loads are tried for a moment
    #[arg(long, hide = true)]
    bench: bool,
}

/// The parts that the benchmark starts as processes of their own.
#[derive(Debug, Subcommand)]
pub(crate) enum Mode {
    /// The mock provider
    Mock { port: u16 },
    /// The bare pass-through
    Bare { port: u16, upstream: SocketAddr },
    /// One load, as JSON
    Load { address: SocketAddr, load: Load },
    /// A program on certain cores
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

impl Settings {
    /// The peers to measure, as far as they are there: only what is measured by default may be missing.
    pub(crate) fn kinds(&self) -> io::Result<Vec<Kind>> {
        let mut kinds = Vec::new();
        for &kind in &self.peers {
            if self.install {
                kind.install()?;
            }
            match kind.installed() {
                Ok(()) => kinds.push(kind),
                Err(missing) if self.peers == Kind::USUAL => eprintln!("no ratio to {kind}: {missing}, or --install"),
                Err(missing) => return Err(io::Error::other(format!("{kind}: {missing}"))),
            }
        }
        Ok(kinds)
    }

    pub(crate) fn rounds(&self) -> u32 {
        self.rounds.unwrap_or(match (self.bench, self.quick) {
            (false, _) => 1,
            (true, true) => 2,
            (true, false) => 7,
        })
    }

    pub(crate) fn seconds(&self) -> f64 {
        self.seconds.unwrap_or(match (self.bench, self.quick) {
            (false, _) => 0.2,
            (true, true) => 1.0,
            (true, false) => 3.0,
        })
    }

    pub(crate) fn lives(&self) -> Lives {
        let (streams, calls) = match (self.bench, self.quick) {
            (false, _) => (100, 1_000),
            (true, true) => (2_000, 100_000),
            (true, false) => (2_000, 1_000_000),
        };
        Lives { streams, calls }
    }
}
