//! What is the matter with a provider, and when. Decided before a run by its seed.

use std::time::Duration;

use fastrand::Rng;

/// How a provider is doing for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sky {
    Clear,
    /// Nobody listens; open connections are reset.
    Refused,
    /// The name is not known; open connections work.
    NoName,
    /// Nothing comes back, not even for a connection.
    Blackhole,
    /// Connections are taken, requests never answered.
    Silent,
    /// Answers, too late for some.
    Slow,
    Errors(u16),
    /// 503, and when to come back, in seconds.
    Unavailable(u64),
    /// 429, with or without saying when to come back.
    Limited(Option<u64>),
    /// One of several keys is refused.
    KeyRevoked,
    /// The connection breaks where the answer should come.
    Resets,
    /// The answer ends, in order or by a reset, before it is whole.
    Cuts,
    /// The answer stops, and the connection stays.
    Stalls,
    /// An error inside the answer.
    ErrorsInside,
    /// What comes is not an answer, or not HTTP.
    Garbage,
    /// Comments and nothing else.
    Babble,
    /// Answers that say nothing.
    Speechless,
    /// Each request meets another of these.
    Mixed,
}

const FOUL: [Sky; 20] = [
    Sky::Refused,
    Sky::NoName,
    Sky::Blackhole,
    Sky::Silent,
    Sky::Slow,
    Sky::Errors(500),
    Sky::Errors(529),
    Sky::Unavailable(2),
    Sky::Unavailable(20),
    Sky::Limited(None),
    Sky::Limited(Some(3)),
    Sky::KeyRevoked,
    Sky::Resets,
    Sky::Cuts,
    Sky::Stalls,
    Sky::ErrorsInside,
    Sky::Garbage,
    Sky::Babble,
    Sky::Speechless,
    Sky::Mixed,
];

impl Sky {
    /// What one request meets.
    pub(crate) fn for_one(self, rng: &mut Rng) -> Self {
        match self {
            Self::Mixed if rng.bool() => Self::Clear,
            // Never drawn again: the last one is itself.
            Self::Mixed => FOUL[rng.usize(..FOUL.len() - 1)],
            sky => sky,
        }
    }
}

/// A spell that all providers have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outage {
    pub(crate) from: Duration,
    to: Duration,
    sky: Sky,
}

impl Outage {
    /// Every second run has one.
    pub(crate) fn draw(rng: &mut Rng, length: Duration) -> Option<Self> {
        const SKIES: [Sky; 6] = [
            Sky::Limited(None),
            Sky::Limited(Some(3)),
            Sky::Errors(500),
            Sky::Unavailable(2),
            Sky::Blackhole,
            Sky::Resets,
        ];
        let from = length.mul_f64(rng.f64() * 0.8);
        let to = from + Duration::from_millis(rng.u64(1_000..10_000));
        let sky = SKIES[rng.usize(..SKIES.len())];
        rng.bool().then_some(Self { from, to, sky })
    }
}

/// Spells of weather, by when they begin. Behind the last it is clear for good.
#[derive(Debug)]
pub(crate) struct Forecast {
    spells: Vec<(Duration, Sky)>,
    outage: Option<Outage>,
}

impl Forecast {
    /// For as long as `length`. Some providers have hardly a bad moment, some hardly a good one.
    pub(crate) fn draw(rng: &mut Rng, length: Duration, outage: Option<Outage>) -> Self {
        let fair = [0.95, 0.7, 0.5, 0.3, 0.05][rng.usize(..5)];
        let mut spells = Vec::new();
        let mut from = Duration::ZERO;
        while from < length {
            let sky = if rng.f64() < fair { Sky::Clear } else { FOUL[rng.usize(..FOUL.len())] };
            spells.push((from, sky));
            from += Duration::from_millis(rng.u64(500..20_000));
        }
        spells.push((length, Sky::Clear));
        Self { spells, outage }
    }

    pub(crate) fn at(&self, now: Duration) -> Sky {
        if let Some(outage) = self.outage.filter(|outage| (outage.from..outage.to).contains(&now)) {
            return outage.sky;
        }
        self.spells.iter().rev().find(|(from, _)| *from <= now).map_or(Sky::Clear, |(_, sky)| *sky)
    }
}
