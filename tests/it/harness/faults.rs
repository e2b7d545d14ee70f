//! One fault after another, each at a provider of its own, with and without a good provider behind it.

use serde_json::Value;

use super::answers::{ask, ask_stream};
use super::gateway::Gateway;
use super::provider::Scripted;
use super::reply::Script;
use super::response::Response;
use super::setup::Setup;

/// What a caller gets when nobody else can answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Alone(pub(crate) u16, pub(crate) &'static str, pub(crate) &'static str);

impl Alone {
    pub(crate) const FAILED: Self = Self(502, "api_error", "all_providers_failed");
    pub(crate) const LIMITED: Self = Self(429, "rate_limit_error", "rate_limit_exceeded");
}

/// What a provider does, and how the failure is called.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    name: &'static str,
    script: Script,
    class: &'static str,
    alone: Alone,
    lines: &'static str,
}

impl Fault {
    pub(crate) fn new(name: &'static str, script: impl Into<Script>, class: &'static str) -> Self {
        Self { name, script: script.into(), class, alone: Alone::FAILED, lines: "" }
    }

    pub(crate) fn alone(mut self, alone: Alone) -> Self {
        self.alone = alone;
        self
    }

    /// Lines of the provider's table.
    pub(crate) fn with(mut self, lines: &'static str) -> Self {
        self.lines = lines;
        self
    }
}

/// A gateway with every fault in it.
pub(crate) struct Faulty {
    gateway: Gateway,
    streamed: bool,
    faults: Vec<(Fault, Scripted)>,
    good: Scripted,
}

const GOOD: &str = "the good one";

impl Faulty {
    pub(crate) async fn whole(faults: impl IntoIterator<Item = Fault>) -> Self {
        Self::start(false, faults).await
    }

    pub(crate) async fn streamed(faults: impl IntoIterator<Item = Fault>) -> Self {
        Self::start(true, faults).await
    }

    async fn start(streamed: bool, faults: impl IntoIterator<Item = Fault>) -> Self {
        let good = Scripted::saying(GOOD).await;
        let mut setup = Setup::new().provider("good", &good, "");
        let mut providers = Vec::new();
        for (place, fault) in faults.into_iter().enumerate() {
            let provider = Scripted::always(fault.script.clone()).await;
            setup = setup
                .provider(&format!("faulty-{place}"), &provider, fault.lines)
                .provider(&format!("alone-{place}"), &provider, fault.lines)
                .ordered(&format!("both-{place}"), &[&format!("faulty-{place}/m"), "good/m"]);
            providers.push((fault, provider));
        }
        Self { gateway: Gateway::start(setup).await, streamed, faults: providers, good }
    }

    fn request(&self, model: &str) -> Value {
        if self.streamed { ask_stream(model) } else { ask(model) }
    }

    /// Each fault is tried once, the good provider answers, and the failure has its name in the metrics; where there
    /// is no other provider, the caller gets the error that says so.
    pub(crate) async fn assert_each_falls_back(self) {
        let answers = (0..self.faults.len()).map(|place| self.try_one(place));
        futures_util::future::join_all(answers).await;
        let metrics = self.gateway.metrics().await;
        for (place, (fault, provider)) in self.faults.iter().enumerate() {
            for provider in [format!("faulty-{place}"), format!("alone-{place}")] {
                let labels = [("provider", &*provider), ("class", fault.class)];
                let count = metrics.sum("tollgate_attempts_total", &labels);
                assert_eq!(count, 1.0, "{}: {labels:?} in\n{}", fault.name, metrics.0);
            }
            assert_eq!(provider.calls(), 2, "{}: one attempt each", fault.name);
        }
        assert_eq!(self.good.calls(), self.faults.len());
    }

    async fn try_one(&self, place: usize) {
        let (fault, _) = &self.faults[place];
        let name = fault.name;
        let both = self.gateway.chat(&self.request(&format!("both-{place}"))).await;
        assert_eq!(both.status, 200, "{name}: {}", both.text());
        assert!(both.text().contains(GOOD), "{name}: {}", both.text());
        assert_eq!((both.provider(), both.attempts()), ("good", 2), "{name}");
        let alone = self.gateway.chat(&self.request(&format!("alone-{place}/m"))).await;
        fault.assert_reported(&alone, place);
    }
}

impl Fault {
    fn assert_reported(&self, alone: &Response, place: usize) {
        let Alone(status, kind, code) = self.alone;
        assert_eq!(alone.status, status, "{}: {}", self.name, alone.text());
        alone.assert_error(status, kind, Some(code));
        let message = alone.json()["error"]["message"].to_string();
        let told = format!("alone-{place} ({})", self.class);
        assert!(message.contains(&told), "{}: {message} does not tell {told}", self.name);
        for header in ["retry-after", "retry-after-ms"] {
            assert!(alone.header(header).is_some(), "{}: no {header}", self.name);
        }
        assert_eq!(alone.attempts(), 1, "{}: {:?}", self.name, alone.head);
    }
}
