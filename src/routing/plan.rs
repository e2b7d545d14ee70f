//! The plan of a call: its candidates in order. Pure.

use std::sync::Arc;

use smallvec::SmallVec;
use tokio::time::Instant;

use super::provider::Target;
use super::registry::Route;
use crate::api::Envelope;
use crate::config::Strategy;

/// Candidates, best first.
#[derive(Debug)]
pub struct Plan {
    pub(super) candidates: SmallVec<[Arc<Target>; 4]>,
    /// When the first of those that are tripped may be asked again.
    pub(super) tripped_until: Option<Instant>,
}

/// No target of the route can do what the call needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unable {
    Vision,
    Tools,
}

impl Route {
    /// The targets that can answer the call, without those that are tripped.
    pub fn plan(&self, envelope: &Envelope, now: Instant) -> Result<Plan, Unable> {
        let mut able: SmallVec<[&Arc<Target>; 4]> = self.targets.iter().collect();
        if envelope.vision {
            able.retain(|target| target.vision);
            if able.is_empty() {
                return Err(Unable::Vision);
            }
        }
        if envelope.tools {
            able.retain(|target| target.tools);
            if able.is_empty() {
                return Err(Unable::Tools);
            }
        }
        // Sizes are estimates: they choose between targets, and never refuse a call.
        if able.iter().any(|target| fits(target, envelope)) {
            able.retain(|target| fits(target, envelope));
        }
        let mut tripped_until: Option<Instant> = None;
        able.retain(|target| {
            let open = target.open_until(now);
            tripped_until = [tripped_until, open].into_iter().flatten().min();
            open.is_none()
        });
        if self.strategy == Strategy::Cheapest && able.len() > 1 {
            sort_by_price(&mut able, envelope);
        }
        Ok(Plan { candidates: able.into_iter().cloned().collect(), tripped_until })
    }
}

/// Explicitly free first, then by estimate, unknown prices last. The sort is stable: ties stay in the order of the
/// targets, which for bare names is that of the providers' names.
fn sort_by_price(targets: &mut [&Arc<Target>], envelope: &Envelope) {
    targets.sort_by_cached_key(|target| {
        target.estimate(envelope.input_tokens, envelope.n, envelope.max_tokens).unwrap_or(u128::MAX)
    });
}

fn fits(target: &Target, envelope: &Envelope) -> bool {
    target
        .context
        .is_none_or(|context| envelope.input_tokens + u64::from(envelope.max_tokens.unwrap_or(0)) <= u64::from(context))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Env};
    use crate::dialects::openai_chat::read_envelope;
    use crate::net::Connector;
    use crate::routing::Registry;
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
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tollgate.toml");
        std::fs::write(&file, CONFIG).unwrap();
        let config = Config::load(Some(&file), &Env::default()).unwrap().config;
        let connector = Arc::new(Connector::default());
        Registry::new(&config, &connector, &Metrics::new(|| 0), Instant::now()).unwrap()
    }

    fn plan(model: &str, more: &str) -> Result<Vec<String>, Unable> {
        let registry = registry();
        let body = format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"hello"}}]{more}}}"#);
        let envelope = read_envelope(body.as_bytes()).unwrap();
        let plan = registry.resolve(model).unwrap().plan(&envelope, Instant::now())?;
        Ok(plan.candidates.iter().map(|target| format!("{}/{}", &*target.provider.name, &*target.name)).collect())
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
            route.targets[0].breaker.permit(now).unwrap().fail(now, None);
        }
        let envelope = read_envelope(br#"{"model":"in-order","messages":[{"role":"user","content":""}]}"#).unwrap();
        let plan = route.plan(&envelope, now).unwrap();
        assert_eq!(plan.candidates.len(), 1);
        assert_eq!(plan.tripped_until, Some(now + std::time::Duration::from_secs(60)));
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
