//! What a call costs that has to be translated, over one that passes: every pair of a door and a provider's format, with
//! the same load on the same process, one right after the other.

mod pair;
mod report;

use std::io;

use crate::bench::Bench;
use crate::findings::Findings;
use crate::load::Load;
use crate::peers::{Kind, Peer, Size};
use pair::Pair;
pub(crate) use report::Report;

/// Seconds.
const WARM_UP: f64 = 0.3;

pub(crate) struct Translation<'a> {
    pub(crate) bench: &'a Bench,
    /// Length of each load.
    pub(crate) seconds: f64,
}

/// What is measured of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Measure {
    Call,
    Chunk,
}

impl Translation<'_> {
    pub(crate) fn run(&self, rounds: u32) -> io::Result<Findings> {
        let mut findings = Findings::default();
        let size = Size { formats: true, ..Size::default() };
        let gateway = self.bench.peer_of(Kind::Tollgate, 1, size)?;
        for measure in Measure::ALL {
            for pair in Pair::ALL {
                self.bench.loader(&gateway, &measure.load(pair, WARM_UP))?.run()?.whole()?;
            }
        }
        for round in 0..rounds {
            eprintln!("round {} of {rounds}", round + 1);
            for measure in Measure::ALL {
                self.go_through(measure, &gateway, round, &mut findings)?;
            }
        }
        Ok(findings)
    }

    /// All pairs, beginning with another one each round.
    fn go_through(&self, measure: Measure, gateway: &Peer, round: u32, findings: &mut Findings) -> io::Result<()> {
        let (later, sooner) = Pair::ALL.split_at(round as usize % Pair::ALL.len());
        for &pair in sooner.iter().chain(later) {
            let load = measure.load(pair, self.seconds);
            let (outcome, cpu) = gateway.measure(self.bench.loader(gateway, &load)?)?;
            let done = match measure {
                Measure::Call => outcome.calls,
                Measure::Chunk => outcome.chunks,
            };
            let figure = measure.of(pair);
            findings.samples.add(&figure, Kind::Tollgate, round, cpu.as_secs_f64() * 1e6 / done as f64);
            findings.keep(&figure, Some(Kind::Tollgate), round, Some(cpu), &outcome);
        }
        Ok(())
    }
}

impl Measure {
    const ALL: [Self; 2] = [Self::Call, Self::Chunk];

    fn name(self) -> &'static str {
        match self {
            Self::Call => "CPU per call, 1 KB",
            Self::Chunk => "CPU per chunk",
        }
    }

    fn of(self, pair: Pair) -> String {
        format!("{}, {}", self.name(), pair.name())
    }

    fn load(self, pair: Pair, seconds: f64) -> Load {
        let load = match self {
            Self::Call => Load::closed(64, seconds),
            // Paced: in a burst a gateway that is slower finds more chunks at each read, and looks no dearer.
            Self::Chunk => Load::closed(100, seconds).streamed(80, 5_000),
        };
        load.by(pair.door, &pair.model())
    }
}
