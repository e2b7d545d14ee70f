//! The plan of a call: its candidates and their rank. Pure.

use std::sync::Arc;

use smallvec::SmallVec;
use tokio::time::Instant;

use super::provider::Target;
use super::registry::Route;
use crate::api::Envelope;
use crate::call::TokenRates;
use crate::config::Strategy;

/// The targets of a route that can answer a call.
#[derive(Debug)]
pub struct Plan {
    pub(super) route: Arc<Route>,
    /// In the order of the targets.
    pub(super) candidates: SmallVec<[Ranked; 4]>,
}

/// The lower the rank the better; among equals the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ranked {
    pub(super) rank: u64,
    /// Its place among the route's targets.
    pub(super) target: usize,
}

/// No target of the route can do what the call needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unable {
    Vision,
    Tools,
    Embeddings,
}

/// What a plan needs to know of a target. They stand side by side in a route, as a name may have hundreds of targets
/// and each call looks at all of them.
#[derive(Debug)]
pub(super) struct Facts {
    /// `None` also where it varies.
    price: Option<Price>,
    context: Option<u32>,
    vision: bool,
    tools: bool,
    embeddings: bool,
    /// The price depends on the day, or on how long the prompt is, and is looked up at the target.
    pub(super) varies: bool,
}

/// Pico-dollars per token.
#[derive(Debug)]
struct Price {
    input: u64,
    output: u64,
    /// Tokens of an answer that the call does not bound.
    most_output: u32,
}

impl From<&Target> for Facts {
    fn from(target: &Target) -> Self {
        let flat = target.prices.flat();
        Self {
            price: flat.map(|rates| Price::of(target, rates)),
            context: target.context,
            vision: target.vision,
            tools: target.tools,
            embeddings: target.provider.preset.paths.embeddings.is_some(),
            varies: flat.is_none() && !target.prices.is_unknown(),
        }
    }
}

impl Price {
    fn of(target: &Target, rates: &TokenRates) -> Self {
        /// Where the row does not say it either.
        const UNBOUNDED: u32 = 4096;
        Self { input: rates.input, output: rates.output, most_output: target.max_output.unwrap_or(UNBOUNDED) }
    }

    /// Pico-dollars that a call with these estimates would cost.
    fn estimate(&self, envelope: &Envelope) -> u64 {
        let output = u128::from(envelope.n) * u128::from(envelope.max_tokens.unwrap_or(self.most_output));
        let cost = u128::from(envelope.input_tokens) * u128::from(self.input) + output * u128::from(self.output);
        u64::try_from(cost).unwrap_or(u64::MAX - 1)
    }
}

impl Facts {
    fn fits(&self, envelope: &Envelope) -> bool {
        let needed = envelope.input_tokens + u64::from(envelope.max_tokens.unwrap_or(0));
        self.context.is_none_or(|context| needed <= u64::from(context))
    }

    /// What the call would cost: explicitly free first, unknown prices last.
    fn estimate(&self, envelope: &Envelope) -> u64 {
        self.price.as_ref().map_or(u64::MAX, |price| price.estimate(envelope))
    }
}

impl Route {
    /// The targets that can answer the call, ranked by what holds now. Whether one is tripped or limited shows when it is asked.
    pub fn plan(self: &Arc<Self>, envelope: &Envelope, now: Instant) -> Result<Plan, Unable> {
        let embeds = |facts: &&Facts| facts.embeddings || !envelope.embeds;
        let sees = |facts: &&Facts| facts.vision || !envelope.vision;
        let is_able = |facts: &&Facts| embeds(facts) && sees(facts) && (facts.tools || !envelope.tools);
        if envelope.embeds && !self.facts.iter().any(|facts| facts.embeddings) {
            return Err(Unable::Embeddings);
        }
        if envelope.vision && !self.facts.iter().any(|facts| facts.vision) {
            return Err(Unable::Vision);
        }
        if envelope.tools && !self.facts.iter().any(|facts| is_able(&facts)) {
            return Err(Unable::Tools);
        }
        // Sizes are estimates: they choose between targets, and never refuse a call.
        let choosy = self.facts.iter().filter(is_able).any(|facts| facts.fits(envelope));
        let rank = |facts: &Facts| match self.strategy {
            Strategy::Ordered => 0,
            Strategy::Cheapest => facts.estimate(envelope),
        };
        let able = self.facts.iter().enumerate().filter(|(_, facts)| is_able(facts));
        let mut candidates: SmallVec<[Ranked; 4]> = able
            .filter(|(_, facts)| !choosy || facts.fits(envelope))
            .map(|(target, facts)| Ranked { rank: rank(facts), target })
            .collect();
        if self.varies {
            self.rank_varying(&mut candidates, envelope, now);
        }
        Ok(Plan { route: Arc::clone(self), candidates })
    }

    /// Ranks the candidates whose price had to wait: apart, as the others should not have to know what time it is.
    fn rank_varying(&self, candidates: &mut [Ranked], envelope: &Envelope, now: Instant) {
        for Ranked { rank, target } in candidates.iter_mut().filter(|ranked| self.facts[ranked.target].varies) {
            let target = &self.targets[*target];
            let rates = target.prices.at(now).map(|price| price.rates(envelope.input_tokens));
            *rank = rates.map_or(u64::MAX, |rates| Price::of(target, rates).estimate(envelope));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Door;
    use crate::config::{Config, Env};
    use crate::dialects::read_envelope;
    use crate::error::{Failure, FailureClass, GatewayError};
    use crate::net::Connector;
    use crate::routing::run::Run;
    use crate::routing::{Registry, WallClock};
    use crate::telemetry::Metrics;

    const CONFIG: &str = r#"
        [auth]
        required = false
        [providers.a]
        kind = "openai"
        base_url = "http://127.0.0.1:1/v1"
        models = [{ name = "m", input = 1.0, output = 2.0, context = 1000 }, { name = "blind", vision = false, tools = false, input = 1, output = 1 }]
        [providers.b]
        kind = "openai"
        base_url = "http://127.0.0.1:1/v1"
        models = [{ name = "m", input = 2.0, output = 1.0 }, { name = "free", input = 0, output = 0 }]
        [providers.c]
        kind = "openai"
        base_url = "http://127.0.0.1:1/v1"
        [models.all]
        targets = ["c/unpriced", "a/m", "b/m", "b/free"]
        [models.in-order]
        strategy = "ordered"
        targets = ["b/m", "a/m"]
    "#;

    fn registry() -> Registry {
        registry_of(CONFIG, "", WallClock::read())
    }

    fn registry_of(text: &str, prices: &str, clock: WallClock) -> Registry {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tollgate.toml");
        std::fs::write(&file, text).unwrap();
        std::fs::write(folder.path().join("prices.toml"), prices).unwrap();
        let config = Config::load(Some(&file), &Env::default()).unwrap().config;
        let connector = Arc::new(Connector::default());
        Registry::new(&config, &connector, &Metrics::new(|| 0), clock).unwrap()
    }

    fn plan(model: &str, more: &str) -> Result<Vec<String>, Unable> {
        plan_at(&registry(), model, more, Instant::now())
    }

    fn plan_at(registry: &Registry, model: &str, more: &str, now: Instant) -> Result<Vec<String>, Unable> {
        let body = format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"hello"}}]{more}}}"#);
        let envelope = read_envelope(Door::ChatCompletions, body.as_bytes()).unwrap();
        let mut run = Run::new(registry.resolve(model).unwrap().plan(&envelope, now)?);
        let mut asked = Vec::new();
        while let Some(ticket) = run.next_untried(now) {
            asked.push(format!("{}/{}", &*ticket.target.provider.name, &*ticket.target.name));
            run.failed(ticket, Failure::new(FailureClass::ServerError), now, 0.0);
        }
        Ok(asked)
    }

    #[tokio::test]
    async fn free_comes_first_and_unknown_last() {
        assert_eq!(plan("all", r#","max_tokens":10"#).unwrap(), ["b/free", "b/m", "a/m", "c/unpriced"]);
        assert_eq!(plan("in-order", "").unwrap(), ["b/m", "a/m"]);
    }

    #[tokio::test]
    async fn the_price_depends_on_the_call() {
        let long = format!(r#","max_tokens":1,"tools":["{}"]"#, "x".repeat(400));
        assert_eq!(plan("m", &long).unwrap(), ["a/m", "b/m"]);
        assert_eq!(plan("m", r#","max_tokens":100"#).unwrap(), ["b/m", "a/m"]);
    }

    #[tokio::test]
    async fn a_long_prompt_is_ranked_by_the_price_of_long_prompts() {
        let text = r#"
            [auth]
            required = false
            [providers.flat]
            kind = "openai"
            models = [{ name = "m", input = 2.0, output = 2.0 }]
            [providers.tiered]
            kind = "openai"
            models = [{ name = "m", input = 1.0, output = 1.0, tiers = [{ above = 200, input = 4.0 }] }]
        "#;
        let registry = registry_of(text, "", WallClock::read());
        let now = Instant::now();
        let tools = |bytes| format!(r#","max_tokens":1,"tools":["{}"]"#, "x".repeat(bytes));
        assert_eq!(plan_at(&registry, "m", &tools(400), now).unwrap(), ["tiered/m", "flat/m"]);
        assert_eq!(plan_at(&registry, "m", &tools(1200), now).unwrap(), ["flat/m", "tiered/m"]);
    }

    #[tokio::test]
    async fn a_price_that_begins_later_changes_the_order_by_itself() {
        let prices = "[openai]\nmodels = [{ name = \"m\", input = 1, output = 1 },\n\
                      { name = \"m\", from = \"2026-12-01\", input = 3, output = 3 }]\n\
                      [groq]\nmodels = [{ name = \"m\", input = 2, output = 2 }]";
        let text = "auth.required = false\nprices.file = \"prices.toml\"\n\
                    providers.a.kind = \"openai\"\nproviders.b.kind = \"groq\"\n";
        let clock = WallClock { now: Instant::now(), time: "2026-11-30T23:59:00Z".parse().unwrap() };
        let registry = registry_of(text, prices, clock);
        let after = |secs| clock.now + std::time::Duration::from_secs(secs);
        assert_eq!(plan_at(&registry, "m", "", after(59)).unwrap(), ["a/m", "b/m"]);
        assert_eq!(plan_at(&registry, "m", "", after(60)).unwrap(), ["b/m", "a/m"]);
    }

    #[tokio::test]
    async fn targets_that_cannot_are_left_out() {
        assert_eq!(plan("m", r#","max_tokens":5000"#).unwrap(), ["b/m"]);
        assert_eq!(plan("a/m", r#","max_tokens":5000"#).unwrap(), ["a/m"]);
        assert_eq!(plan("blind", r#","tools":[{}]"#), Err(Unable::Tools));
    }

    #[tokio::test]
    async fn tripped_targets_wait() {
        let registry = registry();
        let route = registry.resolve("in-order").unwrap();
        let now = Instant::now();
        for _ in 0..3 {
            route.targets[0].breaker.permit(now).unwrap().fail(now, None, 0.0);
        }
        let envelope =
            read_envelope(Door::ChatCompletions, br#"{"model":"in-order","messages":[{"role":"user","content":""}]}"#)
                .unwrap();
        let mut run = Run::new(route.plan(&envelope, now).unwrap());
        let ticket = run.next_untried(now).unwrap();
        assert_eq!(&*ticket.target.provider.name, "a");
        run.failed(ticket, Failure::new(FailureClass::NotFound), now, 0.0);
        assert!(run.next_untried(now).is_none());
        let GatewayError::AllFailed { retry_after, .. } = run.exhausted(now) else { panic!("one has failed") };
        assert_eq!(retry_after, std::time::Duration::from_secs(60));
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_answered_before_the_deadline_is_not_begun() {
        let registry = registry();
        let envelope =
            read_envelope(Door::ChatCompletions, br#"{"model":"in-order","messages":[{"role":"user","content":""}]}"#)
                .unwrap();
        let now = Instant::now();
        let mut run = Run::new(registry.resolve("in-order").unwrap().plan(&envelope, now).unwrap());
        let in_ms = |millis| now + std::time::Duration::from_millis(millis);
        assert!(run.may_begin(now, in_ms(1)), "the first attempt is the caller's choice");
        let ticket = run.next_untried(now).unwrap();
        run.failed(ticket, Failure::new(FailureClass::ServerError), now, 0.0);
        assert!(!run.may_begin(now, in_ms(49)));
        assert!(run.may_begin(now, in_ms(50)));
        assert!(!run.may_begin(in_ms(10), in_ms(50)));
    }

    #[tokio::test]
    async fn names_are_found_in_order_and_odd_ones_are_not() {
        let registry = registry();
        assert_eq!(&*registry.resolve("c/some/new:model@1").unwrap().label, "other");
        assert_eq!(&*registry.resolve("a/m").unwrap().label, "a/m");
        for odd in ["", "x", "/", "c/", "c/../admin", "c/a?b", "c/a%2f", "c/a b", "../../admin", "c/a\r\nb"] {
            assert!(registry.resolve(odd).is_none(), "{odd}");
        }
        let listed: Vec<_> = registry.listed().iter().map(|name| &**name).collect();
        assert_eq!(listed[..2], ["all", "in-order"]);
        assert!(listed[2..].is_sorted() && ["blind", "free", "m"].iter().all(|name| listed.contains(name)));
    }
}
