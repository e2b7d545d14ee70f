//! The loads of one round, and the figures that each of them yields.

use std::time::Duration;

use crate::load::{Load, Outcome, Spread};
use crate::peers::Kind;

/// One load on one peer, measured.
pub(crate) struct Run {
    pub(crate) outcome: Outcome,
    /// The same load on the mock itself, just before.
    pub(crate) direct: Option<Outcome>,
    /// Of the peer, while the load went on.
    pub(crate) cpu: Duration,
}

impl Run {
    /// A figure over that of calling the mock directly.
    fn added(&self, of: fn(&Outcome) -> f64) -> f64 {
        of(&self.outcome) - self.direct.as_ref().map_or(f64::NAN, of)
    }

    fn cpu_per_call_us(&self) -> f64 {
        self.cpu_us() / self.outcome.calls as f64
    }

    fn cpu_us(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6
    }
}

pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) load: Load,
    /// The load goes to the mock too.
    pub(crate) direct: bool,
    /// Only this peer can do it.
    only: Option<Kind>,
    /// Slow peers can bear it.
    easy: bool,
    pub(crate) figures: Vec<Figure>,
}

/// A number that a run yields.
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) unit: &'static str,
    /// The figure of the floors that it is compared with, mostly the same one.
    pub(crate) against: String,
    pub(crate) of: fn(&Run) -> f64,
}

/// One round, each load `seconds` long.
pub(crate) fn scenarios(seconds: f64) -> Vec<Scenario> {
    let calls = || Load::closed(64, seconds);
    let timed_calls = |rate| Load::open(32, seconds, rate);
    vec![
        busy(calls(), 1).easy(),
        busy(calls(), 32).easy(),
        busy(calls(), 256).easy(),
        timed(timed_calls(500), 500),
        timed(timed_calls(2000), 2000),
        streams(timed_calls(200).streamed(5, 5_000)),
        // Few at a time: where many wait, nginx finds several chunks of a stream at each read, and what it costs depends
        // on how many.
        chunks(Load::closed(4, seconds).streamed(100, 0), "burst").easy(),
        chunks(Load::closed(100, seconds).streamed(25, 20_000), "100 streams, 50/s each"),
        cache_hits(calls().bodies(1)),
    ]
}

fn busy(load: Load, kilobytes: usize) -> Scenario {
    Scenario::new(format!("closed loop, {kilobytes} KB"), load.body(kilobytes * 1024))
        .yields(cpu_per_call_of(kilobytes), "us", Run::cpu_per_call_us)
        .yields(format!("calls per second, {kilobytes} KB"), "/s", |run| run.outcome.calls as f64 / run.outcome.seconds)
}

fn cpu_per_call_of(kilobytes: usize) -> String {
    format!("CPU per call, {kilobytes} KB")
}

fn timed(load: Load, rate: u32) -> Scenario {
    Scenario::new(format!("open loop, {rate}/s"), load)
        .yields(format!("added p50 at {rate}/s"), "us", |run| run.added(|outcome| p50(outcome.latency)))
        .yields(format!("added p99 at {rate}/s"), "us", |run| run.added(|outcome| p99(outcome.latency)))
        .beside_direct()
}

fn streams(load: Load) -> Scenario {
    Scenario::new("open loop of streams", load)
        .yields("first token p50", "us", |run| p50(run.outcome.first_token))
        .yields("first token p99", "us", |run| p99(run.outcome.first_token))
        .yields("added first token p50", "us", |run| run.added(|outcome| p50(outcome.first_token)))
        .yields("added first token p99", "us", |run| run.added(|outcome| p99(outcome.first_token)))
        .yields("chunk transit p50", "us", |run| p50(run.outcome.transit))
        .yields("chunk transit p99", "us", |run| p99(run.outcome.transit))
        .beside_direct()
}

fn chunks(load: Load, pace: &str) -> Scenario {
    let cpu_per_chunk_us = |run: &Run| run.cpu_us() / run.outcome.chunks as f64;
    Scenario::new(format!("streams, {pace}"), load).yields(format!("CPU per chunk, {pace}"), "us", cpu_per_chunk_us)
}

fn cache_hits(load: Load) -> Scenario {
    let mut scenario = Scenario::new("cache hits", load).yields("CPU per cache hit, 1 KB", "us", Run::cpu_per_call_us);
    scenario.only = Some(Kind::Tollgate);
    scenario.figures[0].against = cpu_per_call_of(1);
    scenario
}

impl Scenario {
    fn new(name: impl Into<String>, load: Load) -> Self {
        Self { name: name.into(), load, direct: false, only: None, easy: false, figures: Vec::new() }
    }

    pub(crate) fn suits(&self, kind: Kind) -> bool {
        self.only.is_none_or(|only| only == kind)
            && (self.easy || !kind.is_slow())
            && (kind.streams() || !self.load.is_streamed())
    }

    /// For latency that the peers add.
    fn beside_direct(self) -> Self {
        Self { direct: true, ..self }
    }

    fn easy(self) -> Self {
        Self { easy: true, ..self }
    }

    fn yields(mut self, name: impl Into<String>, unit: &'static str, of: fn(&Run) -> f64) -> Self {
        let name = name.into();
        let against = name.clone();
        self.figures.push(Figure { name, unit, against, of });
        self
    }
}

/// Not a number, like all that follows from it, where nothing succeeded.
fn p50(spread: Option<Spread>) -> f64 {
    spread.map_or(f64::NAN, |spread| spread.p50_us)
}

fn p99(spread: Option<Spread>) -> f64 {
    spread.map_or(f64::NAN, |spread| spread.p99_us)
}
