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
/// With more unrest than this a ratio says nothing; the counts of instructions still do.
const QUIET: f64 = 0.2;

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
            Self::More => 15,
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

/// Both peers' numbers in one round.
#[derive(Debug, Clone, Copy)]
struct Pair {
    ours: f64,
    floor: f64,
}

/// Fails where a call failed.
pub(crate) fn measure(bench: &Bench, care: Care) -> io::Result<Vec<Figure>> {
    eprintln!("comparing with the bare pass-through, {} rounds", care.rounds());
    let peers = [bench.peer(Kind::Tollgate)?, bench.peer(Kind::Bare)?];
    for peer in &peers {
        bench.loader(peer, &Load::closed(64, WARM_UP))?.run()?.whole()?;
    }
    let comparisons = comparisons();
    let mut pairs = comparisons.each_ref().map(|_| Vec::new());
    for round in 0..care.rounds() {
        for (comparison, pairs) in comparisons.iter().zip(&mut pairs) {
            pairs.push(comparison.pair(bench, &peers, round)?);
        }
    }
    comparisons.iter().zip(&pairs).map(|(comparison, pairs)| figure(comparison.name, pairs)).collect()
}

/// The median of the ratios. What the ratio surely is follows from the low end of the median's interval and from the
/// best round of each peer: what else runs can only add to a number, and adds more to ours, which has more to lose in
/// the processor's caches.
fn figure(name: &str, pairs: &[Pair]) -> io::Result<Figure> {
    let middle = Middle::of(pairs.iter().map(|pair| pair.ours / pair.floor));
    let Middle { median, low, .. } = middle.ok_or_else(|| io::Error::other(format!("no {name}")))?;
    let best = |of: fn(&Pair) -> f64| pairs.iter().map(of).fold(f64::INFINITY, f64::min);
    let mut at_least = low.min(best(|pair| pair.ours) / best(|pair| pair.floor));
    let unrest = unrest(pairs);
    if unrest > QUIET {
        eprintln!("{name}: the floor alone moves by {:.0} % between rounds; not judged", 100.0 * unrest);
        at_least = 0.0;
    }
    Ok(Figure { sort: Sort::Ratio, name: name.to_owned(), value: median, at_least })
}

/// How far the middle half of the floor's numbers lies apart. Neighbours on the same hardware, which nothing in the machine
/// shows, are seen by this.
fn unrest(pairs: &[Pair]) -> f64 {
    let mut floor: Vec<_> = pairs.iter().map(|pair| pair.floor).collect();
    floor.sort_by(f64::total_cmp);
    floor[floor.len() * 3 / 4] / floor[floor.len() / 4] - 1.0
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
    /// The peers take turns in going first.
    fn pair(&self, bench: &Bench, [ours, floor]: &[Peer; 2], round: usize) -> io::Result<Pair> {
        if round.is_multiple_of(2) {
            let floor = self.number(bench, floor)?;
            return Ok(Pair { ours: self.number(bench, ours)?, floor });
        }
        Ok(Pair { ours: self.number(bench, ours)?, floor: self.number(bench, floor)? })
    }

    fn number(&self, bench: &Bench, peer: &Peer) -> io::Result<f64> {
        let (outcome, cpu) = peer.measure(bench.loader(peer, &self.load)?)?;
        let number = (self.of)(&outcome, cpu.as_secs_f64());
        outcome.whole()?;
        Ok(number)
    }
}
