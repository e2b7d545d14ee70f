//! Every metric of the gateway, in one list. Labels come from the configuration or from our own enumerations, never from
//! a client's text, so their number is bounded.

use std::fmt::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use foldhash::HashMap;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabelSet, EncodeLabelValue, EncodeMetric, LabelValueEncoder,
};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use tokio::runtime::Handle;

use crate::call::CacheStatus;

/// A configured name as a label, shared and not copied.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Label(pub Arc<str>);

impl EncodeLabelValue for Label {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        encoder.write_str(&self.0)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct CallLabels {
    pub door: &'static str,
    /// The asked name where it is configured, else `other`.
    pub model: Label,
    /// Empty where none answered.
    pub provider: Label,
    pub outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TokenLabels {
    provider: Label,
    model: Label,
    /// `input`, its parts `cached` and `cache_write`; `output`, its part `reasoning`.
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ServedLabels {
    provider: Label,
    model: Label,
}

/// What is counted of a model's answers at one provider.
#[derive(Debug)]
pub struct ServedMetrics {
    pub input: Counter,
    pub output: Counter,
    pub cached: Counter,
    pub cache_write: Counter,
    pub reasoning: Counter,
    pub cost_usd: Counter<f64, AtomicU64>,
    unpriced_told: AtomicBool,
}

impl ServedMetrics {
    /// Whether it is still to be told that the model has no price: true once.
    pub fn tell_unpriced(&self) -> bool {
        !self.unpriced_told.swap(true, Ordering::Relaxed)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct AttemptLabels {
    pub provider: Label,
    /// `ok`, `abandoned` or a failure class.
    pub class: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct BreakerLabels {
    pub provider: Label,
    /// Empty for the provider's own breaker.
    pub model: Label,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CacheLabels {
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RefusalLabels {
    pub rule: &'static str,
}

/// By provider and model.
type ServedByName = HashMap<Arc<str>, HashMap<Arc<str>, Arc<ServedMetrics>>>;

/// The metrics and the registry that writes them.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    pub calls: Family<CallLabels, Counter>,
    tokens: Family<TokenLabels, Counter>,
    cost_usd: Family<ServedLabels, Counter<f64, AtomicU64>>,
    served: RwLock<ServedByName>,
    pub call_duration: Histogram,
    pub time_to_first_token: Histogram,
    pub overhead: Histogram,
    pub attempts: Family<AttemptLabels, Counter>,
    /// 0 closed, 1 half open, 2 open.
    pub breaker_state: Family<BreakerLabels, Gauge>,
    cache: Family<CacheLabels, Counter>,
    /// In the order of [`CacheStatus::ALL`].
    cache_counters: [Counter; CacheStatus::ALL.len()],
    pub refusals: Family<RefusalLabels, Counter>,
    pub inflight: Gauge,
    pub unpriced: Counter,
}

impl Metrics {
    /// `dropped_logs` is asked at each scrape.
    pub fn new(dropped_logs: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        const CALL_SECONDS: [f64; 14] =
            [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0];
        const OVERHEAD_SECONDS: [f64; 11] = [1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 1e-1];
        let cache = Family::<CacheLabels, Counter>::default();
        let cache_counter = |status: CacheStatus| cache.get_or_create_owned(&CacheLabels { result: status.as_str() });
        let mut metrics = Self {
            registry: Registry::with_prefix("tollgate"),
            calls: Family::default(),
            tokens: Family::default(),
            cost_usd: Family::default(),
            served: RwLock::default(),
            call_duration: Histogram::new(CALL_SECONDS),
            time_to_first_token: Histogram::new(CALL_SECONDS),
            overhead: Histogram::new(OVERHEAD_SECONDS),
            attempts: Family::default(),
            breaker_state: Family::default(),
            cache_counters: CacheStatus::ALL.map(cache_counter),
            cache,
            refusals: Family::default(),
            inflight: Gauge::default(),
            unpriced: Counter::default(),
        };
        metrics.register(dropped_logs);
        metrics
    }

    fn register(&mut self, dropped_logs: impl Fn() -> u64 + Send + Sync + 'static) {
        let registry = &mut self.registry;
        registry.register("calls", "Calls by how they ended", self.calls.clone());
        registry.register("tokens", "Tokens that providers reported", self.tokens.clone());
        registry.register("cost_usd", "Cost of answered calls", self.cost_usd.clone());
        registry.register(
            "call_duration_seconds",
            "From the request's head to the end of the answer",
            self.call_duration.clone(),
        );
        registry.register(
            "time_to_first_token_seconds",
            "From the request's head to a stream's first content",
            self.time_to_first_token.clone(),
        );
        registry.register("overhead_seconds", "The gateway's own part of a call", self.overhead.clone());
        registry.register("attempts", "Attempts by how they ended", self.attempts.clone());
        registry.register("breaker_state", "0 closed, 1 half open, 2 open", self.breaker_state.clone());
        registry.register("cache", "Calls by what the cache did", self.cache.clone());
        registry.register("refusals", "Calls refused by a rule of the gateway", self.refusals.clone());
        registry.register("inflight", "Calls under way", self.inflight.clone());
        registry.register("unpriced", "Answers whose price is not known", self.unpriced.clone());
        registry.register_collector(Box::new(DroppedLogs(Box::new(dropped_logs))));
        registry.register_collector(Box::new(Tasks));
    }

    /// Calls for which the cache did this.
    pub fn cache(&self, status: CacheStatus) -> &Counter {
        &self.cache_counters[status as usize]
    }

    /// The counters of one model at one provider. Made at its first answer, found without a copy from then on.
    pub fn served(&self, provider: &Arc<str>, model: &Arc<str>) -> Arc<ServedMetrics> {
        let served = self.served.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(counters) = served.get(provider).and_then(|models| models.get(model)) {
            return Arc::clone(counters);
        }
        drop(served);
        let (provider_label, model_label) = (Label(Arc::clone(provider)), Label(Arc::clone(model)));
        let tokens = |kind| {
            let labels = TokenLabels { provider: provider_label.clone(), model: model_label.clone(), kind };
            self.tokens.get_or_create_owned(&labels)
        };
        let counters = Arc::new(ServedMetrics {
            input: tokens("input"),
            output: tokens("output"),
            cached: tokens("cached"),
            cache_write: tokens("cache_write"),
            reasoning: tokens("reasoning"),
            cost_usd: self
                .cost_usd
                .get_or_create_owned(&ServedLabels { provider: provider_label.clone(), model: model_label.clone() }),
            unpriced_told: AtomicBool::new(false),
        });
        let mut served = self.served.write().unwrap_or_else(PoisonError::into_inner);
        served.entry(Arc::clone(provider)).or_default().insert(Arc::clone(model), Arc::clone(&counters));
        counters
    }

    /// The OpenMetrics text.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("a string takes what is written");
        text
    }
}

struct DroppedLogs(Box<dyn Fn() -> u64 + Send + Sync>);

impl fmt::Debug for DroppedLogs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DroppedLogs")
    }
}

impl Collector for DroppedLogs {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let counter = ConstCounter::new((self.0)());
        let metric = encoder.encode_descriptor(
            "log_lines_dropped",
            "Log lines lost because the queue was full or they could not be written",
            None,
            counter.metric_type(),
        )?;
        counter.encode(metric)
    }
}

/// How many tasks the runtime has that is scraping. More and more of them tell of something that is never given up.
#[derive(Debug)]
struct Tasks;

impl Collector for Tasks {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Ok(runtime) = Handle::try_current() else { return Ok(()) };
        let alive = i64::try_from(runtime.metrics().num_alive_tasks()).unwrap_or(i64::MAX);
        let gauge = ConstGauge::new(alive);
        let metric = encoder.encode_descriptor(
            "tasks",
            "Tasks of the runtime: connections, and a few of its own",
            None,
            gauge.metric_type(),
        )?;
        gauge.encode(metric)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_text_cannot_break_the_exposition() {
        let metrics = Metrics::new(|| 7);
        let label = |text: &str| Label(Arc::from(text));
        let labels = CallLabels { door: "chat", model: label("a\"\n} 1\nx"), provider: label("p"), outcome: "ok" };
        metrics.calls.get_or_create(&labels).inc();
        let text = metrics.encode();
        assert!(
            text.contains(r#"tollgate_calls_total{door="chat",model="a\"\n} 1\nx",provider="p",outcome="ok"} 1"#),
            "{text}"
        );
        assert!(text.contains("tollgate_log_lines_dropped_total 7"), "{text}");
    }
}
