//! What Tollgate costs over the bare pass-through: both carry the same load, one right after the other, in many rounds.

use std::io;

use crate::bench::Bench;
use crate::figure::{Figure, Sort};
use crate::load::{Load, Outcome};
use crate::peers::{Kind, Peer};
use crate::statistics::Middle;

/// Seconds of each load. Short ones: what else the machine does then falls on both alike, or on few rounds.
const LENGTH: f64 = 0.4;
const WARM_UP: f64 = 0.3;

/// How sure to be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Care {
    Less,
    More,
}

impl Care {
    fn rounds(self) -> usize {
        match self {
            Self::Less => 9,
            Self::More => 19,
        }
    }
}

/// A load and the number that is compared.
struct Comparison {
    name: &'static str,
    load: Load,
    /// From what came of the load and the seconds of CPU that it took.
    of: fn(&Outcome, f64) -> f64,
}

/// Medians over the rounds, and the low ends of their intervals. Fails where a call failed.
pub(crate) fn measure(bench: &Bench, care: Care) -> io::Result<Vec<Figure>> {
    eprintln!("comparing with the bare pass-through, {} rounds", care.rounds());
    let peers = [bench.peer(Kind::Tollgate)?, bench.peer(Kind::Bare)?];
    for peer in &peers {
        bench.loader(peer, &Load::closed(64, WARM_UP))?.run()?.whole()?;
    }
    let comparisons = comparisons();
    let mut ratios = comparisons.each_ref().map(|_| Vec::new());
    for round in 0..care.rounds() {
        for (comparison, ratios) in comparisons.iter().zip(&mut ratios) {
            ratios.push(comparison.ratio(bench, &peers, round)?);
        }
    }
    let figures = comparisons.iter().zip(ratios).map(|(comparison, ratios)| {
        let middle = Middle::of(ratios).ok_or_else(|| io::Error::other(format!("no {}", comparison.name)))?;
        Ok(Figure { sort: Sort::Ratio, name: comparison.name.to_owned(), value: middle.median, at_least: middle.low })
    });
    figures.collect()
}

fn comparisons() -> [Comparison; 3] {
    [
        Comparison {
            name: "CPU per call, 1 KB",
            load: Load::closed(64, LENGTH),
            of: |outcome, cpu| cpu / outcome.calls as f64,
        },
        // Paced: in a burst a gateway that is slower finds more chunks at each read, and looks no dearer.
        Comparison {
            name: "CPU per chunk",
            load: Load::closed(100, LENGTH).streamed(80, 5_000),
            of: |outcome, cpu| cpu / outcome.chunks as f64,
        },
        Comparison {
            name: "time to first token, p50",
            load: Load::open(32, LENGTH, 200).streamed(5, 5_000),
            of: |outcome, _| outcome.first_token.map_or(f64::NAN, |spread| spread.p50_us),
        },
    ]
}

impl Comparison {
    /// The first peer's number over the second's; they take turns in going first.
    fn ratio(&self, bench: &Bench, [ours, floor]: &[Peer; 2], round: usize) -> io::Result<f64> {
        if round.is_multiple_of(2) {
            let floor = self.number(bench, floor)?;
            return Ok(self.number(bench, ours)? / floor);
        }
        Ok(self.number(bench, ours)? / self.number(bench, floor)?)
    }

    fn number(&self, bench: &Bench, peer: &Peer) -> io::Result<f64> {
        let (outcome, cpu) = peer.measure(bench.loader(peer, &self.load)?)?;
        let number = (self.of)(&outcome, cpu.as_secs_f64());
        outcome.whole()?;
        Ok(number)
    }
}
