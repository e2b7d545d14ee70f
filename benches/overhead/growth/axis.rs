//! What grows, and how far.

use std::fmt;
use std::io;

use clap::ValueEnum;
use serde::Serialize;

use crate::load::Load;
use crate::peers::{Kind, Size};
use crate::process::open_files;

/// Connections where these are not what grows.
const CONNECTIONS: u32 = 64;
/// Files that a gateway has open beside its connections.
const OTHER_FILES: u64 = 200;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Axis {
    /// From clients, each calling again as soon as it has its answer
    Connections,
    /// Callers' keys in the configuration, all in use
    Keys,
    /// Providers that have the model, of which the cheapest is called
    Providers,
    /// Answers in the cache, all asked for again, and calls that are not among them
    Cache,
    /// Workers, each with a core
    Workers,
}

/// A place on an axis.
pub(super) struct Step {
    pub(super) at: u32,
    pub(super) workers: usize,
    pub(super) size: Size,
    /// What a cache is filled with first.
    pub(super) fill: Option<Load>,
    /// By name, where there are several.
    pub(super) loads: Vec<(&'static str, Load)>,
}

impl Axis {
    pub(crate) const ALL: [Self; 5] = [Self::Connections, Self::Keys, Self::Providers, Self::Cache, Self::Workers];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Keys => "keys",
            Self::Providers => "providers",
            Self::Cache => "cache entries",
            Self::Workers => "workers",
        }
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Connections => "CPU per call over connections",
            Self::Keys => "CPU per call over keys",
            Self::Providers => "CPU per call over providers",
            Self::Cache => "CPU per call over cache entries",
            Self::Workers => "CPU per call over workers",
        }
    }

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Connections => "connections from clients",
            Self::Keys => "callers' keys in the configuration",
            Self::Providers => "providers of the model",
            Self::Cache => "answers in the cache",
            Self::Workers => "workers, each with a core",
        }
    }

    /// What is plotted.
    pub(super) fn measure(self) -> &'static str {
        match self {
            Self::Workers => "CPU per call, ratio to one worker",
            _ => "CPU per call, ratio to nginx",
        }
    }

    /// Those that it makes a difference to, and nginx, which they are compared with.
    pub(super) fn kinds(self) -> &'static [Kind] {
        match self {
            Self::Connections | Self::Workers => &[Kind::Nginx, Kind::Bare, Kind::Tollgate],
            Self::Keys | Self::Providers | Self::Cache => &[Kind::Nginx, Kind::Tollgate],
        }
    }

    /// Every load `seconds` long. A quick look does without the largest cache, which takes half a minute to fill.
    pub(super) fn steps(self, seconds: f64, quick: bool, most_connections: u32) -> Vec<Step> {
        let load = Load::closed(CONNECTIONS, seconds);
        match self {
            Self::Connections => {
                let all = [1, 10, 100, 1_000, 10_000].map(|at| most_connections.min(at));
                let size = Size { connections: 12_000, pool: 10_000, ..Size::default() };
                steps(&all, |at| Step { size, ..Step::new(at, Load::closed(at, seconds)) })
            }
            Self::Keys => steps(&[10, 100, 1_000, 10_000, 100_000], |at| {
                let size = Size { keys: at, ..Size::default() };
                Step { size, ..Step::new(at, load.clone().keys(at.into())) }
            }),
            Self::Providers => steps(&[2, 10, 50, 200], |at| {
                let size = Size { providers: at, ..Size::default() };
                Step { size, ..Step::new(at, load.clone()) }
            }),
            Self::Cache => {
                let all: &[u32] = &[1, 1_000, 10_000, 100_000, 1_000_000];
                steps(&all[..all.len() - usize::from(quick)], |at| filled(at, &load))
            }
            Self::Workers => steps(&[1, 2], |at| Step { workers: at as usize, ..Step::new(at, load.clone()) }),
        }
    }
}

impl Step {
    fn new(at: u32, load: Load) -> Self {
        Self { at, workers: 1, size: Size::default(), fill: None, loads: vec![("", load)] }
    }
}

fn steps(all: &[u32], step: impl FnMut(u32) -> Step) -> Vec<Step> {
    all.iter().copied().map(step).collect()
}

/// Hits first: misses add entries of their own, so many that they say nothing about a small cache.
fn filled(at: u32, load: &Load) -> Step {
    const LONGEST: f64 = 600.0;
    const LEAST_FOR_MISSES: u32 = 10_000;
    let hits = load.clone().bodies(at.into());
    let fill = Load::closed(CONNECTIONS, LONGEST).bodies(at.into()).calls(at.into());
    let size = Size { cache_mib: 8 << 10, ..Size::default() };
    let mut step = Step { size, fill: Some(fill), loads: vec![("hit", hits)], ..Step::new(at, load.clone()) };
    if at >= LEAST_FOR_MISSES {
        step.loads.push(("miss", load.clone()));
    }
    step
}

/// What the limit on open files allows: a call in a gateway has two.
pub(super) fn most_connections() -> io::Result<u32> {
    let files = open_files()?.saturating_sub(OTHER_FILES);
    Ok(u32::try_from(files / 2).unwrap_or(u32::MAX))
}

impl fmt::Display for Axis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_possible_value().map_or(Ok(()), |value| f.write_str(value.get_name()))
    }
}
