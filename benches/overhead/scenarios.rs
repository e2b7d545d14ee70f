//! The loads of one round, and the figures that each of them yields.

use std::time::Duration;

use crate::load::{Load, Outcome, Spread, Stream};
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

    fn cpu_us(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6
    }
}

pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) load: Load,
    /// The load goes to the mock too, for latency that the peers add.
    pub(crate) direct: bool,
    /// Only this peer can do it.
    pub(crate) only: Option<Kind>,
    pub(crate) figures: Vec<Figure>,
}

/// A number that a run yields.
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) unit: &'static str,
    /// The figure of the floors that it is compared with; its own where this is `None`.
    pub(crate) against: Option<String>,
    pub(crate) of: fn(&Run) -> f64,
}

/// One round, each load `seconds` long.
pub(crate) fn scenarios(seconds: f64) -> Vec<Scenario> {
    let closed = Load {
        connections: 64,
        seconds,
        body: 1024,
        rate: None,
        stream: None,
        same: false,
    };
    let sizes = [1, 32, 256].map(|kilobytes| {
        busy(
            Load {
                body: kilobytes * 1024,
                ..closed.clone()
            },
            kilobytes,
        )
    });
    let rates = [500, 2000].map(|rate| {
        timed(
            Load {
                connections: 32,
                rate: Some(rate.into()),
                ..closed.clone()
            },
            rate,
        )
    });
    let first_token = Load {
        connections: 32,
        rate: Some(200.0),
        stream: Some(Stream {
            chunks: 5,
            gap_us: 5_000,
        }),
        ..closed.clone()
    };
    let burst = Load {
        connections: 16,
        stream: Some(Stream { chunks: 100, gap_us: 0 }),
        ..closed.clone()
    };
    let paced = Load {
        connections: 100,
        stream: Some(Stream {
            chunks: 25,
            gap_us: 20_000,
        }),
        ..closed.clone()
    };
    let hits = Load { same: true, ..closed };
    let mut all = Vec::from(sizes);
    all.extend(rates);
    all.push(first_tokens(first_token));
    all.push(chunks(burst, "burst"));
    all.push(chunks(paced, "100 streams, 50/s each"));
    all.push(cache_hits(hits));
    all
}

fn busy(load: Load, kilobytes: usize) -> Scenario {
    let figures = vec![
        Figure::new(cpu_per_call_of(kilobytes), "us", |run| {
            run.cpu_us() / run.outcome.calls as f64
        }),
        Figure::new(format!("calls per second, {kilobytes} KB"), "/s", |run| {
            run.outcome.calls as f64 / run.outcome.seconds
        }),
    ];
    Scenario::new(format!("closed loop, {kilobytes} KB"), load, figures)
}

fn cpu_per_call_of(kilobytes: usize) -> String {
    format!("CPU per call, {kilobytes} KB")
}

fn timed(load: Load, rate: u32) -> Scenario {
    let figures = vec![
        Figure::new(format!("added p50 at {rate}/s"), "us", |run| {
            run.added(|outcome| p50(outcome.latency))
        }),
        Figure::new(format!("added p99 at {rate}/s"), "us", |run| {
            run.added(|outcome| p99(outcome.latency))
        }),
    ];
    let scenario = Scenario::new(format!("open loop, {rate}/s"), load, figures);
    Scenario {
        direct: true,
        ..scenario
    }
}

fn first_tokens(load: Load) -> Scenario {
    let figures = vec![
        Figure::new("first token p50".to_owned(), "us", |run| p50(run.outcome.first_token)),
        Figure::new("first token p99".to_owned(), "us", |run| p99(run.outcome.first_token)),
    ];
    Scenario::new("open loop of streams".to_owned(), load, figures)
}

fn chunks(load: Load, pace: &str) -> Scenario {
    let cpu = Figure::new(format!("CPU per chunk, {pace}"), "us", |run| {
        run.cpu_us() / run.outcome.chunks as f64
    });
    Scenario::new(format!("streams, {pace}"), load, vec![cpu])
}

fn cache_hits(load: Load) -> Scenario {
    let cpu = Figure::new("CPU per cache hit, 1 KB".to_owned(), "us", |run| {
        run.cpu_us() / run.outcome.calls as f64
    });
    let cpu = Figure {
        against: Some(cpu_per_call_of(1)),
        ..cpu
    };
    Scenario {
        only: Some(Kind::Tollgate),
        ..Scenario::new("cache hits".to_owned(), load, vec![cpu])
    }
}

impl Scenario {
    fn new(name: String, load: Load, figures: Vec<Figure>) -> Self {
        Self {
            name,
            load,
            direct: false,
            only: None,
            figures,
        }
    }
}

impl Figure {
    fn new(name: String, unit: &'static str, of: fn(&Run) -> f64) -> Self {
        Self {
            name,
            unit,
            against: None,
            of,
        }
    }
}

/// Not a number, like all that follows from it, where nothing succeeded.
fn p50(spread: Option<Spread>) -> f64 {
    spread.map_or(f64::NAN, |spread| spread.p50_us)
}

fn p99(spread: Option<Spread>) -> f64 {
    spread.map_or(f64::NAN, |spread| spread.p99_us)
}
