//! What a call costs when there is more of something: connections, keys, providers, cache entries, workers.
//!
//! Every step of an axis is a closed loop on peers that are started for it, nginx among them each time: what is
//! reported is the ratio to nginx in the same minute, which should not change along the axis.

mod axis;
mod plot;
mod report;

use std::io;

use crate::args::GrowthSettings;
use crate::bench::Bench;
use crate::findings::Findings;
use crate::peers::{Kind, Peer};
pub(crate) use axis::Axis;
use axis::{Step, most_connections};
pub(crate) use report::Report;

/// Seconds.
const WARM_UP: f64 = 0.3;

/// What is to be done.
pub(crate) struct Growth<'a> {
    bench: &'a Bench,
    axes: Vec<(Axis, Vec<Step>)>,
}

impl<'a> Growth<'a> {
    pub(crate) fn new(bench: &'a Bench, settings: &GrowthSettings) -> io::Result<Self> {
        let (seconds, most_connections) = (settings.pace.seconds(), most_connections()?);
        let steps = |axis: Axis| axis.steps(seconds, settings.pace.quick, most_connections);
        let axes = settings.axes.iter().map(|&axis| (axis, steps(axis))).collect();
        Ok(Self { bench, axes })
    }

    pub(crate) fn run(&self, rounds: u32) -> io::Result<Findings> {
        let mut findings = Findings::default();
        for round in 0..rounds {
            for (axis, steps) in &self.axes {
                eprintln!("round {} of {rounds}: {}", round + 1, axis.name());
                for step in steps {
                    self.take(*axis, step, round, &mut findings)?;
                }
            }
        }
        Ok(findings)
    }

    /// One step with each peer, beginning with another one each round.
    fn take(&self, axis: Axis, step: &Step, round: u32, findings: &mut Findings) -> io::Result<()> {
        let kinds = axis.kinds();
        let (later, sooner) = kinds.split_at(round as usize % kinds.len());
        for &kind in sooner.iter().chain(later) {
            let name = format!("{} {}, {kind}", step.at, axis.name());
            if findings.gave_up(&name) {
                continue;
            }
            let peer = match self.bench.peer_of(kind, step.workers, step.size) {
                Ok(peer) => peer,
                // The other steps are still worth knowing.
                Err(error) => {
                    findings.give_up(name, &error);
                    continue;
                }
            };
            self.prepare(&peer, step)?;
            for (name, load) in &step.loads {
                let (outcome, cpu) = peer.measure(self.bench.loader(&peer, load)?)?;
                let spot = Spot { axis, at: step.at, load: name };
                let us_per_call = cpu.as_secs_f64() * 1e6 / outcome.calls as f64;
                findings.samples.add(&spot.cpu(), kind, round, us_per_call);
                findings.samples.add(
                    &spot.p50(),
                    kind,
                    round,
                    outcome.latency.map_or(f64::NAN, |spread| spread.p50_us),
                );
                findings.keep(&spot.cpu(), Some(kind), round, Some(cpu), &outcome);
            }
        }
        Ok(())
    }

    /// Fills the cache; what has none is warmed up by the load itself.
    fn prepare(&self, peer: &Peer, step: &Step) -> io::Result<()> {
        let warm_up = || step.loads.first().map(|(_, load)| load.clone().lasting(WARM_UP));
        let fill = step.fill.clone().filter(|_| peer.kind == Kind::Tollgate);
        match fill.or_else(warm_up) {
            Some(load) => self.bench.loader(peer, &load)?.run()?.whole(),
            None => Ok(()),
        }
    }

    /// All that is measured, by axis.
    fn spots(&self) -> impl Iterator<Item = (Axis, Vec<Spot>)> {
        self.axes.iter().map(|(axis, steps)| {
            let spots = steps
                .iter()
                .flat_map(|step| step.loads.iter().map(|&(load, _)| Spot { axis: *axis, at: step.at, load }));
            (*axis, spots.collect())
        })
    }
}

/// One load at one step.
#[derive(Debug, Clone, Copy)]
struct Spot {
    axis: Axis,
    at: u32,
    load: &'static str,
}

impl Spot {
    fn cpu(self) -> String {
        self.figure("CPU per call")
    }

    fn p50(self) -> String {
        self.figure("p50")
    }

    fn figure(self, what: &str) -> String {
        let Self { axis, at, load } = self;
        format!("{what}, {at} {} {load}", axis.name()).trim_end().to_owned()
    }
}
