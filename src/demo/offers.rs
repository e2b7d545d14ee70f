//! The providers of the demo: one cheap and flaky, one middling, one dear and steady, and a local server that is asked
//! when these are down.

use std::num::NonZeroU32;
use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue, StatusCode};

use super::{Effect, ErrorText, Often, Outcome, ProviderSpec, Rule, Script, When};

/// The model that all serve.
pub(super) const MODEL: &str = "demo-chat";

/// A question that contains this word takes the three vendors down.
pub(super) const OUTAGE: &str = "outage";

/// A provider of the demo, and what it asks for.
#[derive(Debug, Clone)]
pub(super) struct Offer {
    pub(super) spec: ProviderSpec,
    /// `None`: nobody knows, which makes it the last that is asked.
    pub(super) price: Option<Price>,
}

/// USD for a million tokens, as the configuration writes it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Price {
    pub(super) input: &'static str,
    pub(super) output: &'static str,
}

/// All of them, in the order in which they are asked.
pub(super) fn offers() -> [Offer; 4] {
    [
        vendor("cheap", 40, 15, Price { input: "0.10", output: "0.40" }, flaky()),
        vendor("middling", 150, 25, Price { input: "0.50", output: "1.50" }, Vec::new()),
        vendor("steady", 80, 20, Price { input: "3.00", output: "15.00" }, Vec::new()),
        Offer { spec: spec("local", 250, 40), price: None },
    ]
}

impl Script {
    /// What `tollgate mock` runs without a script: the providers of the demo.
    pub fn demo() -> Self {
        Self { seed: 0, providers: offers().map(|offer| offer.spec).into() }
    }
}

/// One that wants a key, and is down where a question says so.
fn vendor(name: &str, latency_ms: u64, pace_ms: u64, price: Price, mut rules: Vec<Rule>) -> Offer {
    // First: the other rules count only what this one leaves.
    rules.insert(0, down());
    let key = Some(format!("sk-simulated-{name}"));
    Offer { spec: ProviderSpec { key, rules, ..spec(name, latency_ms, pace_ms) }, price: Some(price) }
}

fn spec(name: &str, latency_ms: u64, pace_ms: u64) -> ProviderSpec {
    ProviderSpec {
        models: vec![MODEL.to_owned()],
        latency: Duration::from_millis(latency_ms),
        pace: Duration::from_millis(pace_ms),
        ..ProviderSpec::new(name)
    }
}

fn down() -> Rule {
    let outcome = Outcome::Error(StatusCode::SERVICE_UNAVAILABLE, ErrorText::default());
    Rule {
        when: When { contains: Some(OUTAGE.to_owned()), ..When::default() },
        effect: Effect { outcome, ..Effect::default() },
        ..Rule::default()
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
