//! A provider as it runs: its endpoint, keys, limits, breaker, and its models.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::admission::Admission;
use super::breaker::{Breaker, Rule};
use super::keys::KeyPool;
use crate::call::{Name, TokenPrice};
use crate::config::{self, ModelRow, UsageReport};
use crate::net::{Connector, Origin};
use crate::telemetry::{BreakerLabels, Label, Metrics};
use crate::upstream::{Endpoint, ProviderKey, Timeouts};

/// Shared by all its targets.
#[derive(Debug)]
pub(super) struct Provider {
    pub(super) name: Name,
    pub(super) endpoint: Endpoint,
    /// `None`: it wants no key.
    pub(super) keys: Option<KeyPool>,
    pub(super) admission: Admission,
    /// Opens when the provider cannot be reached.
    pub(super) breaker: Arc<Breaker>,
    pub(super) retries: u32,
    /// Usage has to be asked for on streams, and may be.
    pub(super) asks_usage: bool,
    rule: Rule,
}

/// One model at one provider: what a candidate is.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) provider: Arc<Provider>,
    /// As the configuration or the client names it.
    pub(super) name: Name,
    /// The name in metrics and logs: `other` for a model that is not listed.
    pub(super) label: Arc<str>,
    /// The provider's own name.
    pub(super) id: Box<str>,
    pub(super) price: Option<TokenPrice>,
    pub(super) context: Option<u32>,
    pub(super) max_output: Option<u32>,
    pub(super) vision: bool,
    pub(super) tools: bool,
    pub(super) breaker: Arc<Breaker>,
}

/// A provider's settings cannot be turned into requests.
#[derive(Debug, thiserror::Error)]
#[error("provider {provider}: {what} cannot be sent in a request")]
pub struct RegistryError {
    provider: String,
    what: &'static str,
}

impl Provider {
    pub(super) fn new(
        config: &config::Provider,
        connector: Arc<Connector>,
        metrics: &Metrics,
        epoch: Instant,
    ) -> Result<Self, RegistryError> {
        let bad = |what| RegistryError { provider: config.name.clone(), what };
        let url = &config.base_url;
        let origin = Origin::new(connector, url.tls, &url.host, url.port, config.timeouts.connect)
            .map_err(|_| bad("its host"))?;
        let timeouts = Timeouts {
            first_byte: config.timeouts.first_byte,
            response: config.timeouts.response,
            idle: config.timeouts.idle,
            total: config.timeouts.total,
        };
        let path = format!("{}{}", url.path, config.preset.paths.chat);
        let endpoint = Endpoint::new(Arc::new(origin), &path, timeouts).map_err(|_| bad("the path of base_url"))?;
        let keys = config
            .api_keys
            .as_ref()
            .map(|keys| keys.iter().map(ProviderKey::bearer).collect::<Result<_, _>>().map(KeyPool::new))
            .transpose()
            .map_err(|_| bad("a key"))?;
        let rule = Rule { failures: config.breaker.failures, open: config.breaker.open };
        let name = Name::from(config.name.as_str());
        Ok(Self {
            breaker: breaker(rule, name.text(), "", metrics),
            name,
            endpoint,
            keys,
            admission: Admission::new(config.limits, epoch),
            retries: config.retries,
            asks_usage: config.inject_usage && config.preset.usage == UsageReport::OnRequest,
            rule,
        })
    }

    pub(super) fn listed(self: &Arc<Self>, row: &ModelRow, metrics: &Metrics) -> Target {
        let price = row.price.map(|price| TokenPrice {
            input: price.input,
            output: price.output,
            cache_read: price.cache_read.unwrap_or(price.input),
        });
        let name = Name::from(row.name.as_str());
        Target {
            provider: Arc::clone(self),
            breaker: breaker(self.rule, self.name.text(), &name, metrics),
            label: Arc::clone(name.text()),
            name,
            id: row.id.as_str().into(),
            price,
            context: row.context,
            max_output: row.max_output,
            vision: row.vision,
            tools: row.tools,
        }
    }

    /// A model that the provider does not list: nothing is known of it, and it has no metrics of its own.
    pub(super) fn unlisted(self: &Arc<Self>, model: &str) -> Target {
        Target {
            provider: Arc::clone(self),
            name: model.into(),
            label: "other".into(),
            id: model.into(),
            price: None,
            context: None,
            max_output: None,
            vision: true,
            tools: true,
            breaker: Breaker::new(self.rule, prometheus_client::metrics::gauge::Gauge::default()),
        }
    }
}

fn breaker(rule: Rule, provider: &Arc<str>, model: &str, metrics: &Metrics) -> Arc<Breaker> {
    let labels = BreakerLabels { provider: Label(Arc::clone(provider)), model: Label(model.into()) };
    let gauge = metrics.breaker_state.get_or_create(&labels).clone();
    Breaker::new(rule, gauge)
}

impl Target {
    pub(super) fn open_until(&self, now: Instant) -> Option<Instant> {
        self.provider.breaker.closed_until(now).max(self.breaker.closed_until(now))
    }
}

/// How long until `until`.
pub(super) fn wait(until: Instant, now: Instant) -> Duration {
    until.saturating_duration_since(now)
}
