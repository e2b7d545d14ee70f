//! Counts calls and how long they took.

use std::fmt::Display;
use std::io;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::clock::now_ns;

const LONGEST_NS: u64 = 60_000_000_000;
const DIGITS: u8 = 3;

pub(super) struct Tally {
    calls: u64,
    failed: u64,
    first_failure: Option<String>,
    chunks: u64,
    latency: Histogram<u64>,
    first_token: Histogram<u64>,
    transit: Histogram<u64>,
}

/// What came of a load, as the driver reads it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// Good ones.
    pub(crate) calls: u64,
    pub(crate) failed: u64,
    pub(crate) first_failure: Option<String>,
    /// From the first call to the end of the last.
    pub(crate) seconds: f64,
    /// Chunks of content, over all streams.
    pub(crate) chunks: u64,
    /// Until the end of the answer.
    pub(crate) latency: Option<Spread>,
    /// Until the first content of a stream.
    pub(crate) first_token: Option<Spread>,
    /// From the mock's write of a chunk until it was read here.
    pub(crate) transit: Option<Spread>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Spread {
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) max_us: f64,
}

impl Tally {
    pub(super) fn new() -> Self {
        let histogram = || Histogram::new_with_bounds(1, LONGEST_NS, DIGITS).expect("the bounds are valid");
        Self {
            calls: 0,
            failed: 0,
            first_failure: None,
            chunks: 0,
            latency: histogram(),
            first_token: histogram(),
            transit: histogram(),
        }
    }

    pub(super) fn call(&mut self, took_ns: u64) {
        self.calls += 1;
        self.latency.saturating_record(took_ns);
    }

    pub(super) fn stream(&mut self, first_token_ns: u64, transits_ns: &[u64]) {
        self.first_token.saturating_record(first_token_ns);
        self.chunks += transits_ns.len() as u64;
        for &transit in transits_ns {
            self.transit.saturating_record(transit);
        }
    }

    pub(super) fn fail(&mut self, reason: &dyn Display) {
        self.failed += 1;
        self.first_failure.get_or_insert_with(|| reason.to_string());
    }

    pub(super) fn outcome(&self, begun_ns: u64) -> Outcome {
        Outcome {
            calls: self.calls,
            failed: self.failed,
            first_failure: self.first_failure.clone(),
            seconds: (now_ns() - begun_ns) as f64 / 1e9,
            chunks: self.chunks,
            latency: Spread::of(&self.latency),
            first_token: Spread::of(&self.first_token),
            transit: Spread::of(&self.transit),
        }
    }
}

impl Outcome {
    /// An error if a call failed, for loads that are not measured but that something depends on.
    pub(crate) fn whole(self) -> io::Result<()> {
        self.first_failure.map_or(Ok(()), |failure| Err(io::Error::other(failure)))
    }
}

impl Spread {
    fn of(histogram: &Histogram<u64>) -> Option<Self> {
        let us = |ns: u64| ns as f64 / 1e3;
        (!histogram.is_empty()).then(|| Self {
            p50_us: us(histogram.value_at_quantile(0.5)),
            p99_us: us(histogram.value_at_quantile(0.99)),
            max_us: us(histogram.max()),
        })
    }
}
