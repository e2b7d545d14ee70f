//! The three providers of the demo: one cheap and flaky, one middling, one dear and steady.

use std::num::NonZeroU32;
use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue, StatusCode};

use super::{Effect, ErrorText, Often, Outcome, ProviderSpec, Rule, Script};

/// The model that all three serve.
pub(super) const MODEL: &str = "demo-chat";

/// A provider of the demo, and what it asks for a million tokens.
#[derive(Debug, Clone)]
pub(super) struct Offer {
    pub(super) spec: ProviderSpec,
    /// USD, as the configuration writes it.
    pub(super) input: &'static str,
    pub(super) output: &'static str,
}

/// The three, cheapest first.
pub(super) fn offers() -> [Offer; 3] {
    [
        Offer { spec: ProviderSpec { rules: flaky(), ..spec("cheap", 40, 15) }, input: "0.10", output: "0.40" },
        Offer { spec: spec("middling", 150, 25), input: "0.50", output: "1.50" },
        Offer { spec: spec("steady", 80, 20), input: "3.00", output: "15.00" },
    ]
}

impl Script {
    /// What `tollgate mock` runs without a script: the three providers of the demo.
    pub fn demo() -> Self {
        Self { seed: 0, providers: offers().map(|offer| offer.spec).into() }
    }
}

fn spec(name: &str, latency_ms: u64, pace_ms: u64) -> ProviderSpec {
    ProviderSpec {
        key: Some(format!("sk-simulated-{name}")),
        models: vec![MODEL.to_owned()],
        latency: Duration::from_millis(latency_ms),
        pace: Duration::from_millis(pace_ms),
        ..ProviderSpec::new(name)
    }
}

/// Of fifteen calls the third fails, then the seventh to ninth in a row, which opens a breaker of three failures;
/// the twelfth is refused for its rate. Counted, not drawn, so that the first minute of every demo shows the same.
fn flaky() -> Vec<Rule> {
    let broken = |often| Rule {
        often,
        effect: Effect {
            outcome: Outcome::Error(StatusCode::INTERNAL_SERVER_ERROR, ErrorText::default()),
            ..Effect::default()
        },
        ..Rule::default()
    };
    let busy = |often| Rule {
        often,
        effect: Effect {
            headers: HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static("1"))]),
            outcome: Outcome::Error(StatusCode::TOO_MANY_REQUESTS, ErrorText::default()),
            ..Effect::default()
        },
        ..Rule::default()
    };
    // Each rule counts only what those before it have left: one call less of every fifteen.
    vec![broken(each(15, 2)), broken(each(14, 5)), broken(each(13, 5)), broken(each(12, 5)), busy(each(11, 7))]
}

fn each(every: u32, skip: u32) -> Often {
    Often { skip, every: NonZeroU32::new(every).unwrap_or(NonZeroU32::MIN), ..Often::default() }
}
