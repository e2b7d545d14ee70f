//! The peers by name.

use std::fmt;
use std::io;

use clap::ValueEnum;
use serde::Serialize;

use super::program::Program;
use super::{Peer, Place, bare, haproxy, litellm, nginx, portkey, tollgate};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Nginx,
    Bare,
    Tollgate,
    Haproxy,
    Portkey,
    Litellm,
}

impl Kind {
    /// What is measured when nothing else is asked for.
    pub(crate) const USUAL: [Self; 3] = [Self::Nginx, Self::Bare, Self::Tollgate];

    /// Takes milliseconds of CPU for a call: loads with a fixed rate and masses of calls or streams are beyond it.
    pub(crate) fn is_slow(self) -> bool {
        matches!(self, Self::Portkey | Self::Litellm)
    }

    /// Portkey 1.15 answers streams with a 500 on Node 20: it changes headers that `fetch` has made immutable.
    pub(crate) fn streams(self) -> bool {
        self != Self::Portkey
    }

    /// Whether this machine can run it; else how that can be changed.
    pub(crate) fn installed(self) -> io::Result<()> {
        self.program().map_or(Ok(()), |program| program.find().map(drop))
    }

    /// Installs what is missing.
    pub(crate) fn install(self) -> io::Result<()> {
        match self.program() {
            Some(program) if self.installed().is_err() => program.install(),
            _ => Ok(()),
        }
    }

    /// `None`: part of this repository.
    fn program(self) -> Option<&'static Program> {
        match self {
            Self::Bare | Self::Tollgate => None,
            Self::Nginx => Some(&nginx::PROGRAM),
            Self::Haproxy => Some(&haproxy::PROGRAM),
            Self::Portkey => Some(&portkey::PROGRAM),
            Self::Litellm => Some(&litellm::PROGRAM),
        }
    }

    pub(super) fn start(self, place: &Place) -> io::Result<Peer> {
        match self {
            Self::Nginx => nginx::start(place),
            Self::Bare => bare::start(place),
            Self::Tollgate => tollgate::start(place),
            Self::Haproxy => haproxy::start(place),
            Self::Portkey => portkey::start(place),
            Self::Litellm => litellm::start(place),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nginx => "nginx",
            Self::Bare => "bare",
            Self::Tollgate => "tollgate",
            Self::Haproxy => "haproxy",
            Self::Portkey => "portkey",
            Self::Litellm => "litellm",
        })
    }
}
