//! Carries out the rounds: every load on every peer, one after the other, so that what else the machine does falls on
//! all of them alike.

use std::io;

use crate::bench::Bench;
use crate::findings::Findings;
use crate::lives::Lives;
use crate::load::Load;
use crate::peers::{Kind, Peer};
use crate::scenarios::{Run, Scenario};

/// The figure that is taken after the last round.
pub(crate) const MEMORY: &str = "memory, after the load";

/// Seconds.
const WARM_UP: f64 = 0.5;

/// What is to be done.
pub(crate) struct Rounds<'a> {
    pub(crate) bench: &'a Bench,
    pub(crate) kinds: &'a [Kind],
    pub(crate) scenarios: &'a [Scenario],
    pub(crate) lives: Lives,
}

impl Rounds<'_> {
    pub(crate) fn run(&self, rounds: u32) -> io::Result<Findings> {
        let mut findings = Findings::default();
        let peers = self.kinds.iter().map(|&kind| self.bench.peer(kind)).collect::<io::Result<Vec<_>>>()?;
        // Fills pools and caches of code with calls that do not count.
        let load = Load::closed(64, WARM_UP);
        peers.iter().try_for_each(|peer| self.bench.loader(peer, &load)?.run().map(drop))?;
        for round in 0..rounds {
            eprintln!("round {} of {rounds}", round + 1);
            self.lives.live(self.bench, self.kinds, round, &mut findings)?;
            for scenario in self.scenarios {
                self.go_through(scenario, &peers, round, &mut findings)?;
            }
        }
        for peer in &peers {
            findings.samples.add(MEMORY, peer.kind, 0, peer.memory()? as f64 / 1e6);
        }
        Ok(findings)
    }

    /// One load on all that can do it, beginning with another peer each round.
    fn go_through(&self, scenario: &Scenario, peers: &[Peer], round: u32, findings: &mut Findings) -> io::Result<()> {
        let mut direct = None;
        if scenario.direct {
            let outcome = self.bench.direct(&scenario.load)?;
            findings.keep(&scenario.name, None, round, None, &outcome);
            direct = Some(outcome);
        }
        let (later, sooner) = peers.split_at(round as usize % peers.len());
        for peer in sooner.iter().chain(later).filter(|peer| scenario.suits(peer.kind)) {
            let (outcome, cpu) = peer.measure(self.bench.loader(peer, &scenario.load)?)?;
            findings.keep(&scenario.name, Some(peer.kind), round, Some(cpu), &outcome);
            let run = Run { outcome, direct: direct.clone(), cpu };
            for figure in &scenario.figures {
                findings.samples.add(&figure.name, peer.kind, round, (figure.of)(&run));
            }
        }
        Ok(())
    }
}
