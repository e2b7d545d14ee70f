//! What may be asked for on the command line.

use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};

use crate::growth::Axis;
use crate::lives::Lives;
use crate::parts::Part;
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
    #[command(flatten)]
    pub(crate) pace: Pace,
    /// What to measure
    #[arg(long, value_delimiter = ',', value_name = "PEERS", default_values_t = Kind::USUAL)]
    peers: Vec<Kind>,
    /// Install nginx and haproxy from Debian's packages where they are asked for and missing (needs root)
    #[arg(long)]
    install: bool,
}

#[derive(Debug, Args)]
pub(crate) struct GrowthSettings {
    #[command(flatten)]
    pub(crate) pace: Pace,
    /// What is to grow
    #[arg(long, value_delimiter = ',', value_name = "AXES", default_values_t = Axis::ALL)]
    pub(crate) axes: Vec<Axis>,
    /// Where to put the plots [default: benches/growth; none after a quick look]
    #[arg(long, value_name = "FOLDER")]
    plots: Option<PathBuf>,
}

/// How long to measure, and where to write it down.
#[derive(Debug, Args)]
pub(crate) struct Pace {
    /// Two short rounds of smaller loads: a look, not a measurement
    #[arg(long)]
    pub(crate) quick: bool,
    /// Rounds of all loads [default: 7]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,
    /// Length of each load [default: 3]
    #[arg(long, value_name = "S")]
    seconds: Option<f64>,
    /// Also write everything that was measured
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Given by `cargo bench`; without it, as under `cargo test --benches`, all loads are tried for a moment
    #[arg(long, hide = true)]
    bench: bool,
}

/// The other benchmarks, and the parts that all start as processes of their own.
#[derive(Debug, Subcommand)]
pub(crate) enum Mode {
    /// Measure how CPU per call changes with connections, keys, providers, cache entries and workers
    Growth(GrowthSettings),
    /// Measure what a call costs that has to be translated, over one that passes
    Translation(Pace),
    #[command(flatten)]
    Part(Part),
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

    pub(crate) fn lives(&self) -> Lives {
        let (streams, calls) = match (self.pace.bench, self.pace.quick) {
            (false, _) => (100, 1_000),
            (true, true) => (2_000, 100_000),
            (true, false) => (2_000, 1_000_000),
        };
        Lives { streams, calls }
    }
}

impl GrowthSettings {
    /// Where the plots go: a quick look does not replace those of a measurement.
    pub(crate) fn plots(&self) -> Option<PathBuf> {
        let usual = || Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/growth");
        self.plots.clone().or_else(|| (!self.pace.quick).then(usual))
    }
}

impl Pace {
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
}
